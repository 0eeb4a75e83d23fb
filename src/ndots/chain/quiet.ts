import { registry } from "../../../plugins/index.ts";
import type { Plugin } from "../../plugin.ts";

/** Plugins about the process and its sockets, which have no part in an answer: a chain in one process goes without them. */
const QUIET: readonly string[] = [
  "health",
  "ready",
  "prometheus",
  "pprof",
  "loop",
  "reload",
  "trace",
  "dnstap",
  "ndots",
];

/** They take their place in a Corefile and do nothing, so that one which opens ports or watches files can be played as it stands. */
export async function quietPlugins(): Promise<readonly Plugin[]> {
  const there = registry.order.filter(({ name, load }) => QUIET.includes(name) && load !== undefined);
  return Promise.all(there.map(async ({ load }) => ({ ...(await load!()), setup: () => undefined })));
}
