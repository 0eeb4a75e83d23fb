/** One connection, from the name to the packet, hop by hop. */
import type { Cluster } from "../model/types.ts";
import { objectName } from "../model/source.ts";
import { caveatsOf } from "../policy/caveats.ts";
import { createDnsCache } from "../policy/cilium/dns-cache.ts";
import { learnedAddresses } from "../policy/cilium/dns-proxy.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import { createParties } from "../policy/parties.ts";
import { hostPort, parseAddress } from "../service/address.ts";
import type { Mode } from "../service/index.ts";
import { serviceAt, serviceHop, throughService, type Judged, type Way } from "./connect.ts";
import { dnsHops, type DnsHops } from "./dns.ts";
import { parseGoal, type Goal, type GoalOptions } from "./goal.ts";
import { throughProxy } from "./l7.ts";
import { hop, note } from "./origin.ts";
import { hostsFile, isLoopback } from "./hosts-file.ts";
import { ignoredRules, policyHop, stopOf, type Denial } from "./policy.ts";
import { DEFAULT_RESOLVER, resolve, type ResolveOptions } from "./resolve.ts";
import { route } from "./route.ts";
import { createSite, type Site } from "./site.ts";
import type { End, Hop, Note, Stop, Trace } from "./types.ts";
import { complete } from "./world.ts";

export interface TraceOptions extends GoalOptions, ResolveOptions {
  /** The service proxy; by default what the cluster's configuration says, else iptables. */
  readonly mode?: Mode;
  /** Which of a name's or a pod's addresses is used. */
  readonly family?: "IPv4" | "IPv6";
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
  const { cluster, assumed } = complete(given);
  const site = createSite(cluster, options.mode);
  const goal = parseGoal(to, options);
  const walk = createWalk(site, from, goal, options);
  walk.notes.push(...assumed.map((text) => note("assumed", text)));
  const [source, ...alike] = sourcesOf(site, from, options.family);
  if (source === undefined) return walk.end(sourceStop(site, from));
  walk.from = source;
  if (alike.length > 0)
    walk.notes.push(note("one-of-many", `${from} has ${alike.length + 1} pods: this is ${source.id}`));
  return follow(walk, source);
}

interface Walk {
  readonly site: Site;
  readonly goal: Goal;
  readonly options: TraceOptions;
  readonly hops: Hop[];
  readonly notes: Note[];
  from: Endpoint | undefined;
  to: Endpoint | undefined;
  port: number | undefined;
  dns: DnsHops | undefined;
  end(stop?: Stop): Trace;
}

function createWalk(site: Site, fromText: string, goal: Goal, options: TraceOptions): Walk {
  const walk: Walk = {
    site,
    goal,
    options,
    hops: [],
    notes: [],
    from: undefined,
    to: undefined,
    port: goal.port,
    dns: undefined,
    end: (stop) => ({
      verdict: stop?.verdict ?? "allow",
      reason: stop?.reason ?? "allowed",
      from: endOf(fromText, walk.from, undefined, undefined),
      to: endOf(goal.text, walk.to, walk.port, goal.protocol),
      mode: site.mode,
      lookup: walk.dns?.lookup ?? null,
      hops: walk.hops,
      notes: walk.notes,
      remedy: stop?.remedy ?? null,
    }),
  };
  return walk;
}

const endOf = (
  text: string,
  end: Endpoint | undefined,
  port: number | undefined,
  protocol: string | undefined,
): End => ({
  text,
  id: end?.id ?? null,
  address: end?.address.text ?? null,
  node: end === undefined || end.node === "" ? null : end.node,
  port: port ?? null,
  protocol: protocol ?? null,
});

function sourcesOf({ engine }: Site, text: string, family: TraceOptions["family"]): readonly Endpoint[] {
  const found = [...createParties(engine).source(text)].sort((a, b) => (a.id < b.id ? -1 : 1));
  return found.map((end) => inFamily(engine, end, family));
}

/** The same end by its address of the wanted family, where it has one. */
const inFamily = (engine: Site["engine"], end: Endpoint, family: TraceOptions["family"]): Endpoint =>
  family === undefined || end.pod === undefined
    ? end
    : (engine.endpoints.pod(end.pod, family === "IPv6") ?? end);

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
  return byName(walk, from, target.name);
}

type Target = { readonly name: string } | { readonly pods: readonly Endpoint[] };

function objectTarget({ site, goal, options }: Walk, from: Endpoint): Target | undefined {
  const pods = sourcesOf(site, goal.host, options.family).filter((e) => e.kind === "pod");
  if (pods.length > 0) return { pods };
  const [namespace = "", name = ""] = goal.host.split("/");
  const service = site.cluster.services.find(
    (s) => s.metadata.namespace === namespace && s.metadata.name === name,
  );
  if (service === undefined) return undefined;
  return { name: namespace === from.namespace ? name : `${name}.${namespace}` };
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
  const resolution = await resolve(site, from, name, cache, options);
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
  const knows = site.engine.enforcer === "cilium" ? site.knowing(learned) : site;
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
  const owner = serviceAt(site, address);
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
  return judge(walk, source, result.ways, { address, port, name }, site, (way) =>
    way.connection === undefined ? undefined : serviceHop(site, result.service, at, way, result.ways),
  );
}

