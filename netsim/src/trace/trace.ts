/** One connection, from the name to the packet, hop by hop. */
import type { NetworkOptions } from "../cni/network.ts";
import type { Cluster, Service } from "../model/types.ts";
import { createDnsCache } from "../policy/cilium/dns-cache.ts";
import { learnedAddresses } from "../policy/cilium/dns-proxy.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import { createParties } from "../policy/parties.ts";
import { hostPort, parseAddress } from "../service/address.ts";
import type { Mode } from "../service/index.ts";
import { serviceAt, serviceHop, throughService, type Judged, type Way } from "./connect.ts";
import { dnsHops } from "./dns.ts";
import { frontAddresses, gateAt, throughGate } from "./gate.ts";
import { parseGoal, type GoalOptions } from "./goal.ts";
import { hop, note } from "./origin.ts";
import { hostsFile, isLoopback } from "./hosts-file.ts";
import { judge, type Arrival } from "./passage.ts";
import { ignoredRules } from "./policy.ts";
import { resolve, type Resolution, type ResolveOptions } from "./resolve.ts";
import { createSite, inFamily, type Site } from "./site.ts";
import type { Stop, Trace } from "./types.ts";
import { createWalk, type Walk } from "./walk.ts";
import { complete } from "./world.ts";

export interface TraceOptions extends GoalOptions, ResolveOptions {
  /** The service proxy; by default what the cluster's configuration says, else iptables. */
  readonly mode?: Mode;
  /** Which of a name's or a pod's addresses is used. */
  readonly family?: "IPv4" | "IPv6";
  /** Of the CNI, where its settings are not all among the cluster's objects (Helm values, the cards' MTU). */
  readonly network?: NetworkOptions;
  /** For many traces of one cluster: made once, of the completed one. What it assumes is then not said again. */
  readonly site?: Site;
  /** Told of what the trace is made from, as it goes. */
  readonly listener?: TraceListener;
}

/** For whoever needs more than the hops: flows are made of these, and paths that go on in another cluster. */
export interface TraceListener {
  /** The lookup of the name, query by query. */
  resolved?(resolution: Resolution): void;
  /** Every endpoint that the connection may go to, with both ends' verdicts; `asked` is where it was sent. */
  judged?(ways: readonly Judged[], asked: Arrival, site: Site): void;
}

/**
 * What happens to a connection. FROM: `namespace/pod`, `namespace/workload`, a node, an address. TO: the same with a port, a
 * Service's or any other name, a URL. Never rejects for what it is given: see `reason`.
 */
export async function trace(
  given: Cluster,
  from: string,
  to: string,
  options: TraceOptions = {},
): Promise<Trace> {
  const made = options.site;
  const { cluster, assumed, balanced } =
    made === undefined ? complete(given) : { cluster: made.cluster, assumed: [], balanced: [] };
  const site = made ?? createSite(cluster, options.mode, options.network);
  const goal = parseGoal(to, options);
  const walk = createWalk(site, from, goal, options);
  walk.notes.push(...assumed.map((text) => note("assumed", text)));
  const [source, ...alike] = sourcesOf(site, from, options.family);
  if (source === undefined) return walk.end(sourceStop(site, from));
  walk.from = source;
  if (alike.length > 0)
    walk.notes.push(note("one-of-many", `${from} has ${alike.length + 1} pods: this is ${source.id}`));
  const result = await follow(walk, source);
  const used = balanced.filter((name) => result.hops.some((h) => h.object === `Service ${name}`));
  for (const name of used)
    walk.notes.push(note("assumed", `the address of the load balancer of Service ${name}`));
  return result;
}

function sourcesOf({ engine }: Site, text: string, family: TraceOptions["family"]): readonly Endpoint[] {
  const found = [...createParties(engine).source(text)].sort((a, b) => (a.id < b.id ? -1 : 1));
  return found.map((end) => inFamily(engine, end, family));
}

