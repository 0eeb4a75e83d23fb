/** One DNS query on its way: translation of the nameserver's address, policy at both ends, and who answers there. */
import type { Sent } from "clusterdns";
import { dnsQuery } from "../policy/cilium/dns-proxy.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import { placeOf, sidePlace, sideText } from "../policy/explain.ts";
import type { Side } from "../policy/judge.ts";
import { clusterDnsOf, kubeletDns, LINK_LOCAL } from "./settings.ts";
import { inFamily, type Site } from "./site.ts";
import { NOWHERE, type Origin } from "./types.ts";

export interface Crossing {
  /** `drop`: silence; `closed`: ICMP says that nobody listens; `refuse`: Cilium's proxy answers REFUSED. */
  readonly fate: "answer" | "drop" | "closed" | "refuse";
  readonly stop: "egress" | "ingress" | "proxy" | "service" | undefined;
  /** Who answers: the cluster's own DNS, or a resolver outside of it. */
  readonly server: "cluster" | "world";
  /** The endpoint's name, once it is known. */
  readonly to: string | undefined;
  readonly endpoint: Endpoint | undefined;
  /** Whether Cilium's agent learns the answer. */
  readonly learned: boolean;
  readonly why: string;
  readonly origin: Origin;
  readonly side: Side | undefined;
}

/** What becomes of one question; a function of the question alone. */
export type Journey = (question: Sent) => Crossing;

export const originOf = (side: Side | undefined): Origin => {
  const place =
    side === undefined ? undefined : side.rule === undefined ? sidePlace(side) : placeOf(side.rule);
  if (place === undefined) return NOWHERE;
  const { rule, object, file = null, line = null } = place;
  return { rule, object, file: file === "" ? null : file, line: line === 0 ? null : line };
};

interface Way {
  readonly endpoint: Endpoint | undefined;
  readonly port: number;
  readonly refused: boolean;
}

export function createJourney(site: Site, asker: Endpoint, nodelocal: boolean): Journey {
  const { cluster, engine } = site;
  const dnsPods = endpointsOfDns(site);
  const { nameserver } = kubeletDns(cluster);
  const known = new Map<string, Way>();

  function wayTo(from: Endpoint, server: string, protocol: "UDP" | "TCP"): Way {
    const atNode = nodelocal && (server === LINK_LOCAL || server === nameserver);
    if (atNode) {
      const host = cluster.nodes.find((n) => n.metadata.name === from.node);
      return { endpoint: host && engine.endpoints.node(host), port: 53, refused: false };
    }
    const [way] = site.ways(from.node, from.address.text, server, 53, protocol) ?? [];
    if (way === undefined) return { endpoint: engine.endpoints.byAddress(server), port: 53, refused: false };
    const { verdict, destination } = way.connection;
    if (verdict === "rejected") return { endpoint: undefined, port: 53, refused: true };
    if (verdict === "dropped") return { endpoint: undefined, port: 53, refused: false };
    return {
      endpoint: engine.endpoints.byAddress(destination.address),
      port: destination.port,
      refused: false,
    };
  }

  return ({ server, proto, name }) => {
    const protocol = proto === "udp" ? "UDP" : "TCP";
    const key = `${server} ${protocol}`;
    // A query goes by the nameserver's family, whatever the connection will take.
    const from = inFamily(engine, asker, server.includes(":") ? "IPv6" : "IPv4");
    const way = known.get(key) ?? wayTo(from, server, protocol);
    known.set(key, way);
    const { endpoint, port } = way;
    const base = { server: "cluster", to: endpoint?.id, endpoint, learned: false, side: undefined } as const;
    if (endpoint === undefined) {
      const why = way.refused ? "no ready endpoints there: rejected" : "dropped by the node's service proxy";
      return {
        ...base,
        fate: way.refused ? "closed" : "drop",
        stop: "service",
        why,
        origin: dnsOrigin(site),
      };
    }
    const local = endpoint.kind === "node" && endpoint.node === from.node;
    const decision = local
      ? {
          action: "allow" as const,
          learned: false,
          side: engine.judge.side(from, endpoint, { port, protocol }, "egress"),
        }
      : dnsQuery(engine, from, endpoint, name, { port, protocol });
    const { side } = decision;
    const told = { side, origin: originOf(side), why: sideText(side, "egress") };
    if (decision.action === "deny" || side.action === "deny")
      return { ...base, ...told, fate: "drop", stop: "egress" };
    if (decision.action === "refuse") return { ...base, ...told, fate: "refuse", stop: "proxy" };
    const inward = engine.judge.side(endpoint, from, { port, protocol }, "ingress");
    if (inward.action === "deny")
      return {
        ...base,
        side: inward,
        origin: originOf(inward),
        why: sideText(inward, "ingress"),
        fate: "drop",
        stop: "ingress",
      };
    const serves = local ? nodelocal : dnsPods.has(endpoint.address.text);
    if (!serves && endpoint.kind !== "external")
      return { ...base, ...told, fate: "closed", stop: "service", why: `${endpoint.id} serves no DNS` };
    return {
      ...base,
      ...told,
      fate: "answer",
      stop: undefined,
      server: serves ? "cluster" : "world",
      learned: decision.learned,
    };
  };
}

function dnsOrigin({ cluster }: Site): Origin {
  const service = clusterDnsOf(cluster);
  if (service === undefined) return NOWHERE;
  const { metadata, source } = service;
  return {
    rule: null,
    object: `Service ${metadata.namespace}/${metadata.name}`,
    file: source.file === "" ? null : source.file,
    line: source.line === 0 ? null : source.line,
  };
}

function endpointsOfDns({ cluster }: Site): ReadonlySet<string> {
  const service = clusterDnsOf(cluster);
  const slices = cluster.endpointSlices.filter(
    (s) =>
      s.metadata.namespace === service?.metadata.namespace &&
      s.metadata.labels["kubernetes.io/service-name"] === service.metadata.name,
  );
  return new Set(slices.flatMap((s) => s.endpoints.flatMap((e) => e.addresses)));
}
