/** The cluster's Corefile: read by clusterdns' own checker, and changed line by line. */
import { checkCorefile, type CorefileReport } from "clusterdns";
import type { OtherObject } from "../../model/types.ts";
import { fields, text } from "../../gateway/fields.ts";
import { OUTSIDE_RESOLVER } from "../../trace/settings.ts";
import type { Context } from "../context.ts";
import { fix, textChange } from "../fix.ts";
import { placeInText } from "../place.ts";
import type { Check, Draft, Fix, Place } from "../types.ts";

type Block = CorefileReport["blocks"][number];
type Line = Block["lines"][number];

export interface CorefileParts extends CorefileReport {
  readonly map: OtherObject;
  readonly key: string;
  readonly text: string;
  /** A line of the Corefile, counted from 1, in the manifest. */
  placeOf(line: number): Place;
  /** Of the first directive of that name; of its beginning where there is none. */
  lineOf(directive: string): number;
}

const KEY = "Corefile";
const read = new WeakMap<OtherObject, Promise<CorefileParts>>();

/** The Corefile of a ConfigMap; undefined where it has none. */
function partsOf(
  map: OtherObject,
  filled = (corefile: string): string => corefile,
): Promise<CorefileParts> | undefined {
  const corefile = text(fields(map.data)[KEY]);
  if (corefile === undefined) return undefined;
  let parts = read.get(map);
  if (parts === undefined) read.set(map, (parts = readParts(map, corefile, filled(corefile))));
  return parts;
}

async function readParts(map: OtherObject, corefile: string, filled: string): Promise<CorefileParts> {
  const report = await checkCorefile(filled, { env: ENVIRONMENT });
  const lines = report.blocks.flatMap((b) => b.lines);
  return {
    ...report,
    map,
    key: KEY,
    text: corefile,
    placeOf: (line) => placeInText(map, ["data", KEY], line),
    lineOf: (directive) => lines.find((l) => l.name === directive)?.tokens[0]?.line ?? 1,
  };
}

/** What CoreDNS's usual manifests refer to. */
const ENVIRONMENT = { POD_NAMESPACE: "kube-system", NODE_NAME: "node-1" };

/** The ConfigMap of the cluster DNS: the one called coredns, else whichever has a Corefile with the kubernetes plugin. */
export function clusterCorefile({ given }: Context): Promise<CorefileParts | undefined> {
  const maps = (given.others.get("ConfigMap") ?? []).filter(
    (m) => text(fields(m.data)[KEY]) !== undefined && m.metadata.name !== "node-local-dns",
  );
  const map =
    maps.find((m) => m.metadata.name === "coredns") ??
    maps.find((m) => /^\s*kubernetes\b/m.test(text(fields(m.data)[KEY]) ?? ""));
  return (map && partsOf(map)) ?? Promise.resolve(undefined);
}

/** Runs on a Corefile that can be read. */
export const onCorefile =
  (
    run: (corefile: CorefileParts, context: Context) => readonly Draft[] | Promise<readonly Draft[]>,
  ): Check["run"] =>
  async (context) => {
    const corefile = await clusterCorefile(context);
    return corefile === undefined || corefile.errors.length > 0 ? [] : run(corefile, context);
  };

/** A line of the text, counted from 1. */
export const quoted = ({ text }: Pick<CorefileParts, "text">, line: number): string =>
  (text.split("\n")[line - 1] ?? "").trim();

/** That of NodeLocal DNSCache, with its manifest's placeholders as they would be filled in. */
export function nodeLocalCorefile({ given, kubelet }: Context): Promise<CorefileParts> | undefined {
  const map = (given.others.get("ConfigMap") ?? []).find((m) => m.metadata.name === "node-local-dns");
  const filled = (corefile: string): string =>
    corefile
      .replaceAll("__PILLAR__DNS__DOMAIN__", kubelet.clusterDomain)
      .replace(/__PILLAR__\w+__/g, OUTSIDE_RESOLVER);
  return map && partsOf(map, filled);
}

/** Words behind a directive's name on its own line, without its block. */
export function argumentsOf({ tokens }: Line): readonly string[] {
  const [name] = tokens;
  const end = tokens.findIndex((t, i) => i > 0 && (t.text === "{" || t.line !== name?.line));
  return tokens.slice(1, end < 0 ? tokens.length : end).map((t) => t.text);
}

/** Options in a directive's block: each its words and its line. */
export function optionsOf({
  tokens,
}: Line): readonly { readonly words: readonly string[]; readonly line: number }[] {
  const open = tokens.findIndex((t) => t.text === "{");
  if (open < 0) return [];
  const lines = new Map<number, string[]>();
  for (const { text: word, line } of tokens.slice(open + 1, tokens.length)) {
    if (word === "}") continue;
    lines.set(line, [...(lines.get(line) ?? []), word]);
  }
  return [...lines].map(([line, words]) => ({ line, words }));
}

export const directives = (
  { blocks }: CorefileParts,
  name: string,
): readonly { block: Block; line: Line }[] =>
  blocks.flatMap((block) => block.lines.filter((l) => l.name === name).map((line) => ({ block, line })));

/** Blocks that the whole world's names come to. */
export const rootBlocks = ({ blocks }: CorefileParts): readonly Block[] =>
  blocks.filter((b) => b.keys.some((k) => k.zone === "."));

/* ---- changed texts ---- */

const linesOf = (corefile: string): string[] => corefile.split("\n");

/** `added` as the first directive of a block, indented as the others are. */
export function withDirective({ text: corefile }: CorefileParts, block: Block, added: string): string {
  const lines = linesOf(corefile);
  const first = block.lines[0]?.tokens[0]?.line ?? block.line + 1;
  const indent = /^\s*/.exec(lines[first - 1] ?? "    ")?.[0] ?? "    ";
  lines.splice(first - 1, 0, ...added.split("\n").map((l) => indent + l));
  return lines.join("\n");
}

/** Without the directive and its block. */
export function withoutDirective({ text: corefile, blocks }: CorefileParts, name: string): string {
  const lines = linesOf(corefile);
  const gone = blocks
    .flatMap((b) => b.lines)
    .filter((l) => l.name === name)
    .map(({ tokens }) => [tokens[0]?.line ?? 0, tokens.at(-1)?.line ?? 0] as const);
  return lines.filter((_, i) => !gone.some(([first, last]) => first <= i + 1 && i + 1 <= last)).join("\n");
}

/** With one word of one line replaced. */
export function withWord({ text: corefile }: CorefileParts, line: number, word: string, by: string): string {
  const lines = linesOf(corefile);
  const own = lines[line - 1] ?? "";
  const at = own.search(new RegExp(`(?<![^\\s"])${word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![^\\s"])`));
  if (at >= 0) lines[line - 1] = own.slice(0, at) + by + own.slice(at + word.length);
  return lines.join("\n");
}

/** With a line replaced by others, or taken away. */
export function withLine({ text: corefile }: CorefileParts, line: number, ...by: readonly string[]): string {
  const lines = linesOf(corefile);
  const indent = /^\s*/.exec(lines[line - 1] ?? "")?.[0] ?? "";
  lines.splice(line - 1, 1, ...by.map((l) => indent + l));
  return lines.join("\n");
}

export const corefileFix = ({ map, key, text: before }: CorefileParts, what: string, after: string): Fix =>
  after === before ? fix(what) : fix(what, textChange(map, ["data", key], before, after));
