/** One connection: which rule decides, at each of its ends. */
import type { KubeObject } from "../model/types.ts";
import type { Endpoint } from "./endpoint.ts";
import { isWorkload } from "./peers.ts";
import { portsMatch } from "./rule.ts";
import type { Action, Direction, L7, Layer, Policy, PortsOf, Probe, Rule, RuleRef, Stage } from "./rule.ts";

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
}

/** A cluster's policies, ready to be asked; see engine.ts. */
export interface Judge {
  readonly layers: readonly Layer[];
  /** Whether policy applies at this end at all. */
  enforces(end: Endpoint, direction: Direction): boolean;
  /** The container ports that a rule's port names are looked up in; Cilium's are those of a whole identity. */
  readonly portsOf: Readonly<Record<Direction, PortsOf>>;
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

  function stages(subject: Endpoint, direction: Direction): Stage[] {
    if (!enforces(subject, direction)) return [];
    return layers.flatMap((layer, i) => {
      const of = candidates[i] as (e: Endpoint) => readonly Policy[];
      const selected = of(subject).filter((p) => p[direction] !== undefined && p.subject.test(subject, true));
      return selected.length === 0 ? [] : (layer.stage(selected, direction, subject) ?? []);
    });
  }

  function side(subject: Endpoint, peer: Endpoint, probe: Probe, direction: Direction): Side {
    if (!enforces(subject, direction)) return { action: "allow", reason: "not-enforced", policies: [] };
    const local = peer.onHost && subject.node !== "" && peer.node === subject.node;
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
        const l7 = rule.action === "redirect" ? { l7: l7Of(stage, rule, matches) } : {};
        return { action: rule.action, reason: "rule", rule: rule.ref, ...about, ...l7 };
      }
      if (stage.otherwise === "deny") return { action: "deny", reason: "default-deny", ...about };
      if (stage.otherwise === "allow") return { action: "allow", reason: "default-allow", ...about };
    }
    const policies = all.flatMap((s) => s.policies);
    return { action: "allow", reason: policies.length === 0 ? "no-policy" : "default-allow", policies };
  }

  return { layers, enforces, portsOf, stages, side };
}

/** A layer's policies that could select somebody in a namespace, in their order. */
function indexPolicies(layer: Layer): (subject: Endpoint) => readonly Policy[] {
  const byNamespace = new Map<string, readonly Policy[]>();
  const wide = layer.policies.filter((p) => p.namespace === undefined);
  const named = new Set(layer.policies.flatMap((p) => p.namespace ?? []));
  for (const name of named) {
    byNamespace.set(
      name,
      layer.policies.filter((p) => p.namespace === undefined || p.namespace === name),
    );
  }
  return (subject) => byNamespace.get(subject.namespace) ?? wide;
}

/**
 * What the proxy checks: the union over the rules that take this connection. A plain allow beside them lets every HTTP
 * request through; the DNS proxy knows only the rules of the very same port.
 */
function l7Of(stage: Stage, first: Rule, matches: (rule: Rule) => boolean): readonly L7[] {
  const samePort = (rule: Rule) => JSON.stringify(rule.ports) === JSON.stringify(first.ports);
  const beside = stage.rules.filter(
    (r) => r.action !== "deny" && matches(r) && (first.l7?.parser !== "dns" || samePort(r)),
  );
  if (beside.some((r) => r.action === "allow")) return [];
  return beside.flatMap((r) => r.l7 ?? []);
}
