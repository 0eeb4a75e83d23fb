/** As expected-names.ts, for the other wings. */
import type { Expected } from "./support.ts";
import { number } from "./support.ts";

export const services: Expected = {
  "udp-zero-endpoints": [
    ["13 hours", (b) => b["hours"] === 13],
    ["the REJECT rule is never met", (b) => b["rejected"] === 0 && number(b, "to_the_dead") > 0],
    [
      "recovery is instant once the entries are gone",
      (b, m) => m["to_the_dead"] === 0 && m["rejected"] === b["to_the_dead"],
    ],
  ],
  "udp-stale-dns": [
    ["who keeps asking within 120 s never recovers", (b) => number(b, "dark_s") >= 1700],
    [
      "who pauses for longer than nf_conntrack_udp_timeout_stream does",
      (b) => number(b, "dark_s_with_a_pause") < number(b, "dark_s") / 10,
    ],
    ["a flush mends it", (_, m) => number(m, "lost") <= 1],
  ],
  "conntrack-full": [
    [
      "packets are dropped once the table is full",
      (b) => number(b, "dns_dropped") > 0 && number(b, "full_after_s") > 0,
    ],
    ["kube-proxy's minimum is 131072", (_, m) => m["max"] === 131_072 && m["dns_dropped"] === 0],
  ],
  "snat-race": [
    ["SYNs are dropped, and come 1 s later", (b) => number(b, "dropped") > 0 && b["wait_ms"] === 1000],
    ["random ports make it rare", (b, m) => number(m, "dropped") * 20 <= number(b, "dropped")],
  ],
  "local-policy-rollout": [
    ["dropped, not rejected", (b) => b["verdict"] === "dropped" && number(b, "dropped") > 0],
    [
      "for as long as the health check takes",
      (b) => number(b, "dropped") === 10 * number(b, "noticed_after_s"),
    ],
    [
      "KEP-1669: the terminating pod serves meanwhile",
      (_, m) => m["verdict"] === "forwarded" && m["dropped"] === 0,
    ],
  ],
  "external-ip-mitm": [
    [
      "traffic to the claimed address goes to the attacker's pod",
      (b) => String(b["arrives_at"]) === "10.244.2.66",
    ],
    ["in all proxies", (b) => (b["modes"] as readonly string[]).length === 4],
    ["without the field it does not", (_, m) => String(m["arrives_at"]) === m["sent_to"]],
  ],
  "session-affinity-nat": [
    ["all to one pod", (b) => b["pods_used"] === 1 && b["busiest_percent"] === 100],
    ["spread without affinity", (_, m) => m["pods_used"] === 4],
  ],
  "grpc-pinned": [
    ["only one pod is hit", (b) => b["busiest_percent"] === 100 && b["idle"] === 2],
    [
      "a third each, balanced by request",
      (_, m) => number(m, "busiest_percent") < 34 && m["addresses"] === 3,
    ],
  ],
  "ipvs-udp": [
    ["five minutes, the UDP timeout of IPVS", (b) => b["timeout_s"] === 300],
    [
      "after that everything works again",
      (b) => number(b, "last_lost_s") <= 300 && number(b, "last_lost_s") > 240,
    ],
    [
      "expired with the first loss it is a matter of seconds",
      (b, m) => number(m, "lost") * 5 < number(b, "lost"),
    ],
  ],
  "node-failover": [
    [
      "by chance all but one in so many go elsewhere",
      (b) => Math.abs(number(b, "lost_percent") - (100 * (number(b, "pods") - 1)) / number(b, "pods")) < 5,
    ],
    ["nodes that compute alike keep all of them", (_, m) => m["lost"] === 0],
  ],
  "endpoints-truncated": [
    ["1000 addresses are left", (b) => b["reached"] === 1000 && number(b, "pods") > 1000],
    ["slices have all", (_, m) => m["reached"] === m["pods"]],
  ],
};

