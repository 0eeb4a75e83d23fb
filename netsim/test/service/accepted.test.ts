/** The text is what the tools themselves take, and show again unchanged. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { loadObjects } from "../../src/model/load.ts";
import type { Cluster, Node } from "../../src/model/types.ts";
import { rulesText } from "../../src/service/render.ts";
import { fixture, lab } from "./support.ts";

const dir = mkdtempSync(join(tmpdir(), "netsim-rules-"));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

const options = { clusterCIDRs: ["10.244.0.0/16", "fd00:10:244::/48"], serviceCIDRs: ["10.96.0.0/16"] };

/** Runs a shell line in a network namespace of its own; as a mapped root where we are not root. */
function inNamespace(line: string): { ok: boolean; output: string } {
  const flags = process.getuid?.() === 0 ? ["-n"] : ["-rn"];
  const { status, stdout, stderr, error } = spawnSync("unshare", [...flags, "sh", "-c", line], {
    encoding: "utf8",
    timeout: 30_000,
    maxBuffer: 64 << 20,
  });
  return { ok: status === 0, output: error?.message ?? `${stdout}${stderr}` };
}

/** Why a tool cannot be used here, or false. */
function unusable(line: string): string | false {
  const { ok, output } = inNamespace(line);
  return ok ? false : `not possible here: ${line}: ${output.trim().split("\n")[0] ?? ""}`;
}

const clusters: Record<string, Cluster> = {
  fixture: fixture(),
  lab: lab(),
  "every kind of Service": everyKind(),
};
const iptables = unusable("printf '*filter\\nCOMMIT\\n' | iptables-restore --test");
const ip6tables = unusable("printf '*filter\\nCOMMIT\\n' | ip6tables-restore --test");
const nft = unusable("printf 'table ip t {\\n}\\n' | nft -c -f -");

t.test("nothing of the clusters was lost", (t) => {
  for (const cluster of Object.values(clusters)) t.same(cluster.problems, []);
  t.end();
});

for (const [name, cluster] of Object.entries(clusters)) {
  const node = cluster.nodes[0] as Node;
  for (const [family, tool, skip] of [
    ["IPv4", "iptables-restore", iptables],
    ["IPv6", "ip6tables-restore", ip6tables],
  ] as const) {
    t.test(`${name}: ${tool} --test`, { skip }, (t) => {
      const file = join(dir, `${family}.rules`);
      writeFileSync(file, rulesText(cluster, node, "iptables", options, family));
      const { ok, output } = inNamespace(`${tool} --test < ${file}`);
      t.ok(ok, output);
      t.end();
    });
  }
  t.test(`${name}: nft -c -f, and what nft lists after loading it`, { skip: nft }, (t) => {
    const file = join(dir, "table.nft");
    const ours = rulesText(cluster, node, "nftables", options);
    writeFileSync(file, ours);
    const { ok, output } = inNamespace(`nft -c -f ${file} && nft -f ${file} && nft -s list ruleset`);
    t.ok(ok, ok ? "" : output);
    t.same(words(output), words(ours));
    t.end();
  });
}

/** A listing's words in no order: the kernel has its own for elements. */
function words(listing: string): string[] {
  return listing
    .replace(/[{},]/g, " ")
    .split(/\s+/)
    .filter((word) => word !== "")
    .sort();
}

function everyKind(): Cluster {
  const service = (name: string, spec: object, status: object = {}) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "every" },
    spec,
    status,
  });
  const slice = (name: string, addressType: string, addresses: string[], ports: object[]) => ({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${name}-${addressType}`,
      namespace: "every",
      labels: { "kubernetes.io/service-name": name },
    },
    addressType,
    endpoints: addresses.map((address, index) => ({
      addresses: [address],
      nodeName: index === 0 ? "n" : "other",
    })),
    ports,
  });
  const ports = ["TCP", "UDP", "SCTP"].map((protocol, index) => ({
    name: `p-${protocol.toLowerCase()}`,
    protocol,
    port: 80 + index,
    nodePort: 30000 + index,
  }));
  const targets = ports.map(({ name, protocol }) => ({ name, protocol, port: 8080 }));
  const both = {
    clusterIPs: ["10.96.0.7", "fd00:10:96::7"],
    clusterIP: "10.96.0.7",
    ipFamilies: ["IPv4", "IPv6"],
  };
  return loadObjects([
    {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: "n" },
      spec: { podCIDRs: ["10.244.1.0/24", "fd00:10:244:1::/64"] },
      status: { addresses: ["172.18.0.9", "fd00:18::9"].map((address) => ({ type: "InternalIP", address })) },
    },
    service(
      "balancer",
      {
        ...both,
        type: "LoadBalancer",
        ports,
        externalTrafficPolicy: "Local",
        healthCheckNodePort: 31000,
        sessionAffinity: "ClientIP",
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_399 } },
        loadBalancerSourceRanges: ["172.18.0.0/17", "172.18.128.0/17", "192.0.2.1/32", "2001:db8::/32"],
        externalIPs: ["198.51.100.1", "2001:db8:1::1"],
      },
      {
        loadBalancer: {
          ingress: [{ ip: "203.0.113.1" }, { ip: "2001:db8:2::1" }, { hostname: "x.example" }],
        },
      },
    ),
    slice("balancer", "IPv4", ["10.244.1.5", "10.244.2.5"], targets),
    slice("balancer", "IPv6", ["fd00:10:244:1::5", "fd00:10:244:2::5"], targets),
    service("nobody", { clusterIP: "10.96.0.8", type: "NodePort", ports: [{ port: 1, nodePort: 30100 }] }),
    service("far", {
      clusterIP: "10.96.0.9",
      type: "NodePort",
      externalTrafficPolicy: "Local",
      internalTrafficPolicy: "Local",
      ports: [{ port: 1, nodePort: 30101 }],
    }),
    {
      ...slice("far", "IPv4", ["10.244.2.6"], [{ port: 1 }]),
      endpoints: [{ addresses: ["10.244.2.6"], nodeName: "other" }],
    },
  ]);
}
