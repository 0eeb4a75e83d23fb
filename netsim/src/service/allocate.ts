/** What the API server chooses for Services that come without: cluster IPs of their families, and node ports. */
import { stackOf, subnetsOf } from "../model/stack.ts";
import type { Cluster, IPFamily, Service } from "../model/types.ts";
import { addressAt, parseAddress, parsePrefix, type Prefix } from "../select/cidr.ts";

/** Service ranges where nothing is configured: kubeadm's default, and kind's for IPv6. */
const RANGES: Readonly<Record<IPFamily, string>> = { IPv4: "10.96.0.0/16", IPv6: "fd00:10:96::/112" };
const NODE_PORTS = { first: 30_000, count: 2768 };
const MOST = 2 ** 20;

/** The ranges that cluster IPs come from, one for each family of the cluster, its primary one first. */
export function serviceRanges(cluster: Cluster): readonly Prefix[] {
  const subnets = subnetsOf(cluster.others, cluster.pods);
  const stack = stackOf(subnets, cluster.services, cluster.nodes, cluster.pods);
  return stack.flatMap((family) => {
    const own = subnets.services
      .flatMap((c) => parsePrefix(c) ?? [])
      .find((p) => familyOfRange(p) === family);
    return own ?? parsePrefix(RANGES[family]) ?? [];
  });
}

const familyOfRange = ({ v6 }: Prefix): IPFamily => (v6 ? "IPv6" : "IPv4");
const familyOf = (ip: string): IPFamily => (parseAddress(ip)?.v6 === true ? "IPv6" : "IPv4");

export interface Allocated {
  readonly cluster: Cluster;
  /** `namespace/name` of the Services that were given something. */
  readonly services: readonly string[];
}

/** Depends on names alone, so that one more Service moves no other's address (unless two want the same). */
export function allocate(cluster: Cluster): Allocated {
  if (!cluster.services.some((s) => missingFamilies(s).length > 0 || wantsNodePort(s)))
    return { cluster, services: [] };
  const taken = new Set(cluster.services.flatMap((s) => s.spec.clusterIPs ?? []));
  const deals = new Map(
    serviceRanges(cluster).map((range) => [familyOfRange(range), addresses(range, taken)]),
  );
  const ports = dealer(
    NODE_PORTS.count,
    (i) => NODE_PORTS.first + i,
    new Set(cluster.services.flatMap((s) => s.spec.ports.flatMap((p) => p.nodePort ?? []))),
  );
  const byName = [...cluster.services].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const dealt = new Map(byName.map((s) => [s, withPorts(withAddresses(s, deals), ports)]));
  const services = cluster.services.map((s) => dealt.get(s) ?? s);
  const changed = services.filter((s, i) => s !== cluster.services[i]);
  return changed.length === 0
    ? { cluster, services: [] }
    : { cluster: { ...cluster, services }, services: changed.map(nameOf) };
}

/** Balancers' addresses where nothing is said: TEST-NET-2 (RFC 5737). */
const BALANCERS = "198.51.100.0/24";

/**
 * Services of type LoadBalancer that are still waiting get the address that a controller outside would give. Where the
 * status has a name instead, the address behind that name: no node has rules for it (`ipMode` Proxy).
 */
export function balance(cluster: Cluster): Allocated {
  const isWaiting = ({ spec, status }: Service): boolean =>
    spec.type === "LoadBalancer" && !(status.loadBalancer?.ingress ?? []).some((i) => i.ip !== undefined);
  const waiting = cluster.services.filter(isWaiting);
  if (waiting.length === 0) return { cluster, services: [] };
  const range = parsePrefix(BALANCERS)!;
  const deal = dealer(254, (i) => addressAt(range, 1 + i), new Set(cluster.services.flatMap(balancersOf)));
  const given = new Map(
    [...waiting]
      .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
      .map((s) => [s, s.spec.loadBalancerIP ?? deal(nameOf(s))]),
  );
  const services = cluster.services.map((s) => {
    const ip = given.get(s);
    if (ip === undefined) return s;
    const [named, ...more] = s.status.loadBalancer?.ingress ?? [];
    const first = named === undefined ? { ip } : { ...named, ip, ipMode: "Proxy" };
    return { ...s, status: { loadBalancer: { ingress: [first, ...more] } } };
  });
  return { cluster: { ...cluster, services }, services: waiting.map(nameOf) };
}

const balancersOf = ({ status }: Service): string[] =>
  (status.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);

const nameOf = ({ metadata }: Service): string => `${metadata.namespace}/${metadata.name}`;

type Deal<T> = (name: string) => T | undefined;

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return value;
}

/** Gives one of `size` values, beginning at the name's own place; undefined when none is free any more. */
function dealer<T>(size: number, at: (index: number) => T, taken: Set<T>): Deal<T> {
  return (name) => {
    const start = hash(name);
    for (let i = 0; i < size; i++) {
      const value = at((start + i) % size);
      if (taken.has(value)) continue;
      taken.add(value);
      return value;
    }
    return undefined;
  };
}

/** The lower band of a range is for addresses that people choose (KEP-3070). */
function addresses(range: Prefix, taken: Set<string>): Deal<string> {
  const size = 2 ** Math.min(30, (range.v6 ? 128 : 32) - range.bits);
  const band = Math.min(256, Math.max(16, size / 16));
  return dealer(Math.max(1, Math.min(size - 2 - band, MOST)), (i) => addressAt(range, band + i), taken);
}

function missingFamilies({ spec }: Service): readonly IPFamily[] {
  if (spec.type === "ExternalName" || spec.clusterIP === "None") return [];
  const have = (spec.clusterIPs ?? []).filter((ip) => ip !== "").map(familyOf);
  return (spec.ipFamilies ?? []).filter((family) => !have.includes(family));
}

function withAddresses(service: Service, deals: ReadonlyMap<IPFamily, Deal<string>>): Service {
  const missing = missingFamilies(service);
  const added = missing.flatMap((family) => deals.get(family)?.(nameOf(service)) ?? []);
  if (added.length === 0) return service;
  const clusterIPs = [...(service.spec.clusterIPs ?? []).filter((ip) => ip !== ""), ...added];
  return { ...service, spec: { ...service.spec, clusterIP: clusterIPs[0]!, clusterIPs } };
}

const wantsNodePort = ({ spec }: Service): boolean =>
  (spec.type === "NodePort" ||
    (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false)) &&
  spec.ports.some((p) => p.nodePort === undefined || p.nodePort === 0);

function withPorts(service: Service, deal: Deal<number>): Service {
  if (!wantsNodePort(service)) return service;
  const ports = service.spec.ports.map((p) => {
    if (p.nodePort !== undefined && p.nodePort !== 0) return p;
    const nodePort = deal(`${nameOf(service)}:${p.port}/${p.protocol}`);
    return nodePort === undefined ? p : { ...p, nodePort };
  });
  return { ...service, spec: { ...service.spec, ports } };
}