function sourceStop({ cluster }: Site, text: string): Stop {
  const pod = cluster.pods.find((p) => `${p.metadata.namespace}/${p.metadata.name}` === text);
  if (pod !== undefined) return { verdict: "unroutable", reason: "no-address" };
  return { verdict: "unroutable", reason: "unknown-source" };
}

async function follow(walk: Walk, from: Endpoint): Promise<Trace> {
  const { goal, site } = walk;
  if (goal.kind === "nonsense") return walk.end({ verdict: "unroutable", reason: "unknown-destination" });
  if (goal.kind === "address") return arrive(walk, from, goal.host, undefined, site);
  const target = goal.kind === "object" ? objectTarget(walk, from) : { name: goal.host };
  if (target === undefined) return walk.end({ verdict: "unroutable", reason: "unknown-destination" });
  if ("pods" in target) return meet(walk, from, target.pods);
  if ("address" in target) return arrive(walk, from, target.address, undefined, site);
  return byName(walk, from, target.name);
}

type Target =
  { readonly name: string } | { readonly address: string } | { readonly pods: readonly Endpoint[] };

function objectTarget({ site, goal, options }: Walk, from: Endpoint): Target | undefined {
  const pods = sourcesOf(site, goal.host, options.family).filter((e) => e.kind === "pod");
  if (pods.length > 0) return { pods };
  const [namespace = "", name = ""] = goal.host.split("/");
  const service = site.cluster.services.find(
    (s) => s.metadata.namespace === namespace && s.metadata.name === name,
  );
  if (service === undefined) return undefined;
  if (from.kind === "external") return outsideTarget(site, service);
  return { name: namespace === from.namespace ? name : `${name}.${namespace}` };
}

/** Outside, a Service is its balancer's or an external address, else a node with its port, else what cannot be reached. */
function outsideTarget({ cluster }: Site, { spec, status }: Service): Target | undefined {
  const balancer = status.loadBalancer?.ingress?.find((i) => i.ip !== undefined)?.ip;
  const node = spec.type === "NodePort" ? cluster.nodes[0]?.status.addresses?.[0]?.address : undefined;
  const address = balancer ?? spec.externalIPs?.[0] ?? node ?? spec.clusterIP;
  return address === undefined || parseAddress(address) === undefined ? undefined : { address };
}

/** A pod that is named is connected to by its address: no name, no Service. */
function meet(walk: Walk, from: Endpoint, pods: readonly Endpoint[]): Trace {
  const { goal, site } = walk;
  const ways = pods.flatMap((to): Way[] => {
    const end = sameFamily(site, from, to);
    if (end === undefined) return [];
    const port = goal.port ?? onlyPort(end, goal.protocol);
    return port === undefined
      ? []
      : [{ probability: 1 / pods.length, connection: undefined, to: end, port, seen: from }];
  });
  const [first] = ways;
  if (first === undefined) {
    const noPort = goal.port === undefined && pods.some((p) => sameFamily(site, from, p) !== undefined);
    return walk.end({ verdict: "unroutable", reason: noPort ? "no-port" : "no-common-family" });
  }
  if (pods.length > 1) walk.notes.push(note("one-of-many", `${goal.host} has ${pods.length} pods`));
  return judge(walk, from, ways, { address: first.to.address.text, port: first.port, name: undefined }, site);
}

function sameFamily({ engine }: Site, from: Endpoint, to: Endpoint): Endpoint | undefined {
  if (to.address.v6 === from.address.v6) return to;
  const other = to.pod === undefined ? undefined : engine.endpoints.pod(to.pod, from.address.v6);
  return other?.address.v6 === from.address.v6 ? other : undefined;
}

const onlyPort = (end: Endpoint, protocol: string): number | undefined => {
  const ports = end.ports.filter((p) => p.protocol === protocol);
  return ports.length === 1 ? ports[0]?.containerPort : undefined;
};

