/**
 * The plan, built in network namespaces: the kernel's own tables are held against the model's text, and packets of the largest
 * size that the model's MTU lets through go from pod to pod, not an octet more.
 */
import { execFileSync, spawnSync } from "node:child_process";
import t from "tap";
import { bridgeFdb, ipLink, ipNeigh, ipRoute, ipRule } from "../../src/cni/iproute.ts";
import type { Network } from "../../src/cni/network.ts";
import { commandsFor, type Plan } from "../../src/cni/plan.ts";
import type { Place } from "../../src/cni/types.ts";
import { dual, flannelConfig, network, pool, three } from "./support.ts";

const probe = `netsim-probe-${process.pid}`;
const allowed = (): string | false => {
  const made = spawnSync("ip", ["netns", "add", probe], { encoding: "utf8" });
  if (made.status !== 0) return `namespaces cannot be made here: ${made.stderr ?? made.error?.message ?? ""}`;
  const link = spawnSync(
    "ip",
    ["-n", probe, "link", "add", "x", "type", "vxlan", "id", "1", "dstport", "4789"],
    { encoding: "utf8" },
  );
  spawnSync("ip", ["netns", "del", probe]);
  return link.status === 0 ? false : `no VXLAN device: ${link.stderr}`;
};
const skip = allowed();

const inside = (namespace: string, command: string) =>
  spawnSync("ip", ["netns", "exec", namespace, ...command.split(" ")], { encoding: "utf8", timeout: 20_000 });

function build(plan: Plan): readonly string[] {
  for (const namespace of plan.namespaces) execFileSync("ip", ["netns", "add", namespace]);
  const runs: { namespace: string; commands: string[] }[] = [];
  for (const { namespace, command } of plan.commands) {
    const last = runs.at(-1);
    if (last?.namespace === namespace) last.commands.push(command);
    else runs.push({ namespace, commands: [command] });
  }
  return runs.flatMap(({ namespace, commands }) => {
    const script = commands.map((c) => `${c} || echo ${JSON.stringify(c)} >&2`).join("\n");
    return lines(
      spawnSync("ip", ["netns", "exec", namespace, "sh", "-c", script], { encoding: "utf8" }).stderr,
    );
  });
}

const tearDown = (plan: Plan): void => {
  for (const namespace of plan.namespaces) spawnSync("ip", ["netns", "del", namespace]);
};

const lines = (text: string): string[] =>
  text
    .split("\n")
    .map((l) => l.trim())
    .filter((l) => l !== "");

/** Link-local routes depend on when devices came up. */
const routesOf = (namespace: string, v6: boolean): string[] =>
  lines(inside(namespace, `ip ${v6 ? "-6 " : ""}route`).stdout).filter((l) => !l.startsWith("fe80::/64"));

function sameTables(t: Tap, place: Place, namespace: string): void {
  t.same(routesOf(namespace, false), ipRoute(place), `${place.key}: ip route`);
  t.same(
    routesOf(namespace, true),
    ipRoute(place, { v6: true }).filter((l) => !l.startsWith("fe80::/64")),
    `${place.key}: ip -6 route`,
  );
  t.same(
    inside(namespace, "ip rule")
      .stdout.split("\n")
      .filter((l) => l !== ""),
    ipRule(place),
    `${place.key}: ip rule`,
  );
  const permanent = (list: readonly string[]) => list.filter((l) => l.endsWith("PERMANENT")).sort();
  t.same(
    permanent(lines(inside(namespace, "ip neigh").stdout)),
    permanent(ipNeigh(place)),
    `${place.key}: ip neigh`,
  );
  const remote = (list: readonly string[]) => list.filter((l) => l.includes(" dst ")).sort();
  t.same(
    remote(lines(inside(namespace, "bridge fdb show").stdout)),
    remote(bridgeFdb(place)),
    `${place.key}: bridge fdb show`,
  );
  for (const device of place.devices) {
    const shown = inside(namespace, `ip -d link show ${device.name}`).stdout;
    t.match(shown, new RegExp(`mtu ${device.mtu} `), `${place.key}: MTU of ${device.name}`);
    if (device.mac !== undefined) t.ok(shown.includes(device.mac), `${place.key}: MAC of ${device.name}`);
  }
  const shown = lines(inside(namespace, "ip -d link").stdout);
  for (const line of ipLink(place).filter((l) => /^ +vxlan /.test(l)))
    t.ok(
      shown.some((l) => l.startsWith(line.trim())),
      `${place.key}: ip -d link: ${line.trim()}`,
    );
}

