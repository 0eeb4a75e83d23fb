/** One connection that may end in another cluster: the lookup and the translation where it begins, policy at both ends. */
import type { Cluster } from "../model/types.ts";
import { CLUSTER } from "../policy/cilium/identity.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import type { Engine } from "../policy/engine.ts";
import type { Side } from "../policy/judge.ts";
import { hostPort } from "../service/address.ts";
import type { Mode } from "../service/index.ts";
import type { Judged } from "../trace/connect.ts";
import { parseGoal } from "../trace/goal.ts";
import { throughProxy } from "../trace/l7.ts";
import { hop, note } from "../trace/origin.ts";
import type { Arrival } from "../trace/passage.ts";
import { policyHop, stopOf } from "../trace/policy.ts";
import { route } from "../trace/route.ts";
import { createSite } from "../trace/site.ts";
import { trace, type TraceOptions } from "../trace/trace.ts";
import type { Hop, Note, Stop, Trace } from "../trace/types.ts";
import type { Mesh } from "./mesh.ts";
import { meshEngine, meshPolicies, seenFrom } from "./policy.ts";
import type { MeshCluster } from "./types.ts";
import { viewOf } from "./view.ts";

/** One of the endpoints that the connection may go to. */
export interface Reached {
  readonly cluster: string;
  readonly endpoint: string;
  readonly address: string;
  readonly node: string | null;
  readonly probability: number;
  readonly verdict: "allow" | "deny";
  readonly egress: Side["action"];
  readonly ingress: Side["action"];
}

export interface MeshTrace extends Trace {
  readonly cluster: string;
  readonly endpoints: readonly Reached[];
}

/** ebpf is what a mesh's load balancing is made of; another mode says what a node's own kube-proxy would do. */
const DEFAULT_MODE: Mode = "ebpf";

/**
 * From a pod of one cluster. TO is as in a trace of one cluster, and `CLUSTER:namespace/pod:port` for a pod of another. The verdict
 * is that of the first endpoint that cannot be reached, else of the first.
 */
export async function meshTrace(
  mesh: Mesh,
  home: MeshCluster,
  from: string,
  to: string,
  options: Omit<TraceOptions, "listener"> = {},
): Promise<MeshTrace> {
  const mode = options.mode ?? DEFAULT_MODE;
  const view = meshPolicies(home, viewOf(mesh, home, mode));
  const legs: { ways: readonly Judged[]; asked: Arrival }[] = [];
  const listener = { judged: (ways: readonly Judged[], asked: Arrival) => void legs.push({ ways, asked }) };
  const found = await trace(view, from, farPod(mesh, to) ?? to, { ...options, mode, listener });
  const { ways, asked } = legs.at(-1) ?? { ways: [], asked: undefined };
  const engines = createEngines();
  const owners = new Map(ways.map((way) => [way, ownerOf(mesh, home, view, way, engines)]));
  const base = { ...found, to: { ...found.to, text: to }, cluster: home.name };
  if (asked === undefined || ![...owners.values()].some((o) => o !== undefined)) {
    const endpoints = ways.map((way) => reached(home.name, way, way.to));
    return { ...base, endpoints };
  }

  const site = createSite(view, mode);
  const source = site.engine.endpoints.byAddress(found.from.address ?? "");
  const near = meshEngine(home, view);
  const protocol = found.to.protocol ?? "TCP";
  const judged = ways.map((way) => {
    const owner = owners.get(way);
    return owner === undefined || source === undefined
      ? { way, home, end: way.to, seen: way.to, egress: way.egress, ingress: way.ingress, engine: near }
      : judge(near, home, source, way, owner, protocol);
  });
  const taken = judged.find((j) => j.egress.action === "deny" || j.ingress.action === "deny") ?? judged[0]!;
  const { egress, ingress, end, way } = taken;
  const probe = { port: way.port, protocol };
  // What came before the first packet stays; the rest was said of an address that nobody there knew.
  const hops: Hop[] = found.hops
    .filter((h) => h.layer === "dns" || h.layer === "service")
    .map((h) => named(h, judged));
  const notes: Note[] = found.notes.filter((n) => !["not-evaluated", "some-endpoints"].includes(n.code));
  let stop: Stop | undefined;
  const finish = (side: Side, direction: "egress" | "ingress", subject: Endpoint, peer: Endpoint): void => {
    hops.push(policyHop(side, direction, subject, peer, probe));
    if (side.action === "deny")
      stop = ofCluster(
        stopOf(site, { side, direction, subject, peer, probe, asked }, () => false),
        peer,
      );
  };
  finish(egress, "egress", source ?? end, taken.seen);
  if (stop === undefined) {
    const stays = taken.home === home && source !== undefined;
    hops.push(stays ? route(view, source, end).hop : between(mesh, home, taken.home, source, end));
    const peer = source === undefined || stays ? (source ?? end) : seenFrom(taken.engine, source, home);
    finish(ingress, "ingress", stays ? end : { ...end, id: `${taken.home.name}:${end.id}` }, peer);
  }
  const { request } = parseGoal(to, options);
  for (const [side, direction] of [
    [egress, "egress"],
    [ingress, "ingress"],
  ] as const) {
    const proxied = stop === undefined ? throughProxy(side, direction, request) : undefined;
    if (proxied === undefined) continue;
    hops.push(proxied.hop);
    stop = proxied.stop;
  }
  if (judged.length > 1)
    notes.push(
      note(
        "one-of-many",
        `${judged.length} endpoints in ${[...new Set(judged.map((j) => j.home.name))].join(", ")}`,
      ),
    );
  return {
    ...base,
    verdict: stop?.verdict ?? "allow",
    reason: stop?.reason ?? "allowed",
    remedy: stop?.remedy ?? null,
    to: {
      ...base.to,
      id: `${taken.home.name}:${end.id}`,
      address: end.address.text,
      node: end.node === "" ? null : end.node,
      port: way.port,
    },
    hops,
    notes,
    endpoints: judged.map((j) => ({
      ...reached(j.home.name, { ...j.way, egress: j.egress, ingress: j.ingress }, j.end),
    })),
  };
}

