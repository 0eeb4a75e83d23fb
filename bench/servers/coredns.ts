import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startProcess } from "../lib/process.ts";
import { corefileText } from "./corefile.ts";
import type { Kind } from "./server.ts";

const program = (): string => process.env["COREDNS_BIN"] ?? "";

/** CoreDNS on one thread, so that a core of it is compared with a core of ours. */
export const coredns: Kind = {
  name: "coredns",
  title: "CoreDNS (GOMAXPROCS=1)",
  missing() {
    if (program() === "")
      return "set COREDNS_BIN to the program (https://github.com/coredns/coredns/releases)";
    return existsSync(program()) ? undefined : `COREDNS_BIN: no such file: ${program()}`;
  },
  version: () =>
    spawnSync(program(), ["-version"], { encoding: "utf8" })
      .stdout.trim()
      .replaceAll("\n", ", ")
      .replace(/,\s*$/, ""),
  start(site) {
    const file = join(site.directory, "Corefile");
    writeFileSync(file, corefileText(site));
    return startProcess({
      command: program(),
      args: ["-conf", file],
      cwd: site.directory,
      env: { GOMAXPROCS: "1" },
      logFile: join(site.directory, "log"),
    });
  },
};
