/**
 * Real packets: networks of namespaces, built from the models' own plans, carry a ping of the largest size that the model says
 * fits, and not one octet more; and ping says of larger ones what the model says that it does.
 */
import { execFileSync, spawnSync } from "node:child_process";
import t from "tap";
import { createNetwork, type NetworkOptions } from "../../src/cni/network.ts";
import { pathBetween } from "../../src/cni/paths.ts";
import { commandsFor, type Plan } from "../../src/cni/plan.ts";
import { loadObjects } from "../../src/model/load.ts";
import { fitOf } from "../../src/packet/fit.ts";
import { ping } from "../../src/packet/ping.ts";

const ip = (...args: string[]) => spawnSync("ip", args, { encoding: "utf8", timeout: 20_000 });

/** Why the test cannot be made here. */
function obstacle(): string | false {
  if (spawnSync("ping", ["-V"]).error !== undefined) return "no ping on this machine";
  const name = `netsim-mtu-${process.pid}`;
  const made = ip("netns", "add", name);
  if (made.status !== 0) return `namespaces cannot be made here: ${made.stderr || String(made.error)}`;
  const device = ip("-n", name, "link", "add", "x", "type", "vxlan", "id", "1", "dstport", "4789");
  ip("netns", "del", name);
  return device.status === 0 ? false : `this kernel has no VXLAN device: ${device.stderr}`;
}
// Other programs are waited for, on machines that may be busy.
t.setTimeout(240_000);
const skip = obstacle();

const node = (name: string, address: string, podCIDR: string) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name },
  spec: { podCIDR },
  status: { addresses: [{ type: "InternalIP", address }] },
});
const pod = (name: string, nodeName: string, podIP: string) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default" },
  spec: { nodeName, containers: [{ name: "c", image: "i" }] },
  status: { phase: "Running", podIP },
});
const flannel = (network: string, key = "Network") => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "kube-flannel-cfg", namespace: "kube-system" },
  data: {
    "net-conf.json": JSON.stringify({
      [key]: network,
      ...(key === "IPv6Network" && { EnableIPv6: true, EnableIPv4: false }),
      Backend: { Type: "vxlan" },
    }),
  },
});
const calico = (cidr: string, felix: object = {}) => [
  {
    apiVersion: "crd.projectcalico.org/v1",
    kind: "IPPool",
    metadata: { name: "default" },
    spec: { cidr, vxlanMode: "Always" },
  },
  {
    apiVersion: "crd.projectcalico.org/v1",
    kind: "FelixConfiguration",
    metadata: { name: "default" },
    spec: felix,
  },
];

const two4 = (second: string) => [
  node("n1", "192.168.1.11", "10.244.1.0/24"),
  node("n2", second, "10.244.2.0/24"),
  pod("a", "n1", "10.244.1.5"),
  pod("b", "n2", "10.244.2.7"),
];
const two6 = (second: string) => [
  node("n1", "fd00:1::11", "fd00:10:1::/64"),
  node("n2", second, "fd00:10:2::/64"),
  pod("a", "n1", "fd00:10:1::5"),
  pod("b", "n2", "fd00:10:2::7"),
];
const [SAME4, OTHER4, SAME6, OTHER6] = ["192.168.1.12", "192.168.2.12", "fd00:1::12", "fd00:2::12"];

interface Case {
  readonly name: string;
  readonly objects: readonly object[];
  readonly options?: NetworkOptions;
  /** By RFC 7348 and the cards' MTU, and by hand. */
  readonly fits: number;
}

const cases: readonly Case[] = [
  { name: "flannel", objects: [...two4(SAME4), flannel("10.244.0.0/16")], fits: 1450 },
  {
    name: "calico, jumbo cards of 9001",
    objects: [...two4(SAME4), ...calico("10.244.0.0/16")],
    options: { mtu: 9001 },
    fits: 8951,
  },
  {
    name: "calico, cards of 1400",
    objects: [...two4(OTHER4), ...calico("10.244.0.0/16")],
    options: { mtu: 1400 },
    fits: 1350,
  },
  {
    name: "flannel, a narrow link between the routers",
    objects: [...two4(OTHER4), flannel("10.244.0.0/16")],
    options: { wireMtu: 1400 },
    fits: 1450,
  },
  {
    name: "no tunnel, a narrow link between the routers",
    objects: two4(OTHER4),
    options: { wireMtu: 1400 },
    fits: 1400,
  },
  {
    name: "calico, VXLAN device larger than the card",
    objects: [...two4(SAME4), ...calico("10.244.0.0/16", { vxlanMTU: 1450, mtu: 1450 })],
    options: { mtu: 1500 },
    fits: 1450,
  },
  { name: "IPv6 in IPv6", objects: [...two6(SAME6), ...calico("fd00:10::/32")], fits: 1430 },
  {
    name: "IPv6 in IPv6, cards of 9001",
    objects: [...two6(OTHER6), ...calico("fd00:10::/32")],
    options: { mtu: 9001 },
    fits: 8931,
  },
  {
    name: "IPv6 in IPv6, a narrow link between the routers",
    objects: [...two6(OTHER6), ...calico("fd00:10::/32")],
    options: { wireMtu: 1400 },
    fits: 1330,
  },
  {
    name: "IPv6 without a tunnel, a narrow link",
    objects: two6(OTHER6),
    options: { wireMtu: 1400 },
    fits: 1400,
  },
];

