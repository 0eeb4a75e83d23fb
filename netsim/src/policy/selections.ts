/** Stages prepared for evaluation over sets: whom each rule's peers are, as bits over the classes. */
import { bits, bitsWhere, setBit, union } from "../select/bitset.ts";
import type { Bits } from "../select/bitset.ts";
import type { Endpoint } from "./endpoint.ts";
import { hasNamedPorts } from "./rule.ts";
import type { PeerTest, Rule, Scope, Stage } from "./rule.ts";

/** Classes that a peer test selects: `bits` when hosts are somebody else's, `local` when they are the subject's own. */
interface Selected {
  readonly bits: Bits;
  readonly local: Bits | undefined;
}

export interface PreparedRule {
  readonly rule: Rule;
  /** Undefined: everybody. */
  readonly peers: Selected | undefined;
  /** Whether its ports have names, so that they depend on the destination. */
  readonly named: boolean;
}

export interface Prepared {
  /** The same for the same list of stages. */
  readonly id: number;
  readonly stages: readonly {
    readonly rules: readonly PreparedRule[];
    readonly otherwise: Stage["otherwise"];
  }[];
  readonly named: boolean;
  /** Whether some rule's peers depend on the subject's node. */
  readonly host: boolean;
}

export interface Selections {
  prepare(stages: readonly Stage[]): Prepared;
  /** The classes of hosts on a node. */
  hosts(node: string): Bits | undefined;
}

export function createSelections(members: readonly Endpoint[]): Selections {
  const size = members.length;
  const inNamespace = new Map<string, number[]>();
  const onNode = new Map<string, Bits>();
  for (const [i, { namespace, onHost, node }] of members.entries()) {
    const same = inNamespace.get(namespace);
    if (same === undefined) inNamespace.set(namespace, [i]);
    else same.push(i);
    if (!onHost) continue;
    const set = onNode.get(node) ?? bits(size);
    setBit(set, i);
    onNode.set(node, set);
  }

  const scopes = new Map<string, readonly number[]>();
  /** The classes in the namespaces that a scope holds for. */
  function within(scope: Scope): readonly number[] {
    let known = scopes.get(scope.key);
    if (known === undefined) {
      known = [...inNamespace.values()]
        .filter((list) => scope.holds(members[list[0] as number] as Endpoint))
        .flat();
      scopes.set(scope.key, known);
    }
    return known;
  }

  function evaluate(test: PeerTest, local: boolean): Bits {
    if (test.scope === undefined) return bitsWhere(size, (i) => test.test(members[i] as Endpoint, local));
    const out = bits(size);
    for (const i of within(test.scope)) if (test.test(members[i] as Endpoint, local)) setBit(out, i);
    return out;
  }

  const tests = new Map<string, Selected>();
  function selected(test: PeerTest): Selected {
    let known = tests.get(test.key);
    if (known === undefined) {
      const remote = evaluate(test, false);
      const local = onNode.size === 0 ? undefined : evaluate(test, true);
      const differs = local !== undefined && local.some((w, i) => w !== remote[i]);
      tests.set(test.key, (known = { bits: remote, local: differs ? local : undefined }));
    }
    return known;
  }

  function peersOf(peers: readonly PeerTest[]): Selected {
    const all = peers.map(selected);
    const [only] = all;
    if (only !== undefined && all.length === 1) return only;
    const merged = bits(size);
    for (const s of all) union(merged, s.bits);
    if (all.every((s) => s.local === undefined)) return { bits: merged, local: undefined };
    const local = bits(size);
    for (const s of all) union(local, s.local ?? s.bits);
    return { bits: merged, local };
  }

  const rules = new Map<Rule, PreparedRule>();
  function prepareRule(rule: Rule): PreparedRule {
    let known = rules.get(rule);
    if (known === undefined) {
      known = {
        rule,
        peers: rule.peers === undefined ? undefined : peersOf(rule.peers),
        named: hasNamedPorts(rule),
      };
      rules.set(rule, known);
    }
    return known;
  }

  const lists = new Map<readonly Stage[], Prepared>();
  function prepare(stages: readonly Stage[]): Prepared {
    let known = lists.get(stages);
    if (known === undefined) {
      const prepared = stages.map((s) => ({ rules: s.rules.map(prepareRule), otherwise: s.otherwise }));
      const all = prepared.flatMap((s) => s.rules);
      const host = all.some((r) => r.peers?.local !== undefined);
      lists.set(
        stages,
        (known = { id: lists.size, stages: prepared, named: all.some((r) => r.named), host }),
      );
    }
    return known;
  }

  return { prepare, hosts: (node) => onNode.get(node) };
}
