/** The broken clusters: a folder for each check, named after it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSysctls } from "../../src/doctor/node/sysctl.ts";
import type { DoctorOptions } from "../../src/doctor/types.ts";

const find = (dir: string): string =>
  existsSync(join(dir, "test/doctor/data")) && existsSync(join(dir, "package.json"))
    ? dir
    : find(dirname(dir));

/** The package's folder, from the sources as from the compiled tree. */
export const netsim = find(dirname(fileURLToPath(import.meta.url)));
export const DATA = join(netsim, "test/doctor/data");

/** Folders with a cluster in them. */
export const folders = (): string[] =>
  readdirSync(DATA).filter((name) => existsSync(join(DATA, name, "cluster.yaml")));

export interface Broken {
  readonly cluster: string;
  readonly sysctls: string;
  readonly options: DoctorOptions;
  /** The cluster after advice that is more than a change of manifests. */
  readonly after: string | undefined;
}

export const read = (file: string): string => readFileSync(file, "utf8");

export function broken(name: string): Broken {
  const at = (file: string): string => join(DATA, name, file);
  const given = (existsSync(at("options.json")) ? JSON.parse(read(at("options.json"))) : {}) as DoctorOptions;
  const sysctls = at("sysctl.txt");
  return {
    cluster: at("cluster.yaml"),
    sysctls,
    options: {
      ...given,
      ...(existsSync(sysctls) && { sysctls: parseSysctls(read(sysctls), sysctls) }),
    },
    after: existsSync(at("after.yaml")) ? at("after.yaml") : undefined,
  };
}
