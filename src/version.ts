import { readFileSync } from "node:fs";

/** The version of CoreDNS whose Corefiles, answers and metrics are followed. */
export const COREDNS_VERSION = "1.14.7";

/** Our own version, from the package. */
export function packageVersion(): string {
  // From dist/src as from src the package's file is the nearest one above that says a name.
  for (const up of ["../", "../../"]) {
    try {
      const text = readFileSync(new URL(`${up}package.json`, import.meta.url), "utf8");
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      continue;
    }
  }
  return "0.0.0";
}

/** Two lines, as tools that start CoreDNS expect them: the version that is followed, then what runs. */
export function versionLines(): string[] {
  const arch = process.arch === "x64" ? "amd64" : process.arch;
  return [
    `CoreDNS-${COREDNS_VERSION}`,
    `${process.platform}/${arch}, node ${process.version}, clusterdns ${packageVersion()}`,
  ];
}
