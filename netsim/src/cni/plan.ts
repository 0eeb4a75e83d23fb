/** The network of some pods as `ip`, `bridge` and `sysctl` commands, to be built in real network namespaces. */
import { isV6, parseBlock } from "./address.ts";
import { routeText } from "./iproute.ts";
import type { Network } from "./network.ts";
import type { Device, Place } from "./types.ts";

/** `namespace`: where the command is to be run (`ip netns exec NAMESPACE COMMAND`). */
export interface PlannedCommand {
  readonly namespace: string;
  readonly command: string;
}

/**
 * `namespaces` are to be made first. `pods` and `nodes`: their namespaces by id and name. `wire`: the network between the
 * nodes, with a bridge for each subnet, and the router.
 */
export interface Plan {
  readonly namespaces: readonly string[];
  readonly pods: Readonly<Record<string, string>>;
  readonly nodes: Readonly<Record<string, string>>;
  readonly wire: string;
  readonly commands: readonly PlannedCommand[];
}

export interface PlanOptions {
  /** Begins all namespaces' names. */
  readonly prefix?: string;
}

/**
 * The plan for `pods` (ids) and their nodes, or why there is none: a text. Devices that `ip` alone cannot make (eBPF's, WireGuard's
 * keys, Open vSwitch) have none. NAT rules are left out. Commands are in the order to be run.
 */
export function commandsFor(
  network: Network,
  pods: readonly string[],
  { prefix = "netsim-" }: PlanOptions = {},
): Plan | string {
  const podPlaces = pods.map((id) => network.place(`pod/${id}`));
  const missing = pods.find((_, i) => podPlaces[i] === undefined);
  if (missing !== undefined) return `there is no pod ${missing} with a network of its own`;
  const all = podPlaces.flatMap((p) => p ?? []);
  const names = [...new Set(all.map((p) => network.nodeOf(p)))].sort();
  const nodes = names.flatMap((n) => network.place(`node/${n}`) ?? []);
  const odd = nodes
    .flatMap((n) => n.devices)
    .find((d) => !BUILDABLE.has(d.kind) || (d.kind === "vxlan" && d.tunnel?.vni === undefined));
  if (odd !== undefined || nodes.some((n) => n.bpf !== undefined))
    return `${odd?.name ?? network.cni} cannot be made by ip commands alone`;
  const namespaceOf = new Map<string, string>();
  nodes.forEach((n, i) => namespaceOf.set(n.key, `${prefix}node${i + 1}`));
  all.forEach((p, i) => namespaceOf.set(p.key, `${prefix}pod${i + 1}`));
  const wire = `${prefix}wire`;
  const commands: PlannedCommand[] = [];
  const run = (namespace: string, ...list: string[]): void =>
    void commands.push(...list.map((command) => ({ namespace, command })));
  const name = (place: Place): string => namespaceOf.get(place.key) ?? "";

  buildWire(network, nodes, wire, name, run);
  for (const node of nodes) {
    run(
      name(node),
      "ip link set lo up",
      ...node.sysctls.filter((s) => !/\.(conf|neigh)\.(?!all)/.test(s.key)).map(sysctl),
    );
    for (const device of node.devices.filter((d) => d.kind === "bridge"))
      run(name(node), ...make(device, `type bridge`));
    for (const device of node.devices.filter((d) => d.kind === "vxlan" || d.kind === "ipip"))
      run(name(node), ...make(device, tunnelType(device)));
    for (const device of node.devices.filter((d) => d.kind === "veth"))
      connectPod(network, node, device, namespaceOf, run);
  }
  for (const place of [...all, ...nodes]) run(name(place), ...tables(place, network, namespaceOf));
  return {
    namespaces: [wire, ...nodes.map(name), ...all.map(name)],
    pods: Object.fromEntries(all.map((p) => [p.name, name(p)])),
    nodes: Object.fromEntries(nodes.map((n) => [n.name, name(n)])),
    wire,
    commands,
  };
}

const BUILDABLE = new Set<Device["kind"]>(["loopback", "veth", "bridge", "card", "vxlan", "ipip"]);
type Run = (namespace: string, ...commands: string[]) => void;
const sysctl = ({ key, value }: { key: string; value: string }): string =>
  `sysctl -qw ${key.replaceAll(".", "/").replace(/\/(cali[0-9a-f]+)\//, "/$1/")}=${value}`;

const addressCommands = (device: Device): string[] =>
  device.addresses
    .filter((a) => !a.startsWith("fe80:"))
    .map((a) => `ip addr add ${a} dev ${device.name}${isV6(a) ? " nodad" : ""}`);

const make = (device: Device, type: string): string[] => [
  `ip link add ${device.name}${device.mac === undefined ? "" : ` address ${device.mac}`} ${type}`,
  `ip link set ${device.name} mtu ${device.mtu}`,
  ...(isPlain(device) ? [] : [`sysctl -qw net/ipv6/conf/${device.name}/accept_dad=0`]),
  `ip link set ${device.name} up`,
  ...addressCommands(device),
];
const isPlain = (device: Device): boolean => device.mac === undefined;

function tunnelType({ tunnel, kind }: Device): string {
  const local = `local ${tunnel?.local ?? ""}`;
  if (kind === "ipip") return `type ipip ${local}`;
  const learning = tunnel?.learning === false ? " nolearning" : "";
  return `type vxlan id ${tunnel?.vni ?? 0} ${local} dev ${tunnel?.lower ?? "eth0"} dstport ${tunnel?.port ?? 4789}${learning}`;
}

