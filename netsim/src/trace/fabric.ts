/** How packets go from node to node, as far as the CNI's own objects say. */
import { load } from "js-yaml";
import type { Cluster, OtherObject } from "../model/types.ts";
import { contains, parseAddress, parseBlock } from "../service/address.ts";
import { originOfObject } from "./origin.ts";
import { configText } from "./settings.ts";
import { NOWHERE, type Origin } from "./types.ts";

export type Encapsulation = "none" | "vxlan" | "ipip" | "geneve" | "wireguard" | "unknown";

export interface Fabric {
  readonly cni: "calico" | "cilium" | "flannel" | undefined;
  readonly encapsulation: Encapsulation;
  /** Only between nodes of different subnets. */
  readonly crossSubnet: boolean;
  readonly encrypted: boolean;
  /** Of pods' interfaces, where it is set or follows from the encapsulation. */
  readonly mtu: number | undefined;
  readonly natOutgoing: boolean | undefined;
  readonly origin: Origin;
}

/** A network card's, where nothing else is said. */
const NIC = 1500;
/** Octets of the outer headers over IPv4. */
const OVERHEAD: Readonly<Record<Encapsulation, number>> = {
  none: 0,
  vxlan: 50,
  ipip: 20,
  geneve: 50,
  wireguard: 60,
  unknown: 0,
};

type Fields = Readonly<Record<string, unknown>>;
const fields = (value: unknown): Fields =>
  typeof value === "object" && value !== null ? (value as Fields) : {};

export const overheadOf = ({ encapsulation, encrypted }: Fabric): number =>
  OVERHEAD[encapsulation] + (encrypted && encapsulation !== "wireguard" ? OVERHEAD.wireguard : 0);

/** The network between nodes for packets to `address`. */
export function fabricOf(cluster: Cluster, address: string): Fabric {
  return calico(cluster, address) ?? cilium(cluster) ?? flannel(cluster) ?? UNKNOWN;
}

const UNKNOWN: Fabric = {
  cni: undefined,
  encapsulation: "unknown",
  crossSubnet: false,
  encrypted: false,
  mtu: undefined,
  natOutgoing: undefined,
  origin: NOWHERE,
};

const others = (cluster: Cluster, kind: string): readonly OtherObject[] => cluster.others.get(kind) ?? [];

/** IPPool: `vxlanMode` and `ipipMode`, or the operator's `encapsulation`. */
function calico(cluster: Cluster, address: string): Fabric | undefined {
  const ip = parseAddress(address);
  const pool = others(cluster, "IPPool").find((p) => {
    const block = parseBlock(String(fields(p.spec)["cidr"] ?? ""));
    return ip !== undefined && block !== undefined && contains(block, ip);
  });
  if (pool === undefined) return undefined;
  const spec = fields(pool.spec);
  const felix = fields(
    others(cluster, "FelixConfiguration").find((f) => f.metadata.name === "default")?.spec,
  );
  const word = String(spec["encapsulation"] ?? "").toLowerCase();
  const modeOf = (key: string): string => String(spec[key] ?? "Never");
  const vxlan = modeOf("vxlanMode") !== "Never" || word.startsWith("vxlan");
  const ipip = modeOf("ipipMode") !== "Never" || word.startsWith("ipip");
  const encapsulation = vxlan ? "vxlan" : ipip ? "ipip" : "none";
  const crossSubnet =
    modeOf(vxlan ? "vxlanMode" : "ipipMode") === "CrossSubnet" || word.endsWith("crosssubnet");
  const encrypted = felix["wireguardEnabled"] === true;
  const key = encrypted ? "wireguardMTU" : vxlan ? "vxlanMTU" : ipip ? "ipipMTU" : "mtu";
  const set = felix[key] ?? felix["mtu"];
  const mtu =
    typeof set === "number" && set > 0 ? set : NIC - OVERHEAD[encrypted ? "wireguard" : encapsulation];
  const path = [
    "spec",
    vxlan && "vxlanMode" in spec ? "vxlanMode" : ipip && "ipipMode" in spec ? "ipipMode" : "encapsulation",
  ];
  return {
    cni: "calico",
    encapsulation: encrypted ? "wireguard" : encapsulation,
    crossSubnet,
    encrypted,
    mtu,
    natOutgoing: spec["natOutgoing"] === true,
    origin: {
      rule: `${path[1]}: ${String(spec[path[1] as string] ?? "None")}`,
      ...originOfObject(pool, path),
    },
  };
}

/** The agent's ConfigMap (cilium-config). */
function cilium(cluster: Cluster): Fabric | undefined {
  const map = others(cluster, "ConfigMap").find((m) => m.metadata.name === "cilium-config");
  if (map === undefined) return cluster.ciliumPolicies.length > 0 ? { ...UNKNOWN, cni: "cilium" } : undefined;
  const data = fields(map.data);
  const native = data["routing-mode"] === "native" || data["tunnel"] === "disabled";
  const protocol = data["tunnel-protocol"] === "geneve" || data["tunnel"] === "geneve" ? "geneve" : "vxlan";
  const encapsulation = native ? "none" : protocol;
  const encrypted = data["enable-wireguard"] === "true";
  const set = Number(data["mtu"] ?? 0);
  const key = native ? "routing-mode" : "tunnel-protocol";
  return {
    cni: "cilium",
    encapsulation,
    crossSubnet: false,
    encrypted,
    // Cilium leaves the pods' devices at the card's MTU and lowers it on their routes.
    mtu: (set > 0 ? set : NIC) - OVERHEAD[encapsulation] - (encrypted ? 80 : 0),
    natOutgoing: data["enable-ipv4-masquerade"] !== "false",
    origin: {
      rule: `${key}: ${String(data[key] ?? "(default)")}`,
      ...originOfObject(map, key in data ? ["data", key] : ["data"]),
    },
  };
}

/** net-conf.json of kube-flannel-cfg. */
function flannel(cluster: Cluster): Fabric | undefined {
  const text = configText(cluster, "kube-flannel-cfg", "net-conf.json");
  if (text === undefined) return undefined;
  let backend: Fields;
  try {
    backend = fields(fields(load(text))["Backend"]);
  } catch {
    return undefined;
  }
  const type = String(backend["Type"] ?? "vxlan").toLowerCase();
  const encapsulation: Encapsulation =
    type === "host-gw"
      ? "none"
      : type === "wireguard"
        ? "wireguard"
        : type === "ipip"
          ? "ipip"
          : type === "vxlan"
            ? "vxlan"
            : "unknown";
  const map = others(cluster, "ConfigMap").find((m) => m.metadata.name === "kube-flannel-cfg")!;
  return {
    cni: "flannel",
    encapsulation,
    crossSubnet: backend["DirectRouting"] === true,
    encrypted: encapsulation === "wireguard",
    mtu: NIC - OVERHEAD[encapsulation],
    natOutgoing: true,
    origin: { rule: `Backend.Type: ${type}`, ...originOfObject(map, ["data", "net-conf.json"]) },
  };
}
