/** A place's tables as iproute2 prints them: `ip route`, `ip -6 route`, `ip rule`, `ip neigh`, `bridge fdb show`, `ip -d link`. */
import { bare, isV6, parseBlock, widthOf } from "./address.ts";
import type { Device, FdbEntry, Neighbour, Place, Route } from "./types.ts";

const familyOf = (route: Route): boolean => isV6(route.to === "default" ? (route.via ?? "") : route.to);

/** A host's own block is written as its address. */
const target = (to: string): string =>
  to !== "default" && Number(to.split("/")[1]) === widthOf(to) ? bare(to) : to;

/** As `ip route add` takes it; `shown` adds what `ip route` shows beside. */
export function routeText(route: Route, shown = false): string {
  const { type = "unicast", to, via, dev, proto, scope, src, metric, onlink, mtu, table } = route;
  const v6 = familyOf(route);
  const where = dev ?? (shown && v6 && type !== "unicast" ? "lo" : undefined);
  return [
    type === "unicast" ? target(to) : `${type} ${target(to)}`,
    ...(via === undefined ? [] : [`via ${via}`]),
    ...(where === undefined ? [] : [`dev ${where}`]),
    ...(table === undefined || shown ? [] : [`table ${table}`]),
    ...(proto === undefined ? [] : [`proto ${proto}`]),
    ...(scope === undefined ? [] : [`scope ${scope}`]),
    ...(src === undefined ? [] : [`src ${src}`]),
    ...(metric === undefined && !(shown && v6) ? [] : [`metric ${metric ?? 1024}`]),
    ...(onlink === true ? ["onlink"] : []),
    ...(mtu === undefined ? [] : [`mtu ${mtu}`]),
    ...(shown && v6 ? ["pref medium"] : []),
  ].join(" ");
}

/** The kernel walks its trie: IPv4 by address, the longer prefix first; IPv6 with what a prefix covers before it. */
function byKernelOrder(a: Route, b: Route): number {
  const [x, y] = [parseBlock(whole(a)), parseBlock(whole(b))];
  if (x === undefined || y === undefined) return 0;
  const [one, two] = x.family === "IPv6" ? [x.last, y.last] : [x.first, y.first];
  return one < two ? -1 : one > two ? 1 : y.bits - x.bits;
}

const whole = (route: Route): string =>
  route.to !== "default" ? route.to : familyOf(route) ? "::/0" : "0.0.0.0/0";

export interface RouteOptions {
  readonly v6?: boolean;
  readonly table?: string;
}

/** The lines of `ip [-6] route [show table T]`. */
export function ipRoute(place: Place, { v6 = false, table = "main" }: RouteOptions = {}): string[] {
  return place.routes
    .filter((r) => (r.table ?? "main") === table && familyOf(r) === v6)
    .sort(byKernelOrder)
    .map((r) => routeText(r, true));
}

export function ipRule(place: Place): string[] {
  return [
    "0:\tfrom all lookup local",
    ...place.rules.map((r) => `${r.priority}:\t${r.selector} lookup ${r.table}`),
    "32766:\tfrom all lookup main",
    "32767:\tfrom all lookup default",
  ];
}

export const neighbourText = ({ address, dev, mac, state }: Neighbour): string =>
  `${address} dev ${dev} lladdr ${mac} ${state}`;
export const ipNeigh = (place: Place): string[] => place.neighbours.map(neighbourText);

export const fdbText = ({ mac, dev, dst, master, learned }: FdbEntry): string =>
  [
    `${mac} dev ${dev}`,
    ...(dst === undefined ? [] : [`dst ${dst}`]),
    ...(master === undefined ? ["self"] : [`master ${master}`]),
    ...(learned === true ? [] : ["permanent"]),
  ].join(" ");
export const bridgeFdb = (place: Place): string[] => place.fdb.map(fdbText);

const KINDS: Readonly<Partial<Record<Device["kind"], string>>> = {
  veth: "veth",
  bridge: "bridge",
  wireguard: "wireguard",
};

function detail({ kind, tunnel }: Device): string | undefined {
  if (kind === "vxlan" && tunnel?.vni !== undefined) {
    const learning = tunnel.learning === false ? " nolearning" : "";
    return `vxlan id ${tunnel.vni} local ${tunnel.local} dev ${tunnel.lower ?? ""} srcport 0 0 dstport ${tunnel.port ?? 4789}${learning} ttl auto ageing 300 udpcsum`;
  }
  if (kind === "vxlan" || kind === "geneve") return `${kind} external dstport ${tunnel?.port ?? 0}`;
  if (kind === "ipip") return `ipip any remote any local ${tunnel?.local ?? "any"} ttl inherit nopmtudisc`;
  return KINDS[kind];
}

/** Two or three lines a device, as `ip -d link` has them (without queues, offloads and counters). */
export function ipLink(place: Place): string[] {
  return place.devices.flatMap((device, i) => {
    const { name, kind, mtu, mac, master, peer } = device;
    const at =
      peer === undefined
        ? device.tunnel?.kind === "ipip" && name === "tunl0"
          ? "@NONE"
          : ""
        : peer.place === place.key
          ? `@${peer.device}`
          : "@if2";
    const loopback = kind === "loopback";
    const flags = loopback
      ? "LOOPBACK,UP,LOWER_UP"
      : mac === undefined
        ? "POINTOPOINT,NOARP,UP,LOWER_UP"
        : "BROADCAST,MULTICAST,UP,LOWER_UP";
    const state = loopback || device.tunnel !== undefined ? "UNKNOWN" : "UP";
    const queue = kind === "card" ? "fq_codel" : "noqueue";
    const more = detail(device);
    return [
      `${i + 1}: ${name}${at}: <${flags}> mtu ${mtu} qdisc ${queue} ${master === undefined ? "" : `master ${master} `}state ${state} mode DEFAULT group default`,
      `    ${linkLine(device, mac)}`,
      ...(more === undefined ? [] : [`    ${more}`]),
    ];
  });
}

function linkLine({ kind, tunnel }: Device, mac: string | undefined): string {
  if (kind === "loopback") return "link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00";
  if (mac !== undefined) return `link/ether ${mac} brd ff:ff:ff:ff:ff:ff`;
  return kind === "ipip" ? `link/ipip ${tunnel?.local ?? "0.0.0.0"} brd 0.0.0.0` : "link/none";
}
