/** Names of hosts in what programs are told: environment, arguments, ConfigMaps. */
import { fields } from "../gateway/fields.ts";
import type { Path } from "../model/read.ts";
import type { KubeObject } from "../model/types.ts";
import type { Context, Group } from "./context.ts";

export interface Mention {
  /** Lower case, as it is written: with its final dot where it has one. */
  readonly host: string;
  readonly port: number | undefined;
  /** Where it stands. */
  readonly object: KubeObject;
  readonly path: Path;
  /** `env API_URL`, `args`, `ConfigMap app: url`. */
  readonly where: string;
}

const URL_HOST =
  /\b[a-z][a-z0-9+.-]*:\/\/(?:[^\s/?#@"']*@)?([a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?)(?::(\d{1,5}))?(?=[/?#\s"',;)\]}]|$)/gi;
const BARE =
  /^([a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?)+\.?)(?::(\d{1,5}))?$/i;
/** Variables and keys that hold the name of a host. */
const HOSTLY =
  /(HOST|URL|URI|ENDPOINT|SERVER|ADDR|ADDRESS|BROKER|DOMAIN|UPSTREAM|API|DSN|PROXY|SERVICE)S?(_|-|\.|$)/i;
/** Last labels that are no file's ending and no program's name. */
export const USUAL = new Set(
  "com org net edu gov io dev app cloud co info biz local internal svc".split(" "),
);
/** Those that a variable which holds a host's name may well end in, beside countries. */
const POSSIBLE = new Set(
  "mil int name pro tech online site xyz example test corp lan intranet home shop store ai cluster consul".split(
    " ",
  ),
);
const regions = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });
const isDomain = (label: string): boolean =>
  POSSIBLE.has(label) || (/^[a-z]{2}$/.test(label) && regions.of(label.toUpperCase()) !== undefined);
const ADDRESS = /^[\d.]+$/;
const MOST_TEXT = 100_000;

interface Found {
  readonly host: string;
  readonly port: number | undefined;
}

const port = (digits: string | undefined): number | undefined =>
  digits === undefined ? undefined : Number(digits);

/** Names in a text: those of URLs; the text itself, where it is a name and `hostly` or its last label says so. */
export function hostsIn(text: string, hostly: boolean): readonly Found[] {
  if (text.length > MOST_TEXT) return [];
  const found: Found[] = [...text.matchAll(URL_HOST)].map(([, host = "", digits]) => ({
    host,
    port: port(digits),
  }));
  if (found.length === 0)
    for (const part of text.split(/[\s,;]+/)) {
      const word = /^--?[a-z][\w-]*=(.*)$/i.exec(part)?.[1] ?? part;
      const match = BARE.exec(word.replace(/^["']|["']$/g, ""));
      if (match === null) continue;
      const last = (match[1] ?? "").replace(/\.$/, "").split(".").at(-1) ?? "";
      if (USUAL.has(last) || (hostly && isDomain(last)))
        found.push({ host: match[1] ?? "", port: port(match[2]) });
    }
  return found.map((f) => ({ ...f, host: f.host.toLowerCase() })).filter(({ host }) => !ADDRESS.test(host));
}

/** What a group's pods are told, container by container. */
export function mentionsOf(context: Context, { holder, pods }: Group): readonly Mention[] {
  const { object, path } = holder;
  const [pod] = pods;
  const spec = pod?.spec;
  const out: Mention[] = [];
  const add = (text: string, hostly: boolean, at: KubeObject, place: Path, where: string): void => {
    for (const found of hostsIn(text, hostly)) out.push({ ...found, object: at, path: place, where });
  };
  const maps = new Set<string>(spec?.volumes);
  for (const [list, containers] of [
    ["initContainers", spec?.initContainers ?? []],
    ["containers", spec?.containers ?? []],
  ] as const) {
    for (const [i, container] of containers.entries()) {
      const at = [...path, list, i];
      for (const { name, value, index } of container.env ?? [])
        add(value, HOSTLY.test(name), object, [...at, "env", index], `env ${name}`);
      for (const field of ["command", "args"] as const)
        for (const [j, word] of (container[field] ?? []).entries())
          add(word, HOSTLY.test(/^--?([\w-]+)=/.exec(word)?.[1] ?? ""), object, [...at, field, j], field);
      for (const name of container.envFrom ?? []) maps.add(name);
    }
  }
  const namespace = pod?.metadata.namespace;
  for (const map of context.others("ConfigMap")) {
    if (map.metadata.namespace !== namespace || !maps.has(map.metadata.name)) continue;
    for (const [key, value] of Object.entries(fields(map.data)))
      if (typeof value === "string")
        add(value, HOSTLY.test(key), map, ["data", key], `ConfigMap ${map.metadata.name}: ${key}`);
  }
  return out;
}