/** Within the pod: neither policy nor routes have a say. */
function toItself(walk: Walk, from: Endpoint): Trace {
  walk.to = from;
  walk.hops.push(hop("route", "allow", `the loopback device of ${from.id}: it never leaves the pod`));
  return walk.end();
}

type Asked = Denial["asked"];

/** Policy, route and proxies; of several endpoints the first that cannot be reached, else the first. */
function judge(
  walk: Walk,
  from: Endpoint,
  ways: readonly Way[],
  asked: Asked,
  site: Site,
  translated?: (way: Way) => Hop | undefined,
): Trace {
  const { goal, hops, notes } = walk;
  const judged = ways.map((way) => judgeWay(site, from, way, goal));
  const denied = judged.filter((j) => j.egress.action === "deny" || j.ingress.action === "deny");
  const taken = (denied[0] ?? judged[0])!;
  if (denied.length > 0 && denied.length < judged.length)
    notes.push(
      note(
        "some-endpoints",
        `${denied.length} of ${judged.length} endpoints cannot be reached: this is one of them`,
      ),
    );
  const { to, port, seen, egress, ingress } = taken;
  walk.to = to;
  walk.port = port;
  const probe = { port, protocol: goal.protocol };
  const service = translated?.(taken);
  if (service !== undefined) hops.push(service);
  const self = from.id === to.id;
  const ports = to.ports.filter((p) => p.protocol === goal.protocol);
  if (to.kind === "pod" && ports.length > 0 && !ports.some((p) => p.containerPort === port))
    notes.push(
      note(
        "undeclared-port",
        `${to.id} declares no container port ${port}/${goal.protocol}: it may not listen there`,
        to.pod,
      ),
    );
  notes.push(...ignoredRules(site, from), ...(self ? [] : ignoredRules(site, to)));
  const caveats = caveatsOf(site.cluster, site.engine.enforcer).filter(
    (c) => c.touches(from) || c.touches(to),
  );
  notes.push(...caveats.map((c) => note("not-evaluated", c.text, c.object)));
  if (self) {
    hops.push(
      hop("policy", "allow", "a pod always reaches itself", {}, { direction: "egress" }),
      route(site.cluster, from, to).hop,
    );
    return walk.end();
  }
  const learned = (name: string) => learnedName(walk, name);
  if (from.kind !== "external") hops.push(policyHop(egress, "egress", from, to, probe));
  if (egress.action === "deny") {
    if (ingress.action === "deny")
      notes.push(
        note(
          "ingress-denied-too",
          `ingress would be denied too, by ${ingress.rule === undefined ? ingress.policies.map(objectName).join(", ") : objectName(ingress.rule.object)}`,
          ingress.rule?.object ?? ingress.policies[0],
        ),
      );
    return walk.end(
      stopOf(site, { side: egress, direction: "egress", subject: from, peer: to, probe, asked }, learned),
    );
  }
  const routed = route(site.cluster, from, to);
  hops.push(routed.hop);
  if (routed.stop !== undefined) return walk.end(routed.stop);
  if (to.kind !== "external") hops.push(policyHop(ingress, "ingress", to, seen, probe));
  if (ingress.action === "deny")
    return walk.end(
      stopOf(site, { side: ingress, direction: "ingress", subject: to, peer: seen, probe, asked }, learned),
    );
  for (const [side, direction] of [
    [egress, "egress"],
    [ingress, "ingress"],
  ] as const) {
    const proxied = throughProxy(side, direction, goal.request);
    if (proxied === undefined) continue;
    hops.push(proxied.hop);
    if (proxied.stop !== undefined) return walk.end(proxied.stop);
  }
  return walk.end();
}

/** Whether the agent saw an answer for the name. */
const learnedName = ({ hops }: Walk, name: string): boolean =>
  hops.some(
    (h) =>
      h.layer === "dns" &&
      h.details?.["learned"] === true &&
      String(h.details["name"]).replace(/\.$/, "") === name &&
      (h.details["addresses"] as readonly string[]).length > 0,
  );

function judgeWay({ engine }: Site, from: Endpoint, way: Way, { protocol }: Goal): Judged {
  const probe = { port: way.port, protocol };
  return {
    ...way,
    egress: engine.judge.side(from, way.to, probe, "egress"),
    ingress: engine.judge.side(way.to, way.seen, probe, "ingress"),
  };
}

export { DEFAULT_RESOLVER };