/** A bridge for each subnet, with the router's address where it has one, and a cable to each node's card. */
function buildWire(
  network: Network,
  nodes: readonly Place[],
  wire: string,
  name: (p: Place) => string,
  run: Run,
): void {
  const router = network.place("router");
  const subnets: string[] = [];
  run(
    wire,
    "ip link set lo up",
    "sysctl -qw net/ipv4/ip_forward=1",
    "sysctl -qw net/ipv6/conf/all/forwarding=1",
  );
  nodes.forEach((node, i) => {
    const card = node.devices.find((d) => d.kind === "card");
    if (card === undefined) return;
    const subnet = parseBlock(card.addresses[0] ?? "")?.text ?? "";
    let index = subnets.indexOf(subnet);
    if (index < 0) {
      index = subnets.push(subnet) - 1;
      const own =
        router?.devices.filter((d) =>
          d.addresses.some((a) => card.addresses.some((c) => parseBlock(a)?.text === parseBlock(c)?.text)),
        ) ?? [];
      run(
        wire,
        `ip link add br${index} type bridge`,
        `ip link set br${index} up`,
        ...own.flatMap((d) =>
          d.addresses.map((a) => `ip addr add ${a} dev br${index}${isV6(a) ? " nodad" : ""}`),
        ),
        ...(router?.routes ?? []).flatMap(({ to, dev, via, mtu }) =>
          via === undefined && mtu !== undefined && own.some((d) => d.name === dev)
            ? [
                `ip route replace ${to} dev br${index} ${isV6(to) ? "metric 256 " : ""}proto kernel mtu ${mtu}`,
              ]
            : [],
        ),
      );
    }
    const mtu = network.wireMtu === undefined ? card.mtu : Math.max(card.mtu, network.wireMtu);
    run(
      wire,
      `ip link add w${i} mtu ${mtu} type veth peer name ${card.name} address ${card.mac ?? ""} mtu ${card.mtu} netns ${name(node)}`,
      `ip link set w${i} master br${index}`,
      `ip link set w${i} up`,
    );
    run(name(node), `ip link set ${card.name} up`, ...addressCommands(card));
  });
  for (const route of router?.routes ?? [])
    if (
      route.via !== undefined &&
      nodes.some((n) => n.devices.some((d) => d.addresses.some((a) => a.split("/")[0] === route.via)))
    )
      run(
        wire,
        `ip route add ${route.to} via ${route.via}${route.mtu === undefined ? "" : ` mtu ${route.mtu}`}`,
      );
}

function connectPod(
  network: Network,
  node: Place,
  device: Device,
  namespaceOf: ReadonlyMap<string, string>,
  run: Run,
): void {
  const pod = network.place(device.peer?.place ?? "");
  const at = pod === undefined ? undefined : namespaceOf.get(pod.key);
  const end = pod?.devices.find((d) => d.name === device.peer?.device);
  if (pod === undefined || at === undefined || end === undefined) return;
  const host = namespaceOf.get(node.key) ?? "";
  run(
    host,
    `ip link add ${device.name} address ${device.mac ?? ""} mtu ${device.mtu} type veth peer name ${end.name} address ${end.mac ?? ""} mtu ${end.mtu} netns ${at}`,
    ...(device.master === undefined ? [] : [`ip link set ${device.name} master ${device.master}`]),
    ...(device.hairpin === true ? [`bridge link set dev ${device.name} hairpin on`] : []),
    ...node.sysctls.filter((s) => s.key.includes(`.${device.name}.`)).map(sysctl),
    `ip link set ${device.name} up`,
    ...addressCommands(device),
  );
  run(at, "ip link set lo up", `ip link set ${end.name} up`, ...addressCommands(end));
}

/** Routes that the kernel has not made by itself, then what a CNI writes into the neighbour and forwarding tables. */
function tables(place: Place, network: Network, namespaceOf: ReadonlyMap<string, string>): string[] {
  const there = new Set(
    place.devices
      .filter((d) => d.kind !== "veth" || d.peer === undefined || namespaceOf.has(d.peer.place))
      .map((d) => d.name),
  );
  const usable = place.routes.filter(
    (r) => r.proto !== "kernel" && (r.dev === undefined || there.has(r.dev)),
  );
  const ordered = [
    ...usable.filter((r) => r.via === undefined),
    ...usable.filter((r) => r.via !== undefined && r.to !== "default"),
    ...usable.filter((r) => r.via !== undefined && r.to === "default"),
  ];
  const rules = place.rules.map(
    (r) => `ip rule add ${r.selector.replace("from all ", "")} lookup ${r.table} priority ${r.priority}`,
  );
  return [
    ...ordered.map(
      (r) => `ip ${isV6(r.to === "default" ? (r.via ?? "") : r.to) ? "-6 " : ""}route add ${routeText(r)}`,
    ),
    ...rules,
    ...place.neighbours
      .filter((n) => n.state === "PERMANENT" && there.has(n.dev))
      .map((n) => `ip neigh replace ${n.address} dev ${n.dev} lladdr ${n.mac} nud permanent`),
    ...place.fdb
      .filter((f) => f.dst !== undefined && there.has(f.dev))
      .map((f) => `bridge fdb append ${f.mac} dev ${f.dev} dst ${f.dst ?? ""}`),
  ];
}
