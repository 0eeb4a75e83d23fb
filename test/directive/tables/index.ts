import type { AnyDirective } from "../../../src/directive/index.ts";
import { directiveTable as file } from "../../../plugins/file/directive.ts";
import { directiveTable as root } from "../../../plugins/root/directive.ts";
import { cache } from "./cache.ts";
import { errors } from "./errors.ts";
import { forward } from "./forward.ts";
import { health } from "./health.ts";
import { hosts } from "./hosts.ts";
import { kubernetes } from "./kubernetes.ts";
import { log } from "./log.ts";
import { prometheus } from "./prometheus.ts";
import { rewrite } from "./rewrite.ts";
import * as settings from "./settings.ts";
import { template } from "./template.ts";

export const tables: Readonly<Record<string, AnyDirective>> = {
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
  template,
  ...settings,
};
