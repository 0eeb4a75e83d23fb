/** What is in a pod besides its network: words that name hosts, sysctls, ConfigMaps. Pods of one workload share what is equal. */
import type { At, Read } from "./read.ts";
import { list, need, or, record, string } from "./read.ts";
import type * as t from "./pod-types.ts";

const MOST = 10_000;

/** The same object for equal values: a dump repeats a workload's environment for each of its pods. */
function shared<T>(read: Read<T>): Read<T> {
  const known = new Map<string, T>();
  return (value: unknown, at: At) => {
    const result = read(value, at);
    if (result === undefined) return undefined;
    const key = JSON.stringify(result);
    const same = known.get(key);
    if (same !== undefined) return same;
    if (known.size >= MOST) known.clear();
    known.set(key, result);
    return result;
  };
}

/** Commands may hold numbers and what else YAML makes of unquoted words: those are no host names, and no fault to report here. */
const words: Read<readonly string[]> = shared((value) =>
  Array.isArray(value) ? value.filter((word) => typeof word === "string") : [],
);

type Fields = Readonly<Record<string, unknown>>;
const fields = (value: unknown): Fields =>
  typeof value === "object" && value !== null ? (value as Fields) : {};
const entries = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.map(fields) : []);

/** Only literal values: what comes from Secrets is not looked at. The index is that of the list as it is written. */
const env: Read<NonNullable<t.Container["env"]>> = shared((value) =>
  entries(value).flatMap(({ name, value: text }, index) =>
    typeof name === "string" && typeof text === "string" ? [{ name, value: text, index }] : [],
  ),
);

const envFrom: Read<readonly string[]> = shared((value) =>
  entries(value).flatMap(({ configMapRef }) => {
    const { name } = fields(configMapRef);
    return typeof name === "string" ? [name] : [];
  }),
);

const memoryLimit: Read<string> = (value) => {
  const memory = fields(fields(value)["limits"])["memory"];
  return typeof memory === "string" || typeof memory === "number" ? String(memory) : undefined;
};

/** Readers of a container's further fields, by the name that they have in the API. */
export const container = { command: words, args: words, env, envFrom, resources: memoryLimit };

const sysctls = list(record<t.Sysctl>({ name: need(string), value: or(string, "") }));

export const securityContext = record<NonNullable<t.PodSpec["securityContext"]>>({ sysctls });

/** Names of the ConfigMaps that are mounted. */
export const volumes: Read<readonly string[]> = shared((value) =>
  entries(value).flatMap(({ configMap, projected }) => {
    const maps = [configMap, ...entries(fields(projected)["sources"]).map((s) => s["configMap"])];
    return maps.flatMap((map) => {
      const { name } = fields(map);
      return typeof name === "string" ? [name] : [];
    });
  }),
);
