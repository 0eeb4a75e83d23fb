/**
 * What every kind of policy is compiled to. A subject's traffic in one direction runs through stages; in a stage the
 * first rule that matches decides, and what no rule matches falls to the stage's `otherwise`. NetworkPolicy is one stage
 * of allow rules with "deny" at its end, an AdminNetworkPolicy tier a stage that ends in "next", a Calico tier one in
 * which `pass` leads to the next.
 */
import type { Path } from "../model/read.ts";
import type { CiliumHTTPRule, FQDNSelector, KubeObject } from "../model/types.ts";
import type { Prefix } from "../select/cidr.ts";
import type { Endpoint } from "./endpoint.ts";

export type Direction = "ingress" | "egress";
export type Action = "allow" | "deny" | "redirect";

/** A port that somebody connects to; for ICMP and ICMPv6, `port` is the type. */
export interface Probe {
  readonly port: number;
  readonly protocol: string;
}

/** What a test looks at: endpoints that are alike in all of it need not be told apart. */
export interface Uses {
  readonly labels?: readonly string[];
  readonly prefixes?: readonly Prefix[];
  readonly account?: boolean;
  /** Everything that makes a Cilium identity. */
  readonly identity?: boolean;
}

export interface Scope {
  readonly key: string;
  /** The same for all endpoints of a namespace. */
  holds(endpoint: Endpoint): boolean;
}

/** Selects endpoints. Tests with the same `key` select the same ones. */
export interface PeerTest {
  readonly key: string;
  readonly uses: Uses;
  /** A condition on the namespace that all that it selects meet: it is asked once for a namespace. */
  readonly scope?: Scope;
  /** `local`: the endpoint is the subject's own host. */
  test(endpoint: Endpoint, local: boolean): boolean;
}

/** Ports `from` to `to`, or the container port with this `name`. Without `protocol`: whichever. */
export type PortSpec =
  | { readonly protocol?: string; readonly from: number; readonly to: number }
  | { readonly protocol?: string; readonly name: string };

/** Where a rule is written; `text` says it in a few words. */
export interface RuleRef {
  readonly object: KubeObject;
  readonly path: Path;
  readonly text: string;
}

/** What a proxy is to check in a redirected connection. */
export interface L7 {
  readonly parser: "http" | "dns" | "tls" | "crd";
  readonly http?: readonly CiliumHTTPRule[];
  readonly dns?: readonly FQDNSelector[];
}

export interface Rule {
  readonly action: Action | "pass";
  /** Any of these; absent: everybody. */
  readonly peers?: readonly PeerTest[];
  /** Any of these; absent: every port of every protocol. */
  readonly ports?: readonly PortSpec[];
  /** None of these. */
  readonly notPorts?: readonly PortSpec[];
  readonly ref: RuleRef;
  readonly l7?: L7;
}

export interface Stage {
  readonly layer: string;
  readonly rules: readonly Rule[];
  readonly otherwise: "allow" | "deny" | "next";
  /** The policies that made this stage apply to the subject. */
  readonly policies: readonly KubeObject[];
}

/** One compiled policy: whom it is about, and its rules in its own order; a direction without a list it leaves alone. */
export interface Policy {
  readonly object: KubeObject;
  /** Only pods of this namespace can be its subjects; undefined: any. */
  readonly namespace?: string;
  readonly subject: PeerTest;
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
}

/** A step of the evaluation. Its policies are in the order in which they count. */
export interface Layer<P extends Policy = Policy> {
  readonly name: string;
  readonly policies: readonly P[];
  /** The stage that those policies make which select the subject; undefined when they leave it alone. */
  stage(selected: readonly P[], direction: Direction, subject: Endpoint): Stage | undefined;
  /** What else about the subject the stage depends on, besides its kind; equal keys, equal stages. */
  variant?(selected: readonly P[], direction: Direction, subject: Endpoint): string;
}

/** The ports under which a destination's named ports are looked up. */
export type PortsOf = (destination: Endpoint) => Endpoint["ports"];

export function specMatches(spec: PortSpec, probe: Probe, ports: Endpoint["ports"]): boolean {
  if (spec.protocol !== undefined && spec.protocol !== probe.protocol) return false;
  if (!("name" in spec)) return spec.from <= probe.port && probe.port <= spec.to;
  for (const p of ports) {
    if (p.name === spec.name && p.containerPort === probe.port && p.protocol === probe.protocol) return true;
  }
  return false;
}

function anyMatches(specs: readonly PortSpec[], probe: Probe, ports: Endpoint["ports"]): boolean {
  for (const spec of specs) if (specMatches(spec, probe, ports)) return true;
  return false;
}

/** Whether a rule's ports take the probe at a destination with these container ports. */
export function portsMatch(rule: Rule, probe: Probe, ports: Endpoint["ports"]): boolean {
  if (rule.ports !== undefined && !anyMatches(rule.ports, probe, ports)) return false;
  return rule.notPorts === undefined || !anyMatches(rule.notPorts, probe, ports);
}

/** Whether the answer of `portsMatch` depends on the destination. */
export const hasNamedPorts = (rule: Rule): boolean =>
  [...(rule.ports ?? []), ...(rule.notPorts ?? [])].some((s) => "name" in s);

export const ALL_PORTS = { from: 0, to: 65535 } as const;
