/** Paths of a laboratory: pod, node A, router, node B, pod, with VXLAN between the nodes. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Link, Path, Tunnel } from "../../src/packet/path.ts";

const find = (dir: string): string =>
  existsSync(join(dir, "test/packet/data")) && existsSync(join(dir, "package.json"))
    ? dir
    : find(dirname(dir));
/** The folder of this test's data, from the sources as from the compiled tree. */
export const DATA = join(find(dirname(fileURLToPath(import.meta.url))), "test/packet/data");

export const lines = <T>(path: string): T[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter((l) => l !== "")
    .map((l) => JSON.parse(l) as T);

export interface Lab {
  /** How packets get to the VXLAN device: as a port of the pods' bridge, by routes, by routes from a bridge. */
  readonly style: "bridged" | "routed" | "flannel";
  readonly underlayMtu: number;
  /** The link between the router and node B, and so node B's card. */
  readonly middleLinkMtu: number;
  readonly underlayFamily: 4 | 6;
  readonly innerFamily: 4 | 6;
  readonly vxlanMtu: number;
  readonly podMtu: number;
  readonly podMtuB?: number;
  readonly df?: NonNullable<Tunnel["df"]>;
  /** Packets begin in the pod, or on node A itself. */
  readonly from?: "pa" | "na";
  /** The encapsulation, VXLAN by default; null: none. */
  readonly tunnel?: Partial<Tunnel> | null;
}

const MACS = { source: "02:00:00:00:00:01", destination: "02:00:00:00:00:02" };

export const outer = (family: 4 | 6) =>
  family === 4
    ? { source: "192.168.1.2", destination: "192.168.2.2" }
    : { source: "fd01::2", destination: "fd02::2" };

export function labPath(lab: Lab): Path {
  const tunnel: Tunnel = {
    kind: "vxlan",
    ...outer(lab.underlayFamily),
    vni: 7,
    inner: MACS,
    ...(lab.df !== undefined && { df: lab.df }),
    ...lab.tunnel,
  };
  const gateway = (n: 1 | 2): string => (lab.innerFamily === 4 ? `10.${n}.0.1` : `fd1${n}::1`);
  const inside = lab.tunnel === null ? [] : [tunnel];
  const bare = tunnel.kind === "ipip" || tunnel.kind === "wireguard";
  const link = (
    node: string,
    device: string,
    kind: Link["kind"],
    mtu: number,
    tunnels: readonly Tunnel[] = [],
  ): Link => ({
    node,
    device,
    kind,
    mtu,
    tunnels,
    ...(!(kind === "tunnel" && bare) && { mac: MACS }),
    ...(kind === "tunnel" && { bridged: lab.style === "bridged" }),
    ...(node !== "" && kind !== "pod" && { address: gateway(node === "a" ? 1 : 2) }),
    says: `${device} of ${node === "" ? "the router" : node}`,
  });
  const podB = lab.podMtuB ?? lab.podMtu;
  const bridge = (node: string, mtu: number) =>
    lab.style === "routed" ? [] : [link(node, "br0", "bridge", mtu)];
  const vxlan = (node: string) => (lab.tunnel === null ? [] : [link(node, "vx0", "tunnel", lab.vxlanMtu)]);
  const pod4 = lab.style === "bridged" ? "10.1.0.3" : "10.2.0.2";
  return {
    source: lab.innerFamily === 4 ? "10.1.0.2" : "fd11::2",
    destination: lab.innerFamily === 4 ? pod4 : "fd12::2",
    links: [
      ...(lab.from === "na"
        ? []
        : [
            link("a", "eth0", "pod", lab.podMtu),
            link("a", "vp", "veth", lab.podMtu),
            ...bridge("a", lab.podMtu),
          ]),
      ...vxlan("a"),
      link("a", "eth0", "card", lab.underlayMtu, inside),
      link("", "router", "wire", lab.middleLinkMtu, inside),
      link("b", "eth0", "card", lab.middleLinkMtu, inside),
      ...vxlan("b"),
      ...bridge("b", podB),
      link("b", "vp", "veth", podB),
      link("b", "eth0", "pod", podB),
    ],
  };
}

/** VXLAN by routes, cards and pods of 1500. */
export const LAB: Lab = {
  style: "routed",
  underlayMtu: 1500,
  middleLinkMtu: 1500,
  underlayFamily: 4,
  innerFamily: 4,
  vxlanMtu: 1450,
  podMtu: 1500,
};
