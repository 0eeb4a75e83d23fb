/** What kube-proxy's nftables mode writes whatever the services are. */
import type { ProxyNode } from "../node.ts";
import type { Chain, Hooked, Key, NftMap, NftSet, Rule, Statement } from "./ruleset.ts";

export interface Containers {
  readonly sets: Map<string, NftSet>;
  readonly maps: Map<string, NftMap>;
  readonly chains: Map<string, Chain>;
}

export type MapName =
  "no-endpoint-services" | "no-endpoint-nodeports" | "firewall-ips" | "service-ips" | "service-nodeports";

const SERVICE_KEY = " . inet_proto . inet_service";

export function base(node: ProxyNode): Containers {
  const address = node.family === "IPv4" ? "ipv4_addr" : "ipv6_addr";
  const set = (name: string, type: string, comment: string, elements: readonly string[] = []) =>
    [name, { name, type, comment, elements: new Set(elements) }] as const;
  const map = (name: MapName, type: string, comment: string) =>
    [name, { name, type: `${type} : verdict`, comment, elements: new Map() }] as const;
  const byPort = SERVICE_KEY.slice(3);
  return {
    sets: new Map([
      set("hairpin-connections", `${address} . ${address}${SERVICE_KEY}`, "service hairpin connections"),
      set("cluster-ips", address, "Active ClusterIPs"),
      // `--nodeport-addresses=primary`, this mode's default.
      set(
        "nodeport-ips",
        address,
        "IPs that accept NodePort traffic",
        node.address ? [node.address.text] : [],
      ),
    ]),
    maps: new Map([
      map(
        "no-endpoint-services",
        address + SERVICE_KEY,
        "vmap to drop or reject packets to services with no endpoints",
      ),
      map(
        "no-endpoint-nodeports",
        byPort,
        "vmap to drop or reject packets to service nodeports with no endpoints",
      ),
      map("firewall-ips", address + SERVICE_KEY, "destinations that are subject to LoadBalancerSourceRanges"),
      map("service-ips", address + SERVICE_KEY, "ClusterIP, ExternalIP and LoadBalancer IP traffic"),
      map("service-nodeports", byPort, "NodePort traffic"),
    ]),
    chains: chains(node),
  };
}

function chains(node: ProxyNode): Map<string, Chain> {
  const made = new Map<string, Chain>();
  const chain = (name: string, base: Hooked | undefined, rules: Rule[]) =>
    made.set(name, { name, ...(base === undefined ? {} : { base }), rules });
  const jump = (to: string, ...first: Statement[]): Rule => ({
    statements: [...first, { kind: "jump", chain: to }],
  });
  const isNew: Statement = { kind: "new" };
  const vmap = (key: Key, map: MapName): Rule => ({ statements: [{ kind: "vmap", key, map }] });
  const filter = (hook: Hooked["hook"], priority = "filter"): Hooked => ({ type: "filter", hook, priority });
  const nat = (hook: Hooked["hook"], priority: string): Hooked => ({ type: "nat", hook, priority });

  // Source ranges are about the address before the translation, and a reject is not allowed there in old kernels.
  chain("filter-prerouting-pre-dnat", filter("prerouting", "dstnat - 10"), [jump("firewall-check", isNew)]);
  chain("filter-output-pre-dnat", filter("output", "-110"), [jump("firewall-check", isNew)]);
  chain("filter-input", filter("input"), [
    jump("nodeport-endpoints-check", isNew),
    jump("service-endpoints-check", isNew),
  ]);
  const checks = [jump("service-endpoints-check", isNew), jump("cluster-ips-check", isNew)];
  chain("filter-forward", filter("forward"), [...checks]);
  chain("filter-output", filter("output"), [...checks]);
  chain("nat-prerouting", nat("prerouting", "dstnat"), [jump("services")]);
  chain("nat-output", nat("output", "-100"), [jump("services")]);
  chain("nat-postrouting", nat("postrouting", "srcnat"), [jump("masquerading")]);

  const toNode: Statement = { kind: "in", key: "daddr", set: "nodeport-ips" };
  const toNodePort = (map: MapName): Rule => ({
    statements: [toNode, { kind: "vmap", key: "nodeport", map }],
  });
  chain("nodeport-endpoints-check", undefined, [toNodePort("no-endpoint-nodeports")]);
  chain("service-endpoints-check", undefined, [vmap("service", "no-endpoint-services")]);
  chain("firewall-check", undefined, [vmap("service", "firewall-ips")]);
  chain("services", undefined, [
    ...masqueradeOffCluster(node),
    vmap("service", "service-ips"),
    toNodePort("service-nodeports"),
  ]);
  chain("masquerading", undefined, [
    { statements: [{ kind: "marked" }, { kind: "unmark" }, { kind: "masquerade" }] },
    {
      statements: [
        { kind: "dnatted" },
        { kind: "in", key: "hairpin", set: "hairpin-connections" },
        { kind: "masquerade" },
      ],
    },
  ]);
  chain("cluster-ips-check", undefined, [
    {
      statements: [{ kind: "in", key: "daddr", set: "cluster-ips" }, { kind: "reject" }],
      comment: "Reject traffic to invalid ports of ClusterIPs",
    },
    ...(node.serviceCIDRs.length === 0
      ? []
      : [
          {
            statements: [{ kind: "blocks", which: "daddr", blocks: node.serviceCIDRs }, { kind: "drop" }],
            comment: "Drop traffic to unallocated ClusterIPs",
          } as const,
        ]),
  ]);
  made.set("reject-chain", {
    name: "reject-chain",
    comment: "helper for @no-endpoint-services / @no-endpoint-nodeports",
    rules: [{ statements: [{ kind: "reject" }] }],
  });
  return made;
}

function masqueradeOffCluster(node: ProxyNode): Rule[] {
  const toClusterIP: Statement = { kind: "in", key: "daddr", set: "cluster-ips" };
  if (node.masqueradeAll)
    return [{ statements: [toClusterIP, { kind: "mark" }], comment: "masquerade all clusterIP traffic" }];
  if (node.clusterCIDR === undefined) return [];
  const outside: Statement = { kind: "blocks", which: "saddr", not: true, blocks: [node.clusterCIDR] };
  return [
    {
      statements: [toClusterIP, outside, { kind: "mark" }],
      comment: "masquerade clusterIP traffic from outside cluster",
    },
  ];
}