async function byName(walk: Walk, from: Endpoint, name: string): Promise<Trace> {
  const { site, options } = walk;
  const local = hostsFile(from, name, options);
  if (local !== undefined) {
    const { address, rule, object } = local;
    walk.hops.push(
      hop("dns", "allow", `${name} is ${address}, by /etc/hosts: nobody is asked`, { rule, ...object }),
    );
    return arrive(walk, from, address, undefined, site);
  }
  const cache = createDnsCache();
  const { request } = walk.goal;
  const fronts = frontAddresses(site, name, request);
  const resolution = await resolve(site, from, name, cache, options, fronts);
  options.listener?.resolved?.(resolution);
  const dns = dnsHops(site.cluster, from, resolution);
  walk.dns = dns;
  walk.hops.push(...dns.hops);
  walk.notes.push(...dns.notes);
  if (dns.stop !== undefined) {
    walk.notes.push(...ignoredRules(site, from));
    return walk.end(dns.stop);
  }
  const usable = dns.addresses.flatMap((a) => parseAddress(a) ?? []);
  const own = usable.filter(
    (a) => ends(site, from, a.family) && (options.family === undefined || a.family === options.family),
  );
  const [address] = own;
  if (address === undefined) return walk.end({ verdict: "unroutable", reason: "no-common-family" });
  const source = inFamily(site.engine, from, address.family);
  const learned = learnedAddresses(cache);
  const knows = site.engine.enforcer === "cilium" && learned.size > 0 ? site.knowing(learned) : site;
  const asked = resolution.asked.find((a) => a.addresses.includes(address.text))?.name.replace(/\.$/, "");
  return arrive(walk, source, address.text, asked ?? name, knows);
}

const ends = ({ engine }: Site, end: Endpoint, family: "IPv4" | "IPv6"): boolean => {
  const wanted = family === "IPv6";
  return inFamily(engine, end, family).address.v6 === wanted;
};

/** A packet to an address. */
function arrive(walk: Walk, from: Endpoint, address: string, name: string | undefined, site: Site): Trace {
  const { goal } = walk;
  const source = inFamily(site.engine, from, address.includes(":") ? "IPv6" : "IPv4");
  walk.from = source;
  if (isLoopback(address)) return toItself(walk, source);
  if (source.address.v6 !== address.includes(":"))
    return walk.end({ verdict: "unroutable", reason: "no-common-family" });
  const owner = serviceAt(site, address, goal.port);
  const direct = site.engine.endpoints.byAddress(address);
  const ports = owner?.spec.ports.filter((p) => p.protocol === goal.protocol) ?? [];
  const port =
    goal.port ??
    (ports.length === 1
      ? ports[0]?.port
      : owner === undefined && direct !== undefined
        ? onlyPort(direct, goal.protocol)
        : undefined);
  walk.port = port;
  if (port === undefined) return walk.end({ verdict: "unroutable", reason: "no-port" });
  const result = throughService(site, source, address, port, goal);
  walk.hops.push(...result.hops);
  if (result.stop !== undefined) return walk.end(result.stop);
  if (result.ways.length === 0) return walk.end({ verdict: "unroutable", reason: "no-such-address" });
  const at = `${hostPort(address, port)}/${goal.protocol}`;
  const there = judge(walk, source, result.ways, { address, port, name }, site, (way) =>
    way.connection === undefined ? undefined : serviceHop(site, result.service, at, way, result.ways),
  );
  return there.verdict === "allow" ? onward(walk, from, there, address, port, site) : there;
}

/** Where the connection ends at a proxy for the cluster's Ingresses or Gateways, the request goes on from there. */
function onward(walk: Walk, from: Endpoint, there: Trace, address: string, port: number, site: Site): Trace {
  const { request } = walk.goal;
  const gate = request === undefined ? undefined : gateAt(site, request, address, port);
  if (gate === undefined || walk.to === undefined) return there;
  return throughGate(walk, gate, walk.to, site, (goal) => {
    walk.goal = goal;
    return arrive(walk, from, address, undefined, site);
  });
}

/** Within the pod: neither policy nor routes have a say. */
function toItself(walk: Walk, from: Endpoint): Trace {
  walk.to = from;
  walk.hops.push(hop("route", "allow", `the loopback device of ${from.id}: it never leaves the pod`));
  return walk.end();
}
