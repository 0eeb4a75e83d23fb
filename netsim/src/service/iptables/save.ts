import { MASQUERADE_MARK } from "../netfilter.ts";
import type { IPFamily } from "../../model/types.ts";
import type { Match, Rule, Table, Target } from "./rule.ts";

const MARK = `0x${MASQUERADE_MARK.toString(16)}`;

/** A table as iptables-save shows it (1.8.9, counters zero), without the comments around it. */
export function saveTable(table: Table): string {
  const lines = [`*${table.name}`];
  for (const { name, policy } of table.chains.values()) lines.push(`:${name} ${policy ?? "-"} [0:0]`);
  for (const { name, rules } of table.chains.values())
    for (const rule of rules) lines.push(ruleText(name, rule, table.family));
  lines.push("COMMIT", "");
  return lines.join("\n");
}

/** One rule as iptables-save shows it: `-A CHAIN ...`. */
export function ruleText(chain: string, rule: Rule, family: IPFamily): string {
  const parts = [`-A ${chain}`];
  if (rule.source !== undefined) parts.push(`${rule.source.not ? "! " : ""}-s ${rule.source.block.text}`);
  if (rule.destination !== undefined)
    parts.push(`${rule.destination.not ? "! " : ""}-d ${rule.destination.block.text}`);
  if (rule.protocol !== undefined) parts.push(`-p ${rule.protocol}`);
  for (const match of rule.matches) parts.push(`-m ${matchText(match, rule, family)}`);
  if (rule.target !== undefined) parts.push(`-j ${targetText(rule.target, family)}`);
  return parts.join(" ");
}

function matchText(match: Match, rule: Rule, family: IPFamily): string {
  const not = "not" in match && match.not ? "! " : "";
  switch (match.kind) {
    case "comment":
      return `comment --comment "${match.text}"`;
    case "port":
      return match.port === undefined ? `${rule.protocol}` : `${rule.protocol} --dport ${match.port}`;
    case "state":
      return `conntrack ${not}--ctstate ${match.states.join(",")}`;
    case "local":
      return `addrtype ${not}--${match.which}-type LOCAL`;
    case "marked":
      return `mark ${not}--mark ${MARK}/${MARK}`;
    case "random":
      return `statistic --mode random --probability ${match.probability.toFixed(11)}`;
    case "seen":
      return `recent --rcheck --seconds ${match.seconds} --reap ${recentList(match.list, family)}`;
    case "remember":
      return `recent --set ${recentList(match.list, family)}`;
    case "count":
      // The second space is iptables' own.
      return `nfacct --nfacct-name  ${match.counter}`;
    case "set":
      return `set --match-set ${match.set} ${match.by}`;
    case "bridged":
      return `physdev ${not}--physdev-is-in`;
    case "ipvs":
      return `ipvs --vaddr ${match.address} --vproto ${match.protocol} --vport ${match.port}`;
  }
}

function recentList(name: string, family: IPFamily): string {
  const mask = family === "IPv4" ? "255.255.255.255" : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  return `--name ${name} --mask ${mask} --rsource`;
}

export function targetText(target: Target, family: IPFamily): string {
  switch (target.kind) {
    case "jump":
      return target.chain;
    case "mark":
      return `MARK --set-xmark ${MARK}/${MARK}`;
    case "unmark":
      return `MARK --set-xmark ${MARK}/0x0`;
    case "MASQUERADE":
      return target.samePort ? "MASQUERADE" : "MASQUERADE --random-fully";
    case "REJECT":
      return `REJECT --reject-with ${family === "IPv4" ? "icmp" : "icmp6"}-port-unreachable`;
    case "DNAT":
      return `DNAT --to-destination ${target.to}`;
    default:
      return target.kind;
  }
}