export const policy: Expected = {
  "default-deny-dns": [
    ["no question leaves the pod", (b) => b["answered"] === 0 && b["reason"] === "dns-egress-denied"],
    ["the address works", (b) => b["by_address"] === "allow"],
    ["port 53 to kube-dns mends it", (_, m) => m["verdict"] === "allow"],
  ],
  "dns-tcp-blocked": [
    [
      "what fits into a datagram resolves, more does not",
      (b) => b["with_20"] === 20 && b["addresses"] === 0 && number(b, "tcp_dropped") > 0,
    ],
    ["53/TCP mends it", (_, m) => m["addresses"] === 40],
  ],
  "selector-or": [
    [
      "everything of the namespace is let in, and more",
      (b) => (b["admitted"] as readonly string[]).length === 4,
    ],
    ["one pod was meant", (_, m) => String(m["admitted"]) === "frontend/web"],
  ],
  "service-cidr": [
    [
      "policy judges the pod behind the cluster IP",
      (b) => b["judged"] === "10.244.2.8" && b["verdict"] === "deny",
    ],
    ["its labels open the way", (_, m) => m["verdict"] === "allow"],
  ],
  "nodelocal-policy": [
    [
      "names resolved before, and do not now",
      (b) => b["found_before"] === true && b["found"] === false && b["answered"] === 0,
    ],
    ["an ipBlock for the cache mends it", (_, m) => m["found"] === true],
  ],
  "nodeport-source": [
    ["the node's address arrives", (b) => b["masqueraded"] === true && b["verdict"] === "deny"],
    [
      "Local keeps the client's",
      (_, m) => m["verdict"] === "allow" && m["on_a_node_without_pod"] === "timeout",
    ],
  ],
  "autopath-fqdn": [
    [
      "the search-suffixed name is learnt, the policy's is not",
      (b) => /\.svc\.cluster\.local\.$/.test(String(b["learned"])),
    ],
    ["it resolves and is denied", (b) => b["resolved"] === true && b["verdict"] === "deny"],
    ["without autopath it is allowed", (_, m) => m["verdict"] === "allow"],
  ],
  "fqdn-short-ttl": [
    ["denied after the TTL, not before", (b) => number(b, "denied") > 0 && number(b, "first_denied_s") > 5],
    ["a minimum TTL of an hour mends it", (_, m) => m["denied"] === 0],
  ],
  "fqdn-many-addresses": [
    ["established connections are cut", (b) => number(b, "cut") > 0],
    ["with room for all addresses none is", (_, m) => m["cut"] === 0],
  ],
  "identity-exhaustion": [
    ["an identity for each pod", (b) => b["identities"] === b["pods"]],
    [
      "16 bits last about half an hour at 40 pods a second",
      (b) => number(b, "minutes_until_full") > 25 && number(b, "minutes_until_full") < 30,
    ],
    ["one for all of a workload otherwise", (_, m) => m["identities"] === 1],
  ],
};

export const edge: Expected = {
  "rewrite-target": [
    ["all paths become /", (b) => (b["arrived"] as readonly string[]).every((path) => path === "/")],
    ["groups keep the rest", (_, m) => String(m["arrived"]) === "/app/health,/js/main.js,/"],
  ],
  "redirect-loop": [
    ["more redirects than browsers follow", (b) => number(b, "redirects") > 20],
    [
      "one with use-forwarded-headers, none with ssl-redirect off",
      (_, m) => m["redirects"] === 1 && m["redirects_when_off"] === 0,
    ],
  ],
  "exact-becomes-prefix": [
    [
      "Exact matches longer paths once a regex is there",
      (b) => String(b["before"]) === "admin,web,web" && String(b["after"]) === "admin,admin,admin",
    ],
    ["not with the regex on another host", (_, m) => String(m["backends"]) === "admin,web,web"],
  ],
  "external-name-host": [
    [
      "the address is right and the host unknown",
      (b) => b["address"] === "192.0.2.77" && b["status"] === 404,
    ],
    ["its own name is served", (_, m) => m["status"] === 200],
  ],
};

export const nodes: Expected = {
  "reddit-pi-day": [
    ["all routes are withdrawn", (b) => b["lost"] === b["pairs"] && b["lost_before"] === 0],
    ["the old reflectors under their new label bring them back", (_, m) => m["lost"] === 0],
  ],
  "vxlan-mtu": [
    ["ping works and data does not", (b) => b["ping"] === "reply" && b["received"] === 0],
    [
      "VXLAN takes 50 octets: 1450 of 1500 are left",
      (b) => b["largest"] === 1450 && b["lost_from"] === 1451 && b["lost_to"] === 1500,
    ],
    ["1450 in the pods mends it", (b, m) => m["received"] === b["of"] && m["largest"] === 1450],
  ],
};
