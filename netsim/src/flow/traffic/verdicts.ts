/** A policy's verdict on a connection as Cilium tells of it: how specific the match was, and whose rule it is. */
import type { KubeObject } from "../../model/types.ts";
import type { Side } from "../../policy/judge.ts";
import type { Direction } from "../../policy/rule.ts";
import type { Flow, PolicyRef } from "../types.ts";

type Fields = Readonly<Record<string, unknown>>;

/** `policy_match_type` (pkg/monitor/api). */
const MATCH = { none: 0, l3: 1, l3l4: 2, l4: 3, all: 4, l3proto: 5, proto: 6 } as const;

const DENIED = [133, "POLICY_DENIED"] as const;
const DENIED_BY_RULE = [181, "POLICY_DENY"] as const;

export const dropOf = (side: Side): readonly [code: number, name: string] =>
  side.rule === undefined ? DENIED : DENIED_BY_RULE;

/** The flow's fields; undefined where no policy selects the end: then nothing is told. With `audit` nothing is denied. */
export function verdictFields(side: Side, direction: Direction, audit: boolean): Flow | undefined {
  if (side.reason === "no-policy" || side.reason === "not-enforced") return undefined;
  const denied = side.action === "deny";
  const policies = (side.rule === undefined ? (denied ? [] : side.policies) : [side.rule.object]).map(refOf);
  const by = `${direction}_${denied ? "denied" : "allowed"}_by` as const;
  const [code, name] = dropOf(side);
  const match = matchOf(side);
  return {
    verdict: denied ? (audit ? "AUDIT" : "DROPPED") : side.action === "redirect" ? "REDIRECTED" : "FORWARDED",
    ...(match > 0 && { policy_match_type: match }),
    ...(denied && !audit ? { drop_reason: code, drop_reason_desc: name } : { is_reply: false }),
    ...(policies.length > 0 && { [by]: policies }),
  };
}

function refOf({ kind, metadata }: KubeObject): PolicyRef {
  const { name, namespace } = metadata;
  const about = { "derived-from": kind, name, ...(namespace !== "" && { namespace }) };
  return {
    name,
    ...(namespace !== "" && { namespace }),
    labels: Object.entries(about).map(([key, value]) => `k8s:io.cilium.k8s.policy.${key}=${value}`),
    revision: "1",
    kind,
  };
}

/** The rule's fields, as they are written. */
export function ruleFields({ rule }: Side): Fields {
  let at: unknown = rule?.object;
  for (const key of rule?.path ?? []) {
    const next =
      typeof at === "object" && at !== null ? (at as Record<string | number, unknown>)[key] : undefined;
    if (next === undefined) break;
    at = next;
  }
  return typeof at === "object" && at !== null && at !== rule?.object ? (at as Fields) : {};
}

const PEERS =
  /^(?:from|to)$|^(?:from|to)(?:Endpoints|Entities|CIDR|CIDRSet|FQDNs|Services|Groups|Nodes)$|^(?:source|destination|namespaces|pods)$/;
const isSome = (value: unknown): boolean => (Array.isArray(value) ? value.length > 0 : value !== undefined);

function matchOf(side: Side): number {
  if (side.rule === undefined) return side.action === "deny" ? MATCH.none : MATCH.all;
  const fields = Object.entries(ruleFields(side));
  const peers = fields.some(([key, value]) => PEERS.test(key) && isSome(value));
  const ports = fields.flatMap(([key, value]) =>
    ["ports", "toPorts", "icmps"].includes(key) && isSome(value) ? [value] : [],
  );
  // A NetworkPolicy's port may name a protocol alone.
  const anyPort = ports.some((list) => Array.isArray(list) && list.every((p: Fields) => isProtocolOnly(p)));
  if (ports.length === 0) return peers ? MATCH.l3 : MATCH.all;
  if (anyPort) return peers ? MATCH.l3proto : MATCH.proto;
  return peers ? MATCH.l3l4 : MATCH.l4;
}

const isProtocolOnly = (port: Fields): boolean =>
  port["protocol"] !== undefined && port["port"] === undefined && port["ports"] === undefined;

/** The labels by which the rule knows addresses outside: networks, and names that it goes by. */
export function knownAs(side: Side): readonly string[] {
  const { toFQDNs, toCIDR, toCIDRSet } = ruleFields(side) as {
    toFQDNs?: readonly { matchName?: string; matchPattern?: string }[];
    toCIDR?: readonly string[];
    toCIDRSet?: readonly { cidr?: string }[];
  };
  return [
    ...(toFQDNs ?? []).map((f) => `fqdn:${f.matchName ?? f.matchPattern ?? ""}`),
    ...[...(toCIDR ?? []), ...(toCIDRSet ?? []).map((s) => s.cidr ?? "")]
      .filter((cidr) => cidr !== "")
      .map((cidr) => `cidr:${cidr.replaceAll(":", "-")}`),
  ];
}
