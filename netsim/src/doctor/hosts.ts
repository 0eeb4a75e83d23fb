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
/** Others that names of the world outside end in, beside countries. */
const POSSIBLE = new Set(
  "mil int name pro tech online site xyz example test corp lan intranet home shop store ai page live space world systems network email group team software services solutions zone tools run".split(
    " ",
  ),
);
const regions = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });

/** Whether a last label is one that names of hosts outside have. */
export const isDomain = (label: string): boolean =>
  USUAL.has(label) ||
  POSSIBLE.has(label) ||
  (/^[a-z]{2}$/.test(label) && regions.of(label.toUpperCase()) !== undefined);
const ADDRESS = /^[\d.]+$/;
const MOST_TEXT = 100_000;

interface Found {
  readonly host: string;
  readonly port: number | undefined;
}

const port = (digits: string | undefined): number | undefined =>
  digits === undefined ? undefined : Number(digits);

/** How sure it is that a bare word is a host's name: what it is called says so, it has no name of its own, or it is called something else. */
type Hostly = "yes" | "unnamed" | "no";

/** Names in a text: those of URLs, else bare words, by what the text is called. */
export function hostsIn(text: string, hostly: Hostly): readonly Found[] {
  if (text.length > MOST_TEXT) return [];
  const found: Found[] = [...text.matchAll(URL_HOST)].map(([, host = "", digits]) => ({
    host,
    port: port(digits),
  }));
  if (found.length === 0 && hostly !== "no")
    for (const part of text.split(/[\s,;]+/)) {
      const word = /^--?[a-z][\w-]*=(.*)$/i.exec(part)?.[1] ?? part;
      const match = BARE.exec(word.replace(/^["']|["']$/g, ""));
      if (match === null) continue;
      const last = (match[1] ?? "").replace(/\.$/, "").split(".").at(-1) ?? "";
      if (hostly === "yes" ? isDomain(last) : USUAL.has(last))
        found.push({ host: match[1] ?? "", port: port(match[2]) });
    }
  return found.map((f) => ({ ...f, host: f.host.toLowerCase() })).filter(({ host }) => !ADDRESS.test(host));
}

const called = (name: string | undefined): Hostly =>
  name === undefined ? "unnamed" : HOSTLY.test(name) ? "yes" : "no";

/** What a group's pods are told, container by container. */
export function mentionsOf(context: Context, { holder, pods }: Group): readonly Mention[] {
  const { object, path } = holder;
  const [pod] = pods;
  const spec = pod?.spec;
  const out: Mention[] = [];
  const add = (text: string, hostly: Hostly, at: KubeObject, place: Path, where: string): void => {
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
        add(value, called(name), object, [...at, "env", index], `env ${name}`);
      for (const field of ["command", "args"] as const)
        for (const [j, word] of (container[field] ?? []).entries())
          add(word, called(/^--?([\w-]+)=/.exec(word)?.[1]), object, [...at, field, j], field);
      for (const name of container.envFrom ?? []) maps.add(name);
    }
  }
  const namespace = pod?.metadata.namespace;
  for (const map of context.others("ConfigMap")) {
    if (map.metadata.namespace !== namespace || !maps.has(map.metadata.name)) continue;
    for (const [key, value] of Object.entries(fields(map.data)))
      if (typeof value === "string")
        add(value, called(key), map, ["data", key], `ConfigMap ${map.metadata.name}: ${key}`);
  }
  return out;
}
