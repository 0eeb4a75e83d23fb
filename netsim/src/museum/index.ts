/** The exhibits, by wing and year. */
import { aaaaFlood } from "./names/aaaa-flood.ts";
import { aaaaNxdomain } from "./names/aaaa-nxdomain.ts";
import { autopathUnverified } from "./names/autopath-unverified.ts";
import { fiveSeconds } from "./names/five-seconds.ts";
import { forwardingLoop } from "./names/forwarding-loop.ts";
import { frozenWatch } from "./names/frozen-watch.ts";
import { headlessNotReady } from "./names/headless-not-ready.ts";
import { hostNetwork } from "./names/host-network.ts";
import { jvmForever } from "./names/jvm-forever.ts";
import { muslLongSearch } from "./names/musl-long-search.ts";
import { muslNoTcp } from "./names/musl-no-tcp.ts";
import { muslParallel } from "./names/musl-parallel.ts";
import { ndotsFive } from "./names/ndots-five.ts";
import { negativeCache } from "./names/negative-cache.ts";
import { nodelocalUpgrade } from "./names/nodelocal-upgrade.ts";
import { pps1024 } from "./names/pps-1024.ts";
import { rolloutLost } from "./names/rollout-lost.ts";
import { searchDot } from "./names/search-dot.ts";
import { serveStale } from "./names/serve-stale.ts";
import { templateServfail } from "./names/template-servfail.ts";
import { unboundedForward } from "./names/unbounded-forward.ts";
import { wildcardSearch } from "./names/wildcard-search.ts";
import { wrongClusterDns } from "./names/wrong-cluster-dns.ts";
import { conntrackFull } from "./services/conntrack-full.ts";
import { endpointsTruncated } from "./services/endpoints-truncated.ts";
import { externalIpMitm } from "./services/external-ip-mitm.ts";
import { grpcPinned } from "./services/grpc-pinned.ts";
import { ipvsUdp } from "./services/ipvs-udp.ts";
import { localPolicyRollout } from "./services/local-policy-rollout.ts";
import { nodeFailover } from "./services/node-failover.ts";
import { sessionAffinityNat } from "./services/session-affinity-nat.ts";
import { snatRace } from "./services/snat-race.ts";
import { udpStaleDns } from "./services/udp-stale-dns.ts";
import { udpZeroEndpoints } from "./services/udp-zero-endpoints.ts";
import { autopathFqdn } from "./policy/autopath-fqdn.ts";
import { defaultDenyDns } from "./policy/default-deny-dns.ts";
import { dnsTcpBlocked } from "./policy/dns-tcp-blocked.ts";
import { fqdnManyAddresses } from "./policy/fqdn-many-addresses.ts";
import { fqdnShortTtl } from "./policy/fqdn-short-ttl.ts";
import { identityExhaustion } from "./policy/identity-exhaustion.ts";
import { nodelocalPolicy } from "./policy/nodelocal-policy.ts";
import { nodeportSource } from "./policy/nodeport-source.ts";
import { selectorOr } from "./policy/selector-or.ts";
import { serviceCidr } from "./policy/service-cidr.ts";
import { exactBecomesPrefix } from "./edge/exact-becomes-prefix.ts";
import { externalNameHost } from "./edge/external-name-host.ts";
import { redirectLoop } from "./edge/redirect-loop.ts";
import { rewriteTarget } from "./edge/rewrite-target.ts";
import { redditPiDay } from "./nodes/reddit-pi-day.ts";
import { vxlanMtu } from "./nodes/vxlan-mtu.ts";
import type { Evidence, Exhibit, Wing } from "./types.ts";

export const WINGS: Readonly<Record<Wing, string>> = {
  names: "Names: DNS and resolvers",
  services: "Services: proxies and connection tables",
  policy: "Policy",
  edge: "The edge: Ingress and gateways",
  nodes: "Nodes: routes and packets",
};

export const EXHIBITS: readonly Exhibit[] = [
  hostNetwork,
  muslParallel,
  jvmForever,
  ndotsFive,
  fiveSeconds,
  headlessNotReady,
  wildcardSearch,
  autopathUnverified,
  forwardingLoop,
  wrongClusterDns,
  negativeCache,
  nodelocalUpgrade,
  rolloutLost,
  unboundedForward,
  pps1024,
  serveStale,
  muslNoTcp,
  searchDot,
  muslLongSearch,
  aaaaFlood,
  aaaaNxdomain,
  frozenWatch,
  templateServfail,
  conntrackFull,
  sessionAffinityNat,
  grpcPinned,
  ipvsUdp,
  snatRace,
  localPolicyRollout,
  externalIpMitm,
  nodeFailover,
  udpStaleDns,
  endpointsTruncated,
  udpZeroEndpoints,
  selectorOr,
  nodeportSource,
  nodelocalPolicy,
  serviceCidr,
  autopathFqdn,
  defaultDenyDns,
  fqdnManyAddresses,
  fqdnShortTtl,
  dnsTcpBlocked,
  identityExhaustion,
  externalNameHost,
  redirectLoop,
  rewriteTarget,
  exactBecomesPrefix,
  vxlanMtu,
  redditPiDay,
];

export const findExhibit = (id: string): Exhibit | undefined => EXHIBITS.find((one) => one.id === id);

/** An exhibit and what its run has shown. */
export interface Shown {
  readonly exhibit: Exhibit;
  readonly evidence: Evidence;
  /** Whether the failure happened as it was reported, and the remedy helped. */
  readonly ok: boolean;
}

export async function show(exhibit: Exhibit): Promise<Shown> {
  const evidence = await exhibit.run();
  return { exhibit, evidence, ok: evidence.assertions.every(({ holds }) => holds) };
}
