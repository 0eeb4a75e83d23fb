/** What a cluster's agent is told of the mesh (ConfigMap `cilium-config`), and whether the clusters can be in one (Cilium 1.20). */
import type { Cluster, OtherObject } from "../model/types.ts";
import { finding, placeIn, type Finding, type MeshCluster } from "./types.ts";

export interface MeshConfig {
  /** The ConfigMap; undefined: nothing is known of Cilium here. */
  readonly object: OtherObject | undefined;
  readonly name: string | undefined;
  readonly id: number | undefined;
  readonly maxConnected: number;
  readonly routing: "tunnel" | "native" | undefined;
  readonly tunnel: string | undefined;
  readonly nativeCidrs: readonly string[];
  readonly encryption: "wireguard" | "ipsec" | "none";
  readonly families: readonly string[];
  readonly mcs: boolean;
  /** Namespaces are global unless they say otherwise. */
  readonly globalNamespaces: boolean;
  /** Policies mean this cluster unless they name another. */
  readonly policyLocal: boolean;
}

const IDS = { usual: 255, extended: 511 };
const MOST_LETTERS = 32;
const DEFAULT_NAME = "default";

const isTrue = (text: string | undefined): boolean => text?.toLowerCase() === "true";

export function readConfig(cluster: Cluster): MeshConfig {
  const object = (cluster.others.get("ConfigMap") ?? []).find((m) => m.metadata.name === "cilium-config");
  const data = (object?.data ?? {}) as Readonly<Record<string, unknown>>;
  const text = (key: string): string | undefined => {
    const value = data[key];
    return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : undefined;
  };
  const number = (key: string): number | undefined => {
    const value = text(key);
    return value === undefined || !/^\d+$/.test(value) ? undefined : Number(value);
  };
  // Before 1.14: `tunnel` said both.
  const old = text("tunnel");
  const mode =
    text("routing-mode") ?? (old === undefined ? undefined : old === "disabled" ? "native" : "tunnel");
  return {
    object,
    name: text("cluster-name"),
    id: number("cluster-id"),
    maxConnected: number("max-connected-clusters") ?? IDS.usual,
    routing: mode === "native" ? "native" : object === undefined ? undefined : "tunnel",
    tunnel: mode === "native" ? undefined : (text("tunnel-protocol") ?? old ?? (object && "vxlan")),
    nativeCidrs: [text("ipv4-native-routing-cidr"), text("ipv6-native-routing-cidr")].filter(
      (c) => c !== undefined,
    ),
    encryption: isTrue(text("enable-wireguard"))
      ? "wireguard"
      : isTrue(text("enable-ipsec"))
        ? "ipsec"
        : "none",
    families: ["ipv4", "ipv6"].filter((f) =>
      text(`enable-${f}`) === undefined ? f === "ipv4" : isTrue(text(`enable-${f}`)),
    ),
    mcs: isTrue(text("clustermesh-enable-mcs-api")),
    globalNamespaces: text("clustermesh-default-global-namespace")?.toLowerCase() !== "false",
    policyLocal: text("policy-default-local-cluster")?.toLowerCase() !== "false",
  };
}

/** Names, ids and their limits (pkg/clustermesh/types). */
export function identityFindings(clusters: readonly MeshCluster[]): Finding[] {
  const out: Finding[] = [];
  for (const one of clusters) {
    const { config, name } = one;
    const at = (key: string) => [placeIn(one, config.object, ["data", key])];
    const fault = nameFault(name);
    if (fault !== undefined)
      out.push(
        finding(
          "error",
          "cluster-name",
          `cluster name ${JSON.stringify(name)} ${fault}`,
          at("cluster-name"),
          "set cluster.name of Cilium's Helm values",
        ),
      );
    if (config.name !== undefined && config.name !== name)
      out.push(
        finding(
          "error",
          "cluster-name",
          `${name} is called so here, and ${config.name} in its own configuration`,
          at("cluster-name"),
          `write --cluster ${config.name}=...`,
        ),
      );
    if (config.object === undefined) continue;
    const { id, maxConnected } = config;
    if (maxConnected !== IDS.usual && maxConnected !== IDS.extended)
      out.push(
        finding(
          "error",
          "max-connected-clusters",
          `max-connected-clusters of ${name} is ${maxConnected}: ${IDS.usual} and ${IDS.extended} are possible`,
          at("max-connected-clusters"),
        ),
      );
    const most = maxConnected === IDS.extended ? IDS.extended : IDS.usual;
    if (id === undefined || id === 0)
      out.push(
        finding(
          "error",
          "cluster-id",
          `${name} has ${id === 0 ? "cluster-id 0" : "no cluster-id"}: a cluster of a mesh needs one of its own, 1 to ${most}`,
          at("cluster-id"),
          "set cluster.id of Cilium's Helm values; agents and pods have to be restarted",
        ),
      );
    else if (id > most)
      out.push(
        finding(
          "error",
          "cluster-id",
          `cluster-id ${id} of ${name} is above ${most}`,
          at("cluster-id"),
          most === IDS.usual
            ? `choose 1 to ${IDS.usual}, or set max-connected-clusters to ${IDS.extended} in every cluster`
            : `choose 1 to ${IDS.extended}`,
        ),
      );
    else if (name === DEFAULT_NAME)
      out.push(
        finding(
          "error",
          "cluster-name",
          `the name ${DEFAULT_NAME} cannot be used with a cluster-id`,
          at("cluster-name"),
          "set cluster.name",
        ),
      );
  }
  return [...out, ...sameFindings(clusters)];
}

