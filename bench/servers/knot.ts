import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram, startProcess } from "../lib/process.ts";
import { zonesOf } from "./zones.ts";
import type { Kind, Site } from "./server.ts";

/** Knot DNS over zone files, one worker. */
export const knot: Kind = {
  name: "knot",
  title: "Knot DNS, the same names in a zone",
  missing: () => (findProgram("knotd") === undefined ? "not installed: apt-get install knot" : undefined),
  version: () => spawnSync(findProgram("knotd")!, ["--version"], { encoding: "utf8" }).stdout.trim(),
  start: (site) => startKnot(site, zonesOf(site.records)),
};

/** `zones`: for each origin, without the final dot, the lines of its zone file. */
export function startKnot(
  { directory, port }: Pick<Site, "directory" | "port">,
  zones: ReadonlyMap<string, readonly string[]>,
): ReturnType<Kind["start"]> {
  const run = join(directory, "run");
  mkdirSync(run, { recursive: true });
  const files = [...zones].map(([origin, lines]) => {
    const file = join(directory, `${origin}.zone`);
    writeFileSync(file, [...lines, ""].join("\n"));
    return { origin, file };
  });
  const text = [
    "server:",
    `    rundir: ${run}`,
    `    listen: 127.0.0.1@${port}`,
    "    udp-workers: 1",
    "    tcp-workers: 1",
    "    background-workers: 1",
    "database:",
    `    storage: ${run}`,
    "template:",
    "  - id: default",
    "    zonefile-sync: -1",
    "    journal-content: none",
    "zone:",
    ...files.flatMap(({ origin, file }) => [`  - domain: ${origin}`, `    file: ${file}`]),
    "",
  ].join("\n");
  const config = join(directory, "knot.conf");
  writeFileSync(config, text);
  return startProcess({
    command: findProgram("knotd")!,
    args: ["-c", config],
    cwd: directory,
    logFile: join(directory, "log"),
  });
}
