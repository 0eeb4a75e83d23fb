/**
 * Endpoints that no policy can tell apart are one class: pods with the same namespace, container ports, values of the
 * labels that some selector names, and the same side of every prefix. Verdicts are computed once for a pair of classes.
 */
import type { Prefix } from "../select/cidr.ts";
import { contains } from "../select/cidr.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Layer, Uses } from "./rule.ts";

export interface Classes {
  /** One endpoint of each class. */
  readonly members: readonly Endpoint[];
  /** The class of the endpoint at the same index. */
  readonly classOf: Uint32Array;
  /** How many endpoints each class has. */
  readonly sizes: Uint32Array;
}

interface Seen {
  readonly labels: readonly string[];
  readonly prefixes: readonly Prefix[];
  readonly account: boolean;
  readonly identity: boolean;
}

function everythingUsed(layers: readonly Layer[]): Seen {
  const labels = new Set<string>();
  const prefixes = new Map<string, Prefix>();
  let account = false;
  let identity = false;
  const add = (uses: Uses) => {
    for (const key of uses.labels ?? []) labels.add(key);
    for (const prefix of uses.prefixes ?? []) prefixes.set(prefix.text, prefix);
    account ||= uses.account === true;
    identity ||= uses.identity === true;
  };
  for (const { policies } of layers) {
    for (const { subject, ingress = [], egress = [] } of policies) {
      add(subject.uses);
      for (const rule of [...ingress, ...egress]) for (const peer of rule.peers ?? []) add(peer.uses);
    }
  }
  return { labels: [...labels].sort(), prefixes: [...prefixes.values()], account, identity };
}

function keyOf(e: Endpoint, seen: Seen, hosts: boolean): string {
  const labels = seen.identity
    ? Object.entries(e.labels).sort().flat()
    : seen.labels.map((key) => (Object.hasOwn(e.labels, key) ? `=${e.labels[key]}` : ""));
  const ports = e.ports.map((p) => `${p.name ?? ""}/${p.containerPort}/${p.protocol}`).sort();
  const inside: number[] = [];
  for (let i = 0; i < seen.prefixes.length; i++)
    if (contains(seen.prefixes[i] as Prefix, e.address)) inside.push(i);
  const node = hosts || e.onHost ? e.node : "";
  const account = seen.account || seen.identity ? e.serviceAccount : "";
  const own = e.kind === "external" ? e.id : "";
  return JSON.stringify([
    e.kind,
    own,
    e.namespace,
    e.onHost,
    node,
    account,
    e.address.v6,
    ports,
    inside,
    ...labels,
  ]);
}

export function classify(endpoints: readonly Endpoint[], layers: readonly Layer[]): Classes {
  const seen = everythingUsed(layers);
  const hosts = endpoints.some((e) => e.onHost);
  const ids = new Map<string, number>();
  const members: Endpoint[] = [];
  const sizes: number[] = [];
  const classOf = Uint32Array.from(endpoints, (e) => {
    const key = keyOf(e, seen, hosts);
    let id = ids.get(key);
    if (id === undefined) {
      ids.set(key, (id = members.length));
      members.push(e);
      sizes.push(0);
    }
    sizes[id] = (sizes[id] as number) + 1;
    return id;
  });
  return { members, classOf, sizes: Uint32Array.from(sizes) };
}