/** What must differ, and what must not. */
function sameFindings(clusters: readonly MeshCluster[]): Finding[] {
  const out: Finding[] = [];
  const known = clusters.filter(({ config }) => config.object !== undefined);
  for (const [i, a] of known.entries())
    for (const b of known.slice(i + 1)) {
      const places = (key: string) => [a, b].map((c) => placeIn(c, c.config.object, ["data", key]));
      if (a.config.id !== undefined && a.config.id > 0 && a.config.id === b.config.id)
        out.push(
          finding(
            "error",
            "cluster-id",
            `${a.name} and ${b.name} both have cluster-id ${a.config.id}: identities of their pods would be mixed up`,
            places("cluster-id"),
            "give each cluster an id of its own",
          ),
        );
      if (a.config.maxConnected !== b.config.maxConnected)
        out.push(
          finding(
            "error",
            "max-connected-clusters",
            `max-connected-clusters is ${a.config.maxConnected} in ${a.name} and ${b.config.maxConnected} in ${b.name}: they refuse each other`,
            places("max-connected-clusters"),
            "one value in every cluster of the mesh",
          ),
        );
    }
  return out;
}

function nameFault(name: string): string | undefined {
  if (name === "") return "is empty";
  if (name.length > MOST_LETTERS) return `is longer than ${MOST_LETTERS} characters`;
  return /^([a-z0-9][-a-z0-9]*)?[a-z0-9]$/.test(name)
    ? undefined
    : "must consist of lower case letters, digits and '-', and begin and end with a letter or digit";
}

/** Whether packets of the clusters can meet: both Cilium, one kind of routing, one encryption. */
export function datapathFindings(clusters: readonly MeshCluster[]): Finding[] {
  const out: Finding[] = [];
  for (const one of clusters.filter(({ config }) => config.object === undefined)) {
    const { others } = one.cluster;
    const pool = others.get("IPPool")?.[0];
    const flannel = others.get("ConfigMap")?.find((m) => m.metadata.name === "kube-flannel-cfg");
    if (pool !== undefined || flannel !== undefined)
      out.push(
        finding(
          "error",
          "no-cilium",
          `${one.name} has ${pool === undefined ? "flannel" : "Calico"} and no cilium-config: ClusterMesh needs Cilium in every cluster`,
          [placeIn(one, pool ?? flannel)],
          "Services of several clusters need Cilium, or an implementation of the Multi-Cluster Services API for this CNI",
        ),
      );
    else
      out.push(
        finding(
          "info",
          "no-cilium-config",
          `${one.name} has no cilium-config in its input: its datapath is taken to fit the others'`,
          [placeIn(one)],
        ),
      );
  }
  const known = clusters.filter(({ config }) => config.object !== undefined);
  const [first, ...rest] = known;
  for (const other of rest) {
    if (first === undefined) break;
    const differ = (key: string, of: (c: MeshConfig) => string, what: string, remedy: string): void => {
      const [mine, theirs] = [of(first.config), of(other.config)];
      if (mine === theirs) return;
      const places = [first, other].map((c) => placeIn(c, c.config.object, ["data", key]));
      out.push(
        finding(
          "error",
          "datapath",
          `${what} is ${mine} in ${first.name} and ${theirs} in ${other.name}`,
          places,
          remedy,
        ),
      );
    };
    differ(
      "routing-mode",
      (c) => c.routing ?? "",
      "routing-mode",
      "one routing-mode in every cluster: packets in a tunnel are not understood by a cluster that routes natively",
    );
    if (first.config.routing === "tunnel" && other.config.routing === "tunnel")
      differ(
        "tunnel-protocol",
        (c) => c.tunnel ?? "",
        "tunnel-protocol",
        "one tunnel-protocol in every cluster",
      );
    differ("enable-wireguard", (c) => c.encryption, "encryption", "the same encryption in every cluster");
    differ(
      "enable-ipv4",
      (c) => c.families.join("+"),
      "address families enabled",
      "the same families in every cluster, or Services of the common one only",
    );
  }
  return out;
}
