/** What a trace says. */
import type { LookupReport } from "clusterdns";
import type { Mode } from "../service/index.ts";

/**
 * `deny`: policy. `reject`: the client is told "connection refused". `timeout`: packets or queries vanish without anybody's
 * policy. `nxdomain`: the name has no address. `unroutable`: there is no way from here to there.
 */
export type TraceVerdict = "allow" | "deny" | "reject" | "timeout" | "nxdomain" | "unroutable";

export type TraceLayer = "dns" | "service" | "policy" | "route" | "l7";

/** Where something is written; all null where it is in no file. */
export interface Origin {
  readonly rule: string | null;
  /** `Kind namespace/name`. */
  readonly object: string | null;
  readonly file: string | null;
  readonly line: number | null;
}

/** One step of the way. `details` are the layer's own. */
export interface Hop extends Origin {
  readonly layer: TraceLayer;
  /** What became of the packet (or query) here: `allow` goes on. */
  readonly verdict: TraceVerdict;
  /** A sentence. */
  readonly what: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Something to know that decided nothing; `code` is stable. */
export interface Note {
  readonly code: string;
  readonly text: string;
  readonly object: string | null;
  readonly file: string | null;
  readonly line: number | null;
}

/** The one line to change: `change` is to be written at (or put in after) that line. */
export interface Remedy {
  readonly text: string;
  readonly change: string | null;
  readonly object: string | null;
  readonly file: string | null;
  readonly line: number | null;
}

export interface End {
  readonly text: string;
  /** Of the endpoint that was taken; null where there is none. */
  readonly id: string | null;
  readonly address: string | null;
  readonly node: string | null;
  readonly port: number | null;
  readonly protocol: string | null;
}

/** The lookup of the name, as the pod's resolver did it. */
export interface NameLookup extends LookupReport {
  /** Questions whose answers were of no use to the program. */
  readonly needless: number;
}

export interface Trace {
  readonly verdict: TraceVerdict;
  readonly reason: Reason;
  readonly from: End;
  readonly to: End;
  readonly mode: Mode;
  readonly lookup: NameLookup | null;
  readonly hops: readonly Hop[];
  readonly notes: readonly Note[];
  readonly remedy: Remedy | null;
}

/** Why: stable codes, with what each means. */
export const REASONS = {
  allowed: "nothing on the way stops the connection",
  "dns-egress-denied": "policy of the pod's own drops its DNS queries (the forgotten port 53)",
  "dns-ingress-denied": "policy of the DNS pods drops the queries",
  "dns-proxy-refused": "Cilium's DNS proxy refuses the name: no rules.dns of the pod's takes it",
  "dns-no-endpoints":
    "nobody answers at the pod's nameserver: its Service has no ready endpoints, or nobody serves DNS there",
  "dns-server-broken": "the cluster's Corefile cannot be run",
  "dns-timeout": "the resolver had no answer in time",
  "dns-failure": "the DNS server says SERVFAIL, or something else that is no answer",
  "no-such-name": "the name does not exist, wherever the resolver's search list looks",
  "no-address-records": "the name exists and has no address",
  "headless-no-endpoints": "the headless Service has no ready endpoints, so its name has no address",
  "no-endpoints": "the Service has no ready endpoints for the port",
  "no-local-endpoints": "traffic policy Local, and no endpoint on that node",
  "source-range": "the client is in none of the Service's loadBalancerSourceRanges",
  "no-such-service-port": "the Service's address does not serve that port",
  "no-such-service": "an address of the Service range that no Service has",
  "rejected-by-proxy": "the node's service proxy rejects the packet",
  "dropped-by-proxy": "the node's service proxy drops the packet",
  "egress-denied": "policy of the source's drops the connection",
  "ingress-denied": "policy of the destination's drops the connection",
  "fqdn-not-learned":
    "toFQDNs selects the name, but no answer for it went through the DNS proxy: no egress rule with rules.dns let the query pass there",
  "no-route": "no rule of the Ingresses or Gateways takes the request (404)",
  "backend-missing": "the rule that takes the request has no backend that can be used (500, 503)",
  "redirect-loop": "the Ingress or Gateway sends the client round in circles",
  "l7-denied": "Cilium's HTTP proxy refuses the request (403)",
  "l7-tls": "HTTP rules on a connection that is TLS: the proxy cannot read it without terminatingTLS",
  "no-such-address": "an address of a node's pod range that no pod has",
  "no-pod-route": "nobody between the nodes has a route to the pod's address",
  "no-address": "the pod has no address: pending, or finished",
  "no-common-family": "the two ends have no address family in common",
  "cluster-ip-from-outside": "cluster IPs lead nowhere outside the cluster",
  "unknown-source": "FROM is no pod, workload, node or address",
  "unknown-destination": "TO names no pod, workload or Service",
  "no-port": "TO names no port, and there is not exactly one to choose",
} as const;

export type Reason = keyof typeof REASONS;

/** How a trace ended where it did not get through. */
export interface Stop {
  readonly verdict: Exclude<TraceVerdict, "allow">;
  readonly reason: Exclude<Reason, "allowed">;
  readonly remedy?: Remedy | undefined;
}

export const NOWHERE: Origin = { rule: null, object: null, file: null, line: null };
