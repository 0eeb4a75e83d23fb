/** What a packet meets in iptables rules, as the kernel evaluates them: chain by chain, rule by rule. */
import { contains } from "../address.ts";
import {
  masquerade,
  MASQUERADE_MARK,
  translate,
  travel,
  type Flight,
  type Hooks,
  type Verdict,
} from "../netfilter.ts";
import { isLocal } from "../node.ts";
import type { DataPlane } from "../packet.ts";
import type { IptablesProgram } from "./program.ts";
import type { Match, Rule, Table, Target } from "./rule.ts";
import { ruleText, targetText } from "./save.ts";

/** Addresses that one list of the `recent` match holds (`ip_list_tot`); the longest unseen goes first. */
const RECENT_LIST = 100;

export type Recent = Map<string, Map<string, number>>;

/** Matches that need more than the packet: ipsets, IPVS. */
export type OtherMatch = (match: Match, flight: Flight) => boolean;

export function iptablesPlane(program: IptablesProgram): DataPlane {
  const recent: Recent = new Map();
  const { nat, filter, node } = program;
  const through = (table: Table, chain: string) => (flight: Flight) => traverse(table, chain, flight, recent);
  const hooks: Hooks = {
    prerouting: [through(nat, "PREROUTING")],
    input: [through(filter, "INPUT")],
    forward: [through(filter, "FORWARD")],
    output: [through(nat, "OUTPUT"), through(filter, "OUTPUT")],
    postrouting: [through(nat, "POSTROUTING")],
  };
  return {
    mode: "iptables",
    node: node.name,
    connect: (packet, situation) => travel(packet, node, situation, hooks),
    reset: () => recent.clear(),
  };
}

/** A built-in chain from its first rule to its policy. */
export function traverse(
  table: Table,
  chain: string,
  flight: Flight,
  recent: Recent,
  other: OtherMatch = never,
): Verdict {
  const end = walk(table, chain, flight, recent, other);
  return end === "accepted" ? undefined : end;
}

/** Jumps nest as deep as kube-proxy's chains do; a chain that is missing has no rules. */
function walk(
  table: Table,
  chain: string,
  flight: Flight,
  recent: Recent,
  other: OtherMatch,
): Verdict | "accepted" {
  for (const rule of table.chains.get(chain)?.rules ?? []) {
    flight.rules++;
    if (!matches(rule, flight, recent, other)) continue;
    const { target } = rule;
    if (target === undefined) continue;
    flight.service = rule.service ?? flight.service;
    flight.steps.push({
      where: `${table.name} ${chain}`,
      rule: ruleText(chain, rule, table.family),
      effect: targetText(target, table.family),
    });
    if (target.kind === "RETURN") return undefined;
    const end =
      target.kind === "jump" ? walk(table, target.chain, flight, recent, other) : act(target, flight);
    if (end !== undefined) return end;
  }
  return undefined;
}

function act(target: Exclude<Target, { kind: "jump" }>, flight: Flight): Verdict | "accepted" {
  switch (target.kind) {
    case "mark":
      flight.mark |= MASQUERADE_MARK;
      return undefined;
    case "unmark":
      flight.mark ^= MASQUERADE_MARK;
      return undefined;
    case "DNAT":
      translate(flight, target.address, target.port);
      return "accepted";
    case "MASQUERADE":
      masquerade(flight);
      return "accepted";
    case "DROP":
      return "dropped";
    case "REJECT":
      return "rejected";
    default:
      return "accepted";
  }
}

function matches(rule: Rule, flight: Flight, recent: Recent, other: OtherMatch): boolean {
  const { source, destination, protocol } = rule;
  if (
    destination !== undefined &&
    contains(destination.block, flight.destination) === (destination.not ?? false)
  )
    return false;
  if (source !== undefined && contains(source.block, flight.source) === (source.not ?? false)) return false;
  if (protocol !== undefined && protocol !== flight.protocol) return false;
  return rule.matches.every((match) => matchesOne(match, flight, recent, other));
}

function matchesOne(match: Match, flight: Flight, recent: Recent, other: OtherMatch): boolean {
  switch (match.kind) {
    case "comment":
    case "count":
      return true;
    case "port":
      return match.port === undefined || match.port === flight.port;
    case "state":
      return (
        match.states.some((state) => state === "NEW" || (state === "DNAT" && flight.translated)) !==
        (match.not ?? false)
      );
    case "local":
      return (
        isLocal(flight.node, match.which === "src" ? flight.source : flight.destination) !==
        (match.not ?? false)
      );
    case "marked":
      return ((flight.mark & MASQUERADE_MARK) !== 0) !== (match.not ?? false);
    case "random":
      return flight.situation.choose([match.probability, 1 - match.probability]) === 0;
    case "seen":
      return (
        (recent.get(match.list)?.get(flight.source.text) ?? -Infinity) >= flight.situation.now - match.seconds
      );
    case "remember":
      return remember(recent, match.list, flight);
    case "bridged":
      return true;
    case "set":
    case "ipvs":
      return other(match, flight);
  }
}

function remember(recent: Recent, list: string, flight: Flight): true {
  const seen = recent.get(list) ?? new Map<string, number>();
  recent.set(list, seen);
  seen.delete(flight.source.text);
  if (seen.size >= RECENT_LIST) seen.delete(seen.keys().next().value as string);
  seen.set(flight.source.text, flight.situation.now);
  return true;
}

function never(): boolean {
  return false;
}
