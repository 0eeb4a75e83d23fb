/** Lookups that the machine's glibc and its model both make. */

export const DNS = "10.96.0.10";

export interface Asked {
  readonly name: string;
  readonly type: string;
  readonly proto: "udp" | "tcp";
  /** 1, 2, ... by the client's port, in the order of first use. */
  readonly socket: number;
}

interface Side {
  readonly asked: readonly Asked[];
  /** Addresses in order of their text; left out where nothing was found. */
  readonly found?: readonly string[] | undefined;
}

export interface Outcome {
  readonly conf: string;
  readonly name: string;
  readonly glibc: Side;
  readonly model: Side;
}

const SEARCH = "search shop.svc.cluster.local svc.cluster.local cluster.local";
const conf = (options: string, search = SEARCH): string =>
  `${search}\nnameserver ${DNS}\noptions ${options}\n`;

const NAMES = [
  "api.example.com",
  "api.example.com.",
  "cart",
  "api.payments",
  "api.payments.svc.cluster.local",
  "db-0.db",
  "nowhere.example.com",
  "a.b.c.d.e.example.com",
  "Web",
  "large.example.com.",
];

/** Those without IPv6 come first: an address that was given is not taken away. */
export const cases: readonly {
  readonly conf: string;
  readonly names: readonly string[];
  readonly ipv6?: boolean;
}[] = [
  { conf: conf("ndots:5"), names: ["api.example.com", "cart"], ipv6: false },
  { conf: conf("ndots:5"), names: NAMES },
  { conf: conf("ndots:2"), names: NAMES },
  { conf: conf("ndots:1"), names: ["api.payments", "api.example.com", "cart"] },
  { conf: conf("ndots:5 single-request"), names: ["api.example.com", "api.payments"] },
  { conf: conf("ndots:5 single-request-reopen"), names: ["api.example.com"] },
  { conf: conf("ndots:5 use-vc"), names: ["api.example.com", "cart"] },
  { conf: conf("ndots:5 edns0"), names: ["api.payments"] },
  { conf: conf("ndots:5 no-aaaa"), names: ["api.example.com", "api.payments"] },
  {
    conf: conf("ndots:5", `${SEARCH} zone.cloud.internal cloud.internal`),
    names: ["api.example.com", "cart"],
  },
];