/** What to write names the peer's cluster: without it a selector means pods of the policy's own. */
function ofCluster(stop: Stop, { cluster }: Endpoint): Stop {
  const { remedy } = stop;
  if (remedy?.change == null || cluster === undefined) return stop;
  const change = remedy.change.replace("Endpoints: [{matchLabels: {", `$&${CLUSTER}: ${cluster}, `);
  return { ...stop, remedy: { ...remedy, change } };
}

interface Owner {
  readonly home: MeshCluster;
  readonly engine: Engine;
  readonly end: Endpoint;
}

type Engines = (home: MeshCluster) => Engine;

/** Each cluster's policies, compiled when they are first asked. */
function createEngines(): Engines {
  const made = new Map<MeshCluster, Engine>();
  return (home) => {
    const engine = made.get(home) ?? meshEngine(home, home.cluster);
    made.set(home, engine);
    return engine;
  };
}

/** The pod of another cluster that has the address; one of this cluster's comes first, as its routes do. */
function ownerOf(
  { clusters }: Mesh,
  home: MeshCluster,
  { pods }: Cluster,
  { to }: Judged,
  engineOf: Engines,
): Owner | undefined {
  const { text } = to.address;
  if (to.kind !== "external" || pods.some((p) => p.status.podIPs?.some(({ ip }) => ip === text)))
    return undefined;
  for (const other of clusters.filter((c) => c !== home)) {
    const engine = engineOf(other);
    const end = engine.endpoints.byAddress(text);
    if (end !== undefined && end.kind !== "external") return { home: other, engine, end };
  }
  return undefined;
}

function judge(
  near: Engine,
  home: MeshCluster,
  source: Endpoint,
  way: Judged,
  owner: Owner,
  protocol: string,
) {
  const probe = { port: way.port, protocol };
  const seen = seenFrom(near, owner.end, owner.home);
  return {
    way,
    home: owner.home,
    end: owner.end,
    seen,
    egress: near.judge.side(source, seen, probe, "egress"),
    ingress: owner.engine.judge.side(owner.end, seenFrom(owner.engine, source, home), probe, "ingress"),
    engine: owner.engine,
  };
}

const reached = (cluster: string, way: Judged, end: Endpoint): Reached => ({
  cluster,
  endpoint: end.id,
  address: hostPort(end.address.text, way.port),
  node: end.node === "" ? null : end.node,
  probability: way.probability,
  verdict: way.egress.action === "deny" || way.ingress.action === "deny" ? "deny" : "allow",
  egress: way.egress.action,
  ingress: way.ingress.action,
});

/** The Service's hop, with endpoints of other clusters by their names. */
function named(h: Hop, judged: readonly { home: MeshCluster; end: Endpoint }[]): Hop {
  if (h.layer !== "service") return h;
  const what = judged.reduce(
    (text, { home, end }) => text.replaceAll(`(${end.address.text})`, `(${home.name}:${end.id})`),
    h.what,
  );
  return { ...h, what };
}

function between(
  mesh: Mesh,
  home: MeshCluster,
  other: MeshCluster,
  from: Endpoint | undefined,
  to: Endpoint,
): Hop {
  const { routing, tunnel, encryption } = home.config;
  const nodes = `node ${from?.node || "?"} of ${home.name} to node ${to.node || "?"} of ${other.name}`;
  const secret = encryption === "none" ? "" : `, in ${encryption === "wireguard" ? "WireGuard" : "IPsec"}`;
  const how =
    routing === "native"
      ? "routed natively: the network between the clusters must know the pods' ranges"
      : routing === "tunnel"
        ? `${tunnel === "geneve" ? "Geneve" : "VXLAN"} between the nodes' own addresses`
        : "as the clusters' network has it";
  const overlap = mesh.findings.find(
    (f) =>
      f.code === "pods-overlap" && [home, other].every((c) => f.places.some((p) => p.cluster === c.name)),
  );
  return hop(
    "route",
    "allow",
    `${nodes}: ${how}${secret}; no NAT${overlap === undefined ? "" : `. ${overlap.message}`}`,
    {},
    {
      from: from?.node ?? "",
      to: to.node,
      fromCluster: home.name,
      toCluster: other.name,
      sameNode: false,
      routing: routing ?? null,
      encapsulation: routing === "tunnel" ? (tunnel ?? "vxlan") : "none",
      encrypted: encryption !== "none",
    },
  );
}

/** `west:shop/api-0:8080` as an address and port; undefined for text that names no cluster. */
function farPod({ clusters }: Mesh, text: string): string | undefined {
  const [, cluster, namespace, name, port] =
    /^([a-z0-9-]+):([a-z0-9-]+)\/([a-z0-9.-]+)(:\d+(?:\/\w+)?)?$/.exec(text) ?? [];
  const home = clusters.find((c) => c.name === cluster);
  const pod = home?.cluster.pods.find((p) => p.metadata.namespace === namespace && p.metadata.name === name);
  const address = pod?.status.podIPs?.[0]?.ip ?? pod?.status.podIP;
  if (pod === undefined || address === undefined) return undefined;
  const ports = pod.spec.containers.flatMap((c) => c.ports ?? []);
  const only = ports.length === 1 ? `:${ports[0]!.containerPort}` : "";
  return `${address.includes(":") ? `[${address}]` : address}${port ?? only}`;
}
