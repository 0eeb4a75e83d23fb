import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { root } from "../../test/support/paths.ts";
import { startProcess } from "../lib/process.ts";
import { COREDNS_VERSION } from "../../src/version.ts";
import { nativeBinding } from "../../src/native/binding.ts";
import { corefileText } from "./corefile.ts";
import type { Kind, Site } from "./server.ts";

/** CLUSTERDNS_BIN: that of another checkout, to compare two. */
const program = (): string => process.env["CLUSTERDNS_BIN"] || join(root, "bin/clusterdns");

interface Variant {
  readonly name: string;
  readonly title: string;
  readonly native: boolean;
  readonly extra?: readonly string[];
}

const variant = ({ name, title, native, extra = [] }: Variant): Kind => ({
  name,
  title,
  missing: () => (native ? nativeBinding().reason || undefined : undefined),
  version: () => `clusterdns for CoreDNS ${COREDNS_VERSION}, node ${process.version}`,
  start(site) {
    const file = join(site.directory, "Corefile");
    writeFileSync(file, corefileText(site, extra));
    return startProcess({
      command: process.execPath,
      args: [...nodeFlags(site), program(), "-conf", file],
      cwd: site.directory,
      env: { ...site.env, ...(native ? {} : { CLUSTERDNS_NATIVE: "off" }) },
      logFile: join(site.directory, "log"),
    });
  },
});

let profiles: string | undefined;

/** From now on a server writes a CPU profile into this directory when it ends. */
export function profileInto(directory: string): void {
  mkdirSync(directory, { recursive: true });
  profiles = directory;
}

/** A directory for each workload and server, as the site's are. */
const nodeFlags = ({ directory }: Site): string[] =>
  profiles === undefined
    ? []
    : ["--cpu-prof", `--cpu-prof-dir=${join(profiles, basename(dirname(directory)), basename(directory))}`];

export const ours: Kind = variant({ name: "ours", title: "clusterdns", native: true });
export const oursDgram: Kind = variant({
  name: "ours-dgram",
  title: "clusterdns on node:dgram",
  native: false,
});
export const oursTwoThreads: Kind = variant({
  name: "ours-2-threads",
  title: "clusterdns, 2 I/O threads",
  native: true,
  extra: ["multisocket 2"],
});
