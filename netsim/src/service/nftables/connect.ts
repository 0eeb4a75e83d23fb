/** What a packet meets in the nftables table, as the kernel evaluates it. */
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
import { ruleText, verdictText } from "./list.ts";
import type { NftablesProgram } from "./program.ts";
import type { Key, NftTable, Rule, Statement } from "./ruleset.ts";

/** Per affinity set, when each source's element times out. */
type Affinities = Map<string, Map<string, number>>;

/** What a statement says about the rest of its rule and chain. */
type Effect =
  | { readonly kind: "next" | "unmatched" | "accepted" | "dropped" | "rejected" }
  | { readonly kind: "jump" | "goto"; readonly chain: string; readonly service?: string };

const NEXT: Effect = { kind: "next" };
const UNMATCHED: Effect = { kind: "unmatched" };

export function nftablesPlane(program: NftablesProgram): DataPlane {
  const { table, node } = program;
  const affinities: Affinities = new Map();
  const through = (name: string) => (flight: Flight) => {
    const end = walk(table, name, flight, affinities);
    return end === "accepted" ? undefined : end;
  };
  const hooks: Hooks = {
    prerouting: [through("filter-prerouting-pre-dnat"), through("nat-prerouting")],
    input: [through("filter-input")],
    forward: [through("filter-forward")],
    output: [through("filter-output-pre-dnat"), through("nat-output"), through("filter-output")],
    postrouting: [through("nat-postrouting")],
  };
  return {
    mode: "nftables",
    node: node.name,
    connect: (packet, situation) => travel(packet, node, situation, hooks),
    reset: () => affinities.clear(),
  };
}

function walk(table: NftTable, chain: string, flight: Flight, affinities: Affinities): Verdict | "accepted" {
  for (const rule of table.chains.get(chain)?.rules ?? []) {
    flight.rules++;
    const effect = evaluate(table, rule, flight, affinities);
    if (effect.kind === "unmatched") continue;
    const service = "service" in effect ? effect.service : rule.service;
    flight.service = service ?? flight.service;
    flight.steps.push({ where: chain, rule: ruleText(rule, table.family), effect: effectText(effect) });
    if (effect.kind === "next") continue;
    if (effect.kind !== "jump" && effect.kind !== "goto") return effect.kind;
    const end = walk(table, effect.chain, flight, affinities);
    if (end !== undefined || effect.kind === "goto") return end;
  }
  return undefined;
}

/** Statement by statement, until one does not match or ends the rule. */
function evaluate(table: NftTable, rule: Rule, flight: Flight, affinities: Affinities): Effect {
  for (const statement of rule.statements) {
    const effect = execute(table, statement, flight, affinities);
    if (effect.kind !== "next") return effect;
  }
  return NEXT;
}

function execute(table: NftTable, statement: Statement, flight: Flight, affinities: Affinities): Effect {
  const when = (condition: boolean) => (condition ? NEXT : UNMATCHED);
  switch (statement.kind) {
    case "new":
      return NEXT;
    case "dnatted":
      return when(flight.translated);
    case "local source":
      return when(isLocal(flight.node, flight.source));
    case "marked":
      return when((flight.mark & MASQUERADE_MARK) !== 0);
    case "blocks": {
      const address = statement.which === "saddr" ? flight.source : flight.destination;
      return when(statement.blocks.some((block) => contains(block, address)) !== (statement.not ?? false));
    }
    case "in":
      flight.lookups++;
      return when(isIn(table, statement.set, keyOf(statement.key, flight), flight, affinities));
    case "protocol":
      return when(statement.protocol === flight.protocol);
    case "vmap": {
      flight.lookups++;
      const element = table.maps.get(statement.map)?.elements.get(keyOf(statement.key, flight));
      if (element === undefined) return UNMATCHED;
      const { verdict, service } = element;
      return verdict.kind === "drop"
        ? drop(flight, service)
        : { kind: "goto", chain: verdict.chain, service };
    }
    case "mark":
      flight.mark |= MASQUERADE_MARK;
      return NEXT;
    case "unmark":
      flight.mark ^= MASQUERADE_MARK;
      return NEXT;
    case "masquerade":
      masquerade(flight);
      return { kind: "accepted" };
    case "drop":
      return { kind: "dropped" };
    case "reject":
      return { kind: "rejected" };
    case "jump":
    case "goto":
      return statement;
    case "dnat": {
      const { targets } = statement;
      const target = targets[pick(targets.length, flight)];
      if (target === undefined) return UNMATCHED;
      translate(flight, target.address, target.port);
      return { kind: "accepted" };
    }
    case "goto random": {
      const chain = statement.chains[pick(statement.chains.length, flight)];
      return chain === undefined ? UNMATCHED : { kind: "goto", chain };
    }
    case "update": {
      const known = affinities.get(statement.set) ?? new Map<string, number>();
      affinities.set(statement.set, known);
      known.set(flight.source.text, flight.situation.now + (table.sets.get(statement.set)?.timeout ?? 0));
      return NEXT;
    }
  }
}

function drop(flight: Flight, service: string): Effect {
  flight.service = service;
  return { kind: "dropped" };
}

function pick(of: number, flight: Flight): number {
  if (of <= 1) return 0;
  flight.lookups++;
  return flight.situation.choose(Array.from({ length: of }, () => 1 / of));
}

function isIn(table: NftTable, set: string, key: string, flight: Flight, affinities: Affinities): boolean {
  const known = table.sets.get(set);
  if (known?.timeout === undefined) return known?.elements.has(key) ?? false;
  return (affinities.get(set)?.get(key) ?? -Infinity) > flight.situation.now;
}

function keyOf(key: Key, flight: Flight): string {
  const { source, destination, protocol, port } = flight;
  switch (key) {
    case "daddr":
      return destination.text;
    case "saddr":
      return source.text;
    case "service":
      return `${destination.text} . ${protocol} . ${port}`;
    case "nodeport":
      return `${protocol} . ${port}`;
    case "hairpin":
      return `${source.text} . ${destination.text} . ${protocol} . ${port}`;
  }
}

function effectText(effect: Effect): string {
  return "chain" in effect
    ? effect.kind === "goto"
      ? verdictText({ kind: "goto", chain: effect.chain })
      : `jump ${effect.chain}`
    : effect.kind;
}