const tearDown = ({ namespaces }: Plan): void => {
  for (const n of namespaces) ip("netns", "del", n);
};

/** Runs of commands for one namespace at once; what the kernel has against them. */
function build({ namespaces, commands }: Plan): readonly string[] {
  for (const n of namespaces) execFileSync("ip", ["netns", "add", n]);
  const runs: { namespace: string; lines: string[] }[] = [];
  for (const { namespace, command } of commands) {
    const run = runs.at(-1);
    if (run?.namespace === namespace) run.lines.push(command);
    else runs.push({ namespace, lines: [command] });
  }
  return runs.flatMap(({ namespace, lines }) => {
    const { status, stderr } = ip("netns", "exec", namespace, "sh", "-ec", lines.join("\n"));
    return status === 0 ? [] : [`${lines.join("; ")}: ${stderr.trim()}`];
  });
}

/** What ping writes on both streams, without what depends on the moment. */
function realPing(namespace: string, to: string, octets: number, count: number): readonly string[] {
  const size = octets - (to.includes(":") ? 48 : 28);
  const args = ["-n", "-c", String(count), "-i", "0.2", "-W", "0.5", "-M", "do", "-s", String(size), to];
  const { stdout, stderr } = ip("netns", "exec", namespace, "ping", ...args);
  return `${stdout}${stderr}`
    .split("\n")
    .filter((l) => /icmp_seq|local error|transmitted/.test(l))
    .map((l) =>
      l
        .replace(/ time[= ].*$/, "")
        .replace(/,$/, "")
        .replace(/^From \S+/, "From ?"),
    )
    .sort();
}

const modelPing = (lines: readonly string[]): readonly string[] =>
  lines
    .filter((l) => /icmp_seq|local error|transmitted/.test(l))
    .map((l) => l.replace(/^From \S+/, "From ?"))
    .sort();

cases.forEach(({ name, objects, options, fits }, i) => {
  t.test(name, { skip }, (t) => {
    const network = createNetwork(loadObjects(objects), options);
    const walk = pathBetween(network, "default/a", "default/b");
    const plan = commandsFor(network, ["default/a", "default/b"], { prefix: `mt${process.pid}-${i}-` });
    if (typeof walk === "string" || typeof plan === "string") {
      t.fail(`${typeof walk === "string" ? walk : ""} ${typeof plan === "string" ? plan : ""}`);
      return t.end();
    }
    t.equal(walk.outcome, "delivered", walk.why);
    const fit = fitOf(walk.path);
    t.equal(fit.largest, fits, "the model's largest packet");
    t.teardown(() => tearDown(plan));
    t.same(build(plan), [], "every command of the plan is taken");
    const from = plan.pods["default/a"]!;
    const to = walk.path.destination;
    // Neighbours are looked for now, so that no first packet is late.
    ip("netns", "exec", from, "ping", "-n", "-c", "1", "-W", "2", to);
    const asked = (octets: number) =>
      ping(walk.path, { size: octets - (to.includes(":") ? 48 : 28), discovery: "do", count: 2 });
    t.same(realPing(from, to, fits, 2), modelPing(asked(fits).lines), `${fits} octets: as the model says`);
    t.ok(
      asked(fits).echoes.every((e) => e.outcome === "reply"),
      "which is that they come back",
    );
    const over = realPing(from, to, fits + 1, 2);
    t.same(over, modelPing(asked(fits + 1).lines), `${fits + 1} octets: as the model says`);
    t.ok(
      over.some((l) => l.includes(" 0 received")),
      "which is that none comes back",
    );
    t.end();
  });
});
