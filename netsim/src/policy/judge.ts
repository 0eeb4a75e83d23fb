/** One connection: which rule decides, at each of its ends. */
import type { FQDNSelector, KubeObject } from "../model/types.ts";
import type { Endpoint } from "./endpoint.ts";
import { isWorkload } from "./peers.ts";
import { portsMatch } from "./rule.ts";
import type {
  Action,
  Direction,
  L7,
  Layer,
  Policy,
  PortSpec,
  PortsOf,
  Probe,
  Rule,
  RuleRef,
  Stage,
} from "./rule.ts";

/** What one end says, by itself. */
export interface Side {
  readonly action: Action;
  /**
   * `rule`: `rule` decided. `default-deny`: `policies` isolate the end and none of their rules matches. `no-policy`:
   * nothing selects it. `not-enforced`: policy does not apply there (a node, an address outside).
   */
  readonly reason: "rule" | "default-deny" | "default-allow" | "no-policy" | "not-enforced";
  readonly layer?: string;
  readonly rule?: RuleRef;
  readonly policies: readonly KubeObject[];
  /** For a redirect: what the proxy checks. Any of them lets a request through; none means that all pass. */
  readonly l7?: readonly L7[];
  /** For a redirect to the DNS proxy: the lists of rules for this server; a query must satisfy one (`[]`: all do). */
  readonly dns?: readonly (readonly FQDNSelector[])[];
}

/** A cluster's policies, ready to be asked; see engine.ts. */
export interface Judge {
  readonly layers: readonly Layer[];
  /** Whether policy applies at this end at all. */
  enforces(end: Endpoint, direction: Direction): boolean;
  /** The container ports that a rule's port names are looked up in; Cilium's are those of a whole identity. */
  readonly portsOf: Readonly<Record<Direction, PortsOf>>;
  /** The same list (the same object) for subjects that the same policies select. */
  stages(subject: Endpoint, direction: Direction): readonly Stage[];
  side(subject: Endpoint, peer: Endpoint, probe: Probe, direction: Direction): Side;
}

const own: PortsOf = (e) => e.ports;

export function createJudge(
  layers: readonly Layer[],
  enforces: Judge["enforces"] = isWorkload,
  egressPorts: PortsOf = own,
): Judge {
  const portsOf = { ingress: own, egress: egressPorts };
  const candidates = layers.map(indexPolicies);

  // Subjects that the same policies select share their stages: rows of a matrix are computed once for each list.
  const made = new Map<string, readonly Stage[]>();

  function stages(subject: Endpoint, direction: Direction): readonly Stage[] {
    if (!enforces(subject, direction)) return NO_STAGES;
    const selected = layers.map((_, i) =>
      (candidates[i] as Candidates)(subject).filter(
        (c) => c.policy[direction] !== undefined && c.policy.subject.test(subject, true),
      ),
    );
    let key = `${direction} ${subject.kind}`;
    for (const [i, layer] of layers.entries()) {
      const of = selected[i] as readonly Candidate[];
      if (of.length === 0) continue;
      key += ` ${i}:${of.map((c) => c.index).join()}`;
      if (layer.variant !== undefined)
        key += ` ${layer.variant(
          of.map((c) => c.policy),
          direction,
          subject,
        )}`;
    }
    let list = made.get(key);
    if (list === undefined) {
      list = layers.flatMap((layer, i) => {
        const of = selected[i] as readonly Candidate[];
        return of.length === 0
          ? []
          : (layer.stage(
              of.map((c) => c.policy),
              direction,
              subject,
            ) ?? []);
      });
      made.set(key, list);
    }
    return list;
  }

  function side(subject: Endpoint, peer: Endpoint, probe: Probe, direction: Direction): Side {
    if (!enforces(subject, direction)) return { action: "allow", reason: "not-enforced", policies: [] };
    const near = peer.cluster === undefined && subject.node !== "" && peer.node === subject.node;
    const local = peer.onHost && near;
    const ports = direction === "ingress" ? portsOf.ingress(subject) : portsOf.egress(peer);
    const matches = (rule: Rule) =>
      (rule.peers === undefined || rule.peers.some((p) => p.test(peer, local))) &&
      portsMatch(rule, probe, ports);
    const all = stages(subject, direction);
    for (const stage of all) {
      const rule = stage.rules.find(matches);
      const about = { layer: stage.layer, policies: stage.policies };
      if (rule?.action === "pass") continue;
      if (rule !== undefined) {
        const proxy = rule.action === "redirect" ? proxyOf(stage, rule, matches) : {};
        return { action: rule.action, reason: "rule", rule: rule.ref, ...about, ...proxy };
      }
      if (stage.otherwise === "deny") return { action: "deny", reason: "default-deny", ...about };
      if (stage.otherwise === "allow") return { action: "allow", reason: "default-allow", ...about };
    }
    const policies = all.flatMap((s) => s.policies);
    return { action: "allow", reason: policies.length === 0 ? "no-policy" : "default-allow", policies };
  }

  return { layers, enforces, portsOf, stages, side };
}

const NO_STAGES: readonly Stage[] = [];

interface Candidate {
  readonly policy: Policy;
  readonly index: number;
}
type Candidates = (subject: Endpoint) => readonly Candidate[];

/** A layer's policies that could select somebody in a namespace, in their order. */
function indexPolicies(layer: Layer): Candidates {
  const all = layer.policies.map((policy, index): Candidate => ({ policy, index }));
  const byNamespace = new Map<string, Candidate[]>();
  for (const { policy } of all) if (policy.namespace !== undefined) byNamespace.set(policy.namespace, []);
  for (const candidate of all) {
    const { namespace } = candidate.policy;
    if (namespace !== undefined) byNamespace.get(namespace)?.push(candidate);
    else for (const list of byNamespace.values()) list.push(candidate);
  }
  const wide = all.filter((c) => c.policy.namespace === undefined);
  return (subject) => byNamespace.get(subject.namespace) ?? wide;
}

/**
 * What the proxy checks: the union over the rules that take this connection. A plain allow beside them lets every HTTP
 * request through; the DNS proxy knows only the rules of the very same port, and lets everything through for a plain one.
 */
function proxyOf(stage: Stage, first: Rule, matches: (rule: Rule) => boolean): Pick<Side, "l7" | "dns"> {
  // Without default deny a proxy looks on and refuses nothing.
  if (stage.otherwise === "allow")
    return first.l7?.parser === "dns" ? { l7: [first.l7], dns: [[]] } : { l7: [] };
  const beside = stage.rules.filter((r) => r.action !== "deny" && matches(r));
  if (first.l7?.parser === "dns") {
    const samePort = beside.filter((r) =>
      (r.ports ?? []).some((p) => (first.ports ?? []).some((q) => equal(p, q))),
    );
    return { l7: samePort.flatMap((r) => r.l7 ?? []), dns: samePort.map((r) => r.l7?.dns ?? []) };
  }
  return { l7: beside.some((r) => r.action === "allow") ? [] : beside.flatMap((r) => r.l7 ?? []) };
}

const equal = (a: PortSpec, b: PortSpec): boolean => JSON.stringify(a) === JSON.stringify(b);
