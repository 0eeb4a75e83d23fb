import type { AnyDirective } from "../../../src/directive/index.ts";
import { directiveTable as auto } from "../../../plugins/auto/directive.ts";
import { directiveTable as file } from "../../../plugins/file/directive.ts";
import { directiveTable as root } from "../../../plugins/root/directive.ts";
import { directiveTable as secondary } from "../../../plugins/secondary/directive.ts";
import { directiveTable as transfer } from "../../../plugins/transfer/directive.ts";
import { cache } from "./cache.ts";
import { errors } from "./errors.ts";
import { forward } from "./forward.ts";
import { health } from "./health.ts";
import { hosts } from "./hosts.ts";
import { kubernetes } from "./kubernetes.ts";
import { log } from "./log.ts";
import { prometheus } from "./prometheus.ts";
import { directiveTable as rewrite } from "../../../plugins/rewrite/directive.ts";
import * as settings from "./settings.ts";
import { template } from "./template.ts";

export const tables: Readonly<Record<string, AnyDirective>> = {
  auto,
  cache,
  errors,
  file,
  forward,
  health,
  hosts,
  kubernetes,
  log,
  prometheus,
  rewrite,
  root,
  secondary,
  template,
  transfer,
  ...settings,
};
