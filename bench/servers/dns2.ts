import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "../../test/support/paths.ts";
import { startProcess } from "../lib/process.ts";
import type { Kind } from "./server.ts";

const cache = join(root, ".cache/bench-dns2");
const installed = join(cache, "node_modules/dns2");
/** dns2 3 is for Node 22 and later. */
const wanted = Number(process.versions.node.split(".")[0]) >= 22 ? "dns2@3" : "dns2@2";

/** The npm package dns2, whose handler looks the same names up in a Map. Installed on demand into an ignored folder. */
export const dns2: Kind = {
  name: "dns2",
  title: "dns2 (npm), the same names in a Map",
  missing() {
    if (installedMajor() === wanted.at(-1)) return undefined;
    process.stderr.write(`bench: installing ${wanted} from npm into .cache\n`);
    const args = ["install", "--prefix", cache, "--no-audit", "--no-fund", "--ignore-scripts", wanted];
    const done = spawnSync("npm", args, { encoding: "utf8" });
    return done.status === 0
      ? undefined
      : `npm can't install ${wanted}: ${done.stderr.trim().split("\n").at(-1)}`;
  },
  version: () => `dns2 ${packageOf().version}, node ${process.version}`,
  start(site) {
    const file = join(site.directory, "records.json");
    writeFileSync(file, JSON.stringify(site.records));
    const { main } = packageOf();
    const self = fileURLToPath(import.meta.url);
    const program = join(self, "../dns2-server") + self.slice(self.lastIndexOf("."));
    return startProcess({
      command: process.execPath,
      args: [program, join(installed, main ?? "index.js"), file, String(site.port)],
      cwd: site.directory,
      logFile: join(site.directory, "log"),
    });
  },
};

function packageOf(): { version: string; main?: string } {
  return JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
    version: string;
    main?: string;
  };
}

const installedMajor = (): string | undefined =>
  existsSync(join(installed, "package.json")) ? packageOf().version.split(".")[0] : undefined;
