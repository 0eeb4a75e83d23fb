import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram, startProcess } from "../lib/process.ts";
import { zonesOf } from "./zones.ts";
import type { Kind } from "./server.ts";

/** Unbound with the same names as local data, and everything else forwarded; one thread. */
export const unbound: Kind = {
  name: "unbound",
  title: "Unbound, the same names as local data",
  missing: () =>
    findProgram("unbound") === undefined ? "not installed: apt-get install unbound" : undefined,
  version: () => spawnSync(findProgram("unbound")!, ["-V"], { encoding: "utf8" }).stdout.split("\n")[0]!,
  start(site) {
    const local = [...zonesOf(site.records)].flatMap(([origin, lines]) => [
      `    local-zone: "${origin}." static`,
      ...lines.map((line) => `    local-data: '${line.replaceAll("'", "\\'")}'`),
    ]);
    const text = [
      "server:",
      `    interface: 127.0.0.1@${site.port}`,
      `    directory: "${site.directory}"`,
      '    chroot: ""',
      '    username: ""',
      '    pidfile: ""',
      "    do-daemonize: no",
      "    use-syslog: no",
      "    num-threads: 1",
      "    do-not-query-localhost: no",
      '    module-config: "iterator"',
      // Like our own: few enough that 300,000 names never stay.
      "    msg-cache-size: 4m",
      "    rrset-cache-size: 4m",
      ...local,
      "forward-zone:",
      '    name: "."',
      `    forward-addr: 127.0.0.1@${site.upstreamPort}`,
      "remote-control:",
      "    control-enable: no",
      "",
    ].join("\n");
    const config = join(site.directory, "unbound.conf");
    writeFileSync(config, text);
    return startProcess({
      command: findProgram("unbound")!,
      args: ["-c", config, "-d"],
      cwd: site.directory,
      logFile: join(site.directory, "log"),
    });
  },
};