type Tap = Pick<typeof t, "same" | "match" | "ok" | "equal">;

/** Whether an echo whose IP packet has `octets` comes back, unfragmented. */
function echoes(namespace: string, to: string, octets: number): boolean {
  const headers = to.includes(":") ? 48 : 28;
  return inside(namespace, `ping -n -c 1 -W 2 -M do -s ${octets - headers} ${to}`).status === 0;
}

const cases: readonly {
  readonly name: string;
  readonly net: () => Network;
  readonly pods: readonly [string, string];
  readonly to: readonly string[];
}[] = [
  {
    name: "calico, VXLAN, both families",
    net: () =>
      network([
        ...dual,
        pool({ vxlanMode: "Always" }),
        pool({ cidr: "fd00:10::/32", vxlanMode: "Always" }, "v6"),
      ]),
    pods: ["default/a", "default/c"],
    to: ["10.244.2.7", "fd00:10:2::7"],
  },
  {
    name: "calico, VXLAN between subnets",
    net: () => network([...three, pool({ vxlanMode: "CrossSubnet" })]),
    pods: ["default/a", "default/d"],
    to: ["10.244.3.8"],
  },
  {
    name: "calico, BGP in one subnet",
    net: () => network([...three.filter((o) => !JSON.stringify(o).includes("n3")), pool({})]),
    pods: ["default/a", "default/c"],
    to: ["10.244.2.7"],
  },
  {
    name: "flannel, VXLAN",
    net: () => network([...three, flannelConfig({ Backend: { Type: "vxlan" } })]),
    pods: ["default/a", "default/d"],
    to: ["10.244.3.8"],
  },
  {
    name: "flannel, jumbo frames",
    net: () => network([...three, flannelConfig({ Backend: { Type: "vxlan" } })], { mtu: 9000 }),
    pods: ["default/a", "default/c"],
    to: ["10.244.2.7"],
  },
  {
    name: "bridge, routes over the router",
    net: () => network(three),
    pods: ["default/a", "default/d"],
    to: ["10.244.3.8"],
  },
  {
    name: "bridge, one node",
    net: () => network(three),
    pods: ["default/a", "default/b"],
    to: ["10.244.1.6"],
  },
];

cases.forEach(({ name, net, pods, to }, i) => {
  t.test(name, { skip }, (t) => {
    const model = net();
    const plan = commandsFor(model, pods, { prefix: `ns${process.pid}-${i}-` });
    if (typeof plan === "string") {
      t.fail(plan);
      return t.end();
    }
    t.teardown(() => tearDown(plan));
    t.same(build(plan), [], "every command is taken");
    for (const id of pods) sameTables(t, model.place(`pod/${id}`)!, plan.pods[id]!);
    for (const [node, namespace] of Object.entries(plan.nodes)) {
      const place = model.place(`node/${node}`)!;
      // Of other pods of the node there is nothing in the plan.
      const planned = new Set(pods.map((p) => `pod/${p}`));
      const there = (dev: string) => {
        const peer = place.devices.find((d) => d.name === dev)?.peer?.place;
        return peer === undefined || planned.has(peer);
      };
      const part: Place = {
        ...place,
        devices: place.devices.filter((d) => there(d.name)),
        routes: place.routes.filter((r) => there(r.dev ?? "")),
        neighbours: place.neighbours.filter((n) => there(n.dev)),
      };
      sameTables(t, part, namespace);
    }
    const mtu = model.place(`pod/${pods[0]}`)!.devices.find((d) => d.name === "eth0")!.mtu;
    const from = plan.pods[pods[0]]!;
    for (const address of to) {
      inside(from, `ping -n -c 1 -W 2 ${address}`);
      t.ok(echoes(from, address, mtu), `${mtu} octets to ${address}`);
      t.notOk(echoes(from, address, mtu + 1), `${mtu + 1} octets to ${address}`);
    }
    t.end();
  });
});

t.test("what ip cannot make has no plan", (t) => {
  t.match(
    commandsFor(network(three, { cni: "cilium" }), ["default/a", "default/c"]),
    /cannot be made by ip commands/,
  );
  t.match(
    commandsFor(
      network([...three, pool({ vxlanMode: "Always" })], { set: ["felix.wireguardEnabled=true"] }),
      ["default/a", "default/c"],
    ),
    /wireguard\.cali/,
  );
  t.match(commandsFor(network(three), ["default/zz", "default/c"]), /there is no pod default\/zz/);
  t.end();
});
