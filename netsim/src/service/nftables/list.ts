import type { IPFamily } from "../../model/types.ts";
import { mergeBlocks, parseAddress } from "../address.ts";
import { MASQUERADE_MARK } from "../netfilter.ts";
import type { Chain, Element, Key, NftMap, NftSet, NftTable, Rule, Statement, Verdict } from "./ruleset.ts";

const MARK = `0x${MASQUERADE_MARK.toString(16).padStart(8, "0")}`;

/** The table as `nft -s list ruleset` shows it (1.0.6), elements in order of address and port. */
export function listTable({ family, sets, maps, chains }: NftTable): string {
  const lines = [`table ${ip(family)} kube-proxy {`, '\tcomment "rules for kube-proxy"'];
  const blocks = [
    ...[...sets.values()].map((set) => setLines(set)),
    ...[...maps.values()].map(mapLines),
    ...[...chains.values()].map((chain) => chainLines(chain, family)),
  ];
  for (const [index, block] of blocks.entries()) {
    if (index > 0) lines.push("");
    lines.push(...block.map((line) => `\t${line}`));
  }
  lines.push("}", "");
  return lines.join("\n");
}

/** One rule as nft shows it. */
export function ruleText(rule: Rule, family: IPFamily): string {
  const text = rule.statements.map((statement) => statementText(statement, family)).join(" ");
  return rule.comment === undefined ? text : `${text} comment "${rule.comment}"`;
}

export function verdictText(verdict: Verdict): string {
  return verdict.kind === "goto" ? `goto ${verdict.chain}` : verdict.kind;
}

/** What nft calls the family: `ip` or `ip6`. */
export function ip(family: IPFamily): "ip" | "ip6" {
  return family === "IPv4" ? "ip" : "ip6";
}

function setLines({ name, type, comment, timeout, elements }: NftSet): string[] {
  const lines = [`set ${name} {`, `\ttype ${type}`];
  if (timeout !== undefined)
    lines.push("\tsize 65535", "\tflags dynamic,timeout", `\ttimeout ${duration(timeout)}`);
  if (comment !== undefined) lines.push(`\tcomment "${comment}"`);
  // Elements that time out are the traffic's, not the configuration's.
  const shown = timeout === undefined ? sorted(elements) : [];
  if (shown.length > 0) lines.push(elementLines(shown, type === "ipv4_addr" ? 2 : 1));
  return [...lines, "}"];
}

function mapLines({ name, type, comment, elements }: NftMap): string[] {
  const shown = sorted(elements.keys()).map((key) => {
    const element = elements.get(key) as Element;
    const said = element.comment === undefined ? "" : ` comment "${element.comment}"`;
    return `${key}${said} : ${verdictText(element.verdict)}`;
  });
  return [
    `map ${name} {`,
    `\ttype ${type}`,
    `\tcomment "${comment}"`,
    ...(shown.length > 0 ? [elementLines(shown, 1)] : []),
    "}",
  ];
}

function elementLines(elements: readonly string[], perLine: number): string {
  const lines: string[] = [];
  for (let i = 0; i < elements.length; i += perLine) lines.push(elements.slice(i, i + perLine).join(", "));
  return `\telements = { ${lines.join(",\n\t\t\t     ")} }`;
}

function chainLines({ name, base, comment, rules }: Chain, family: IPFamily): string[] {
  const lines = [`chain ${name} {`];
  if (comment !== undefined) lines.push(`\tcomment "${comment}"`);
  if (base !== undefined)
    lines.push(`\ttype ${base.type} hook ${base.hook} priority ${base.priority}; policy accept;`);
  return [...lines, ...rules.map((rule) => `\t${ruleText(rule, family)}`), "}"];
}

function statementText(statement: Statement, family: IPFamily): string {
  switch (statement.kind) {
    case "new":
      return "ct state new";
    case "dnatted":
      return "ct status dnat";
    case "local source":
      return "fib saddr type local";
    case "marked":
      return `meta mark & ${MARK} != 0x00000000`;
    case "mark":
      return `meta mark set meta mark | ${MARK}`;
    case "unmark":
      return `meta mark set meta mark ^ ${MARK}`;
    case "masquerade":
      return "masquerade fully-random";
    case "blocks": {
      const blocks = mergeBlocks(statement.blocks);
      const text =
        blocks.length === 1 && statement.blocks.length === 1 ? blocks[0] : `{ ${blocks.join(", ")} }`;
      return `${ip(family)} ${statement.which} ${statement.not ? "!= " : ""}${text}`;
    }
    case "in":
      return `${keyText(statement.key, family)} @${statement.set}`;
    case "vmap":
      return `${keyText(statement.key, family)} vmap @${statement.map}`;
    case "protocol":
      return `meta l4proto ${statement.protocol}`;
    case "jump":
    case "goto":
      return `${statement.kind} ${statement.chain}`;
    case "dnat": {
      const [only, ...others] = statement.targets;
      if (only !== undefined && others.length === 0) return `dnat to ${only.key}`;
      const map = statement.targets.map(({ address, port }, index) => `${index} : ${address} . ${port}`);
      return `dnat ${ip(family)} to ${random(map.length)} map { ${map.join(", ")} }`;
    }
    case "goto random": {
      const map = statement.chains.map((chain, index) => `${index} : goto ${chain}`);
      return `${random(map.length)} vmap { ${map.join(", ")} }`;
    }
    case "update":
      return `update @${statement.set} { ${ip(family)} saddr }`;
    default:
      return statement.kind;
  }
}

function random(of: number): string {
  return `numgen random mod ${of}`;
}

function keyText(key: Key, family: IPFamily): string {
  const field = ip(family);
  switch (key) {
    case "daddr":
    case "saddr":
      return `${field} ${key}`;
    case "service":
      return `${field} daddr . meta l4proto . th dport`;
    case "nodeport":
      return "meta l4proto . th dport";
    case "hairpin":
      return `${field} saddr . ${field} daddr . meta l4proto . th dport`;
  }
}

/** `1d2h3m4s`. */
function duration(seconds: number): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 86400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ];
  return parts.map(([count, unit]) => (count > 0 ? `${count}${unit}` : "")).join("");
}

/** By address, then port, then protocol, whatever parts the texts have. */
function sorted(keys: Iterable<string>): string[] {
  const rank = (key: string) => {
    const parts = key.split(" . ");
    const address = parseAddress(parts[0] ?? "")?.value ?? 0n;
    const port = /^\d+$/.test(parts.at(-1) ?? "") ? Number(parts.at(-1)) : 0;
    return { key, address, port };
  };
  return [...keys]
    .map(rank)
    .sort((a, b) =>
      a.address !== b.address
        ? a.address < b.address
          ? -1
          : 1
        : a.port - b.port || (a.key < b.key ? -1 : 1),
    )
    .map(({ key }) => key);
}
