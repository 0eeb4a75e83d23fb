/** `netsim cni` on the command line. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { netsim } from "../cli/support.ts";
import { pool, three } from "./support.ts";

const dir = mkdtempSync(join(tmpdir(), "netsim-cni-"));
t.teardown(() => rmSync(dir, { recursive: true }));
const write = (name: string, objects: readonly object[]): string => {
  const file = join(dir, name);
  writeFileSync(file, objects.map((o) => JSON.stringify(o)).join("\n---\n"));
  return file;
};
const vxlan = write("vxlan.yaml", [...three, pool({ vxlanMode: "Always" })]);
const bgp = write("bgp.yaml", [...three, pool({})]);

t.test("path", (t) => {
  const { status, stdout, stderr } = netsim(["cni", "path", "default/a", "default/d", vxlan]);
  t.equal(status, 0, stderr);
  t.match(stdout, /^10\.244\.1\.5 -> 10\.244\.3\.8\n/);
  t.match(stdout, /vxlan\.calico +1450 +- +0/);
  t.match(stdout, /eth0 +1500 +vxlan 192\.168\.1\.11 -> 192\.168\.2\.13:4789 +50/);
  t.match(stdout, /delivered, as itself \(no NAT\)\n$/);
  const json = JSON.parse(
    netsim(["cni", "path", "default/a", "203.0.113.9", vxlan, "--json"]).stdout,
  ) as Record<string, unknown>;
  t.match(json, {
    cni: "calico",
    outcome: "outside",
    path: { source: "10.244.1.5", sourceNat: "192.168.1.11", links: Array },
  });
  t.match(
    netsim(["cni", "path", "default/a", "default/d", bgp]).stdout,
    /dropped: the routers between the nodes have no route to 10\.244\.3\.8/,
  );
  t.end();
});

t.test("routes", (t) => {
  const node = netsim(["cni", "routes", "--node", "n1", vxlan]).stdout;
  t.match(node, /node n1\$ ip route\ndefault via 192\.168\.1\.1 dev eth0\n/);
  t.match(node, /\n10\.244\.2\.0\/26 via 10\.244\.2\.0 dev vxlan\.calico onlink\n/);
  t.match(node, /node n1\$ bridge fdb show\n/);
  t.match(
    netsim(["cni", "routes", "--pod", "default/a", vxlan]).stdout,
    /pod default\/a\$ ip route\ndefault via 169\.254\.1\.1 dev eth0\n/,
  );
  const all = JSON.parse(netsim(["cni", "routes", "--json", vxlan]).stdout) as { place: string }[];
  t.same(
    all.map((p) => p.place),
    ["node/n1", "node/n2", "node/n3"],
  );
  t.end();
});

t.test("create, plan, compare", (t) => {
  t.match(netsim(["cni", "create", "default/a", vxlan]).stdout, /^ 1 {2}kubelet: sync: /);
  const created = JSON.parse(netsim(["cni", "create", "default/a", vxlan, "--json"]).stdout) as {
    events: { step: number }[];
  };
  t.same(
    created.events.map((e) => e.step),
    created.events.map((_, i) => i + 1),
  );
  t.match(netsim(["cni", "plan", "default/a", "default/c", vxlan]).stdout, /^ip netns add netsim-wire\n/);
  t.match(netsim(["cni", "compare"]).stdout, /\| Calico +\| VXLAN +\| vxlan +\| vxlan +\| 50 +\| 1450 +\|/);
  t.end();
});

t.test("bgp and ipam", (t) => {
  t.match(
    netsim(["cni", "bgp", bgp]).stdout,
    /n1 \(AS 64512\) +n2 \(AS 64512\) +IPv4 +mesh +node-to-node mesh\n/,
  );
  const report = JSON.parse(
    netsim(["cni", "bgp", bgp, "--set", "bgp.nodeToNodeMeshEnabled=false", "--json"]).stdout,
  ) as object;
  t.match(report, {
    sessions: [],
    routes: [{ node: "n1", prefix: "10.244.2.0/26", origin: "n2", from: null }],
  });
  t.match(JSON.parse(netsim(["cni", "ipam", bgp, "--json"]).stdout), [
    { range: "10.244.1.0/26", node: "n1", pool: "default-ipv4-ippool", pods: 2, borrowed: [] },
    { range: "10.244.2.0/26", node: "n2", pods: 1 },
    { range: "10.244.3.0/26", node: "n3", pods: 1 },
  ]);
  t.match(
    netsim(["cni", "ipam", bgp, "--cni", "flannel"]).stdout,
    /10\.244\.1\.0\/24 +n1 +- +2 +- +the Node's podCIDRs\n/,
  );
  t.match(netsim(["cni", "bgp", bgp, "--cni", "flannel"]).stderr, /flannel has no BGP of its own/);
  t.end();
});

t.test("check: the exit code, the findings with their places", (t) => {
  const fine = netsim(["cni", "check", vxlan, "--subnet", "192.168.1.0/24", "--subnet", "192.168.2.0/24"]);
  t.equal(fine.status, 0);
  t.match(fine.stdout, /12 pairs of pods: all reach each other, all are seen by their own address\n$/);
  const broken = netsim(["cni", "check", bgp]);
  t.equal(broken.status, 1);
  t.match(
    broken.stdout,
    /bgp\.yaml:\d+: error: IPPool default-ipv4-ippool has no encapsulation.*\[no-route-between-subnets\]/,
  );
  t.equal(
    netsim(["cni", "check", bgp, "--set", "ippool.vxlanMode=CrossSubnet"]).status,
    0,
    "as its own advice says",
  );
  t.end();
});

t.test("Helm values", (t) => {
  const plain = write("plain.yaml", three);
  const values = join(dir, "values.yaml");
  writeFileSync(values, "encryption: {enabled: true, type: wireguard}\n");
  const links = (args: readonly string[]) => {
    const out = JSON.parse(
      netsim(["cni", "path", "default/a", "default/c", plain, "--cni", "cilium", "--json", ...args]).stdout,
    ) as { path: { links: { kind: string; tunnels: { kind: string }[] }[] } };
    return out.path.links.find((l) => l.kind === "wire")?.tunnels.map((x) => x.kind);
  };
  t.same(links(["--values", values]), ["vxlan", "wireguard"]);
  t.same(links(["--values", values, "--set", "tunnelProtocol=geneve"]), ["geneve", "wireguard"]);
  t.end();
});

t.test("command lines that are none", (t) => {
  const message = (...args: string[]) => {
    const { status, stderr } = netsim(["cni", ...args]);
    t.equal(status, 2, args.join(" "));
    return stderr.trim().split("\n").at(-1);
  };
  t.match(message("nonsense", vxlan), /there are create, path, routes, bgp, ipam, plan, check, compare/);
  t.match(message("path", "default/a"), /path needs FROM and TO/);
  t.match(message("path", "default/zz", "default/a", vxlan), /there is no pod or node default\/zz/);
  t.match(message("create", "default/zz", vxlan), /there is no such pod/);
  t.match(message("check", vxlan, "--mtu", "big"), /--mtu big: octets, 68 to 65535/);
  t.match(message("check", vxlan, "--subnet", "x"), /--subnet: x is no block/);
  t.match(message("check", vxlan, "--cni", "antrea"), /--cni must be bridge, calico, cilium, flannel, weave/);
  t.match(message("check", vxlan, "--values", "/nowhere"), /--values \/nowhere: ENOENT/);
  t.match(message("check", vxlan, "--set", "novalue"), /--set novalue: write key=value/);
  t.match(
    message("plan", "default/a", "default/c", vxlan, "--cni", "cilium"),
    /cannot be made by ip commands alone/,
  );
  t.end();
});
