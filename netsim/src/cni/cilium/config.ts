/** Cilium's agent configuration: the ConfigMap cilium-config, with Helm values put over it as Cilium's chart does. */
import { load } from "js-yaml";
import type { Cluster } from "../../model/types.ts";
import { lineOf, objectName } from "../../model/source.ts";
import { configMap, fields, isTrue, items, others, positive, text, type Fields } from "../fields.ts";
import { at, settingsOf } from "../settings.ts";
import type { Fabric, Finding } from "../types.ts";

export interface CiliumConfig {
  readonly tunnel: "vxlan" | "geneve" | undefined;
  readonly port: number;
  readonly autoDirectRoutes: boolean;
  readonly skipUnreachable: boolean;
  readonly nativeCidrs: readonly string[];
  readonly encryption: "wireguard" | "ipsec" | undefined;
  readonly kubeProxyReplacement: boolean;
  readonly mtu: number | undefined;
  readonly masquerade: (v6: boolean) => boolean;
  readonly bpfMasquerade: boolean;
  readonly ipam: string;
  readonly maskSize: (v6: boolean) => number;
  readonly endpointRoutes: boolean;
  /** The family of the outer headers. */
  readonly underlay6: boolean;
  /** Routers outside learn the pods' ranges, or give the addresses themselves (clouds). */
  readonly routable: string | undefined;
  readonly keys: Fields;
  readonly by: Fabric["by"];
  readonly findings: readonly Finding[];
}

/** Helm value -> agent option, where the value goes over as it is. */
const CHART: Readonly<Record<string, string>> = {
  routingMode: "routing-mode",
  tunnelProtocol: "tunnel-protocol",
  tunnelPort: "tunnel-port",
  tunnel: "tunnel",
  underlayProtocol: "underlay-protocol",
  autoDirectNodeRoutes: "auto-direct-node-routes",
  directRoutingSkipUnreachable: "direct-routing-skip-unreachable",
  ipv4NativeRoutingCIDR: "ipv4-native-routing-cidr",
  ipv6NativeRoutingCIDR: "ipv6-native-routing-cidr",
  kubeProxyReplacement: "kube-proxy-replacement",
  MTU: "mtu",
  enableIPv4Masquerade: "enable-ipv4-masquerade",
  enableIPv6Masquerade: "enable-ipv6-masquerade",
  "bpf.masquerade": "enable-bpf-masquerade",
  "endpointRoutes.enabled": "enable-endpoint-routes",
  "ipv4.enabled": "enable-ipv4",
  "ipv6.enabled": "enable-ipv6",
  "ipam.mode": "ipam",
  "ipam.operator.clusterPoolIPv4MaskSize": "cluster-pool-ipv4-mask-size",
  "ipam.operator.clusterPoolIPv6MaskSize": "cluster-pool-ipv6-mask-size",
  "encryption.nodeEncryption": "encrypt-node",
  "bgpControlPlane.enabled": "enable-bgp-control-plane",
  "hubble.enabled": "enable-hubble",
  "cluster.name": "cluster-name",
  "cluster.id": "cluster-id",
};

/** The options that Cilium's chart makes of values; options that are written by their own names stay. */
export function optionsOfValues(values: Fields): Fields {
  const out: Record<string, unknown> = {};
  for (const [value, option] of Object.entries(CHART)) {
    const given = text(at(values, value));
    if (given !== undefined) out[option] = given;
  }
  const encryption = fields(values["encryption"]);
  if ("enabled" in encryption) {
    const type = text(encryption["type"]) ?? "ipsec";
    out["enable-wireguard"] = String(isTrue(encryption["enabled"]) && type === "wireguard");
    out["enable-ipsec"] = String(isTrue(encryption["enabled"]) && type === "ipsec");
  }
  if (isTrue(at(values, "eni.enabled"))) out["ipam"] = "eni";
  for (const [option, list] of [
    ["cluster-pool-ipv4-cidr", "clusterPoolIPv4PodCIDRList"],
    ["cluster-pool-ipv6-cidr", "clusterPoolIPv6PodCIDRList"],
  ] as const) {
    const given = at(values, `ipam.operator.${list}`);
    if (given !== undefined) out[option] = Array.isArray(given) ? given.join(" ") : text(given);
  }
  for (const [key, value] of Object.entries(values)) if (key.includes("-")) out[key] = text(value);
  return out;
}

interface Options {
  readonly values?: unknown;
  readonly set?: readonly string[];
}

export function readCilium(cluster: Cluster, options: Options, v4: boolean): CiliumConfig {
  const map = configMap(cluster, "cilium-config");
  const { tree } = settingsOf(options.values ?? valuesOf(cluster), options.set ?? []);
  const keys = { ...fields(map?.data), ...optionsOfValues(tree) };
  const native = keys["routing-mode"] === "native" || keys["tunnel"] === "disabled";
  const geneve = keys["tunnel-protocol"] === "geneve" || keys["tunnel"] === "geneve";
  const tunnel: CiliumConfig["tunnel"] = native ? undefined : geneve ? "geneve" : "vxlan";
  const wireguard = isTrue(keys["enable-wireguard"]);
  const kpr = text(keys["kube-proxy-replacement"]);
  const nativeCidrs = ["ipv4-native-routing-cidr", "ipv6-native-routing-cidr"].flatMap(
    (k) => text(keys[k]) ?? [],
  );
  const ipam = text(keys["ipam"]) ?? "cluster-pool";
  const masquerade = (v6: boolean): boolean =>
    text(keys[v6 ? "enable-ipv6-masquerade" : "enable-ipv4-masquerade"]) === undefined
      ? true
      : isTrue(keys[v6 ? "enable-ipv6-masquerade" : "enable-ipv4-masquerade"]);
  const config = {
    tunnel,
    port: positive(keys["tunnel-port"]) ?? (geneve ? 6081 : 8472),
    autoDirectRoutes: isTrue(keys["auto-direct-node-routes"]),
    skipUnreachable: isTrue(keys["direct-routing-skip-unreachable"]),
    nativeCidrs,
    encryption: wireguard
      ? ("wireguard" as const)
      : isTrue(keys["enable-ipsec"])
        ? ("ipsec" as const)
        : undefined,
    kubeProxyReplacement: kpr === "true" || kpr === "strict",
    mtu: positive(keys["mtu"]),
    masquerade,
    bpfMasquerade: isTrue(keys["enable-bpf-masquerade"]),
    ipam,
    maskSize: (v6: boolean): number =>
      positive(keys[v6 ? "cluster-pool-ipv6-mask-size" : "cluster-pool-ipv4-mask-size"]) ?? (v6 ? 120 : 24),
    endpointRoutes: isTrue(keys["enable-endpoint-routes"]),
    underlay6: text(keys["underlay-protocol"]) === "ipv6" || !v4,
    routable: routableBy(cluster, ipam),
    keys,
  };
  const key = native ? ("routing-mode" in keys ? "routing-mode" : "tunnel") : "tunnel-protocol";
  const path = key in fields(map?.data) ? ["data", key] : ["data"];
  const by =
    map === undefined ? undefined : { object: map, path, rule: `${key}: ${text(keys[key]) ?? "(default)"}` };
  return { ...config, by, findings: findingsOf(cluster, map, config) };
}

/** values.yaml where HelmChartConfig or Argo's Application carries it. */
function valuesOf(cluster: Cluster): unknown {
  const chart = others(cluster, "HelmChartConfig").find((o) => /cilium/.test(o.metadata.name));
  try {
    return load(text(fields(chart?.spec)["valuesContent"]) ?? "");
  } catch {
    return undefined;
  }
}

const BGP = ["CiliumBGPAdvertisement", "CiliumBGPPeeringPolicy"];

function routableBy(cluster: Cluster, ipam: string): string | undefined {
  if (["eni", "azure", "alibabacloud"].includes(ipam))
    return `pods have addresses of the cloud's network (ipam ${ipam})`;
  const bgp = BGP.flatMap((kind) => others(cluster, kind)).find((o) =>
    JSON.stringify(o.spec ?? "").match(/"PodCIDR"|"exportPodCIDR":true/),
  );
  return bgp === undefined ? undefined : `learned by BGP (${objectName(bgp)})`;
}

function findingsOf(
  cluster: Cluster,
  map: ReturnType<typeof configMap>,
  config: Pick<
    CiliumConfig,
    | "tunnel"
    | "nativeCidrs"
    | "masquerade"
    | "autoDirectRoutes"
    | "routable"
    | "keys"
    | "kubeProxyReplacement"
  >,
): Finding[] {
  const place = (key: string) =>
    map === undefined
      ? {}
      : {
          object: objectName(map),
          file: map.source.file,
          line: lineOf(map.source, key in fields(map.data) ? ["data", key] : ["data"]),
        };
  const findings: Finding[] = [];
  if (
    config.tunnel === undefined &&
    config.masquerade(false) &&
    config.nativeCidrs.length === 0 &&
    config.routable === undefined &&
    text(config.keys["enable-ipv4"]) !== "false"
  )
    findings.push({
      severity: "error",
      code: "native-routing-cidr",
      text: "native routing with masquerading needs ipv4NativeRoutingCIDR (ipv4-native-routing-cidr): the agent does not start without it",
      ...place("routing-mode"),
    });
  if (config.tunnel !== undefined && config.autoDirectRoutes)
    findings.push({
      severity: "error",
      code: "direct-routes-with-tunnel",
      text: "autoDirectNodeRoutes is for routingMode native: the agent refuses it with a tunnel",
      ...place("auto-direct-node-routes"),
    });
  const proxy = cluster.workloads.find((w) => w.kind === "DaemonSet" && w.metadata.name === "kube-proxy");
  if (config.kubeProxyReplacement && proxy !== undefined)
    findings.push({
      severity: "warning",
      code: "two-service-proxies",
      text: "Cilium replaces kube-proxy, and there is a DaemonSet kube-proxy too: connections that its NAT has begun break",
      object: objectName(proxy),
      file: proxy.source.file,
      line: proxy.source.line,
    });
  return findings;
}

/** The nodes' ranges as the operator has dealt them. */
export function ciliumNodeRanges(cluster: Cluster): ReadonlyMap<string, readonly string[]> {
  return new Map(
    others(cluster, "CiliumNode").map((o) => [
      o.metadata.name,
      items(fields(fields(o.spec)["ipam"])["podCIDRs"]).map(String),
    ]),
  );
}

/** CiliumInternalIP: the address of cilium_host, pods' gateway. */
export function ciliumInternal(cluster: Cluster, node: string): readonly string[] {
  const object = others(cluster, "CiliumNode").find((o) => o.metadata.name === node);
  return items(fields(object?.spec)["addresses"])
    .map(fields)
    .flatMap((a) => (a["type"] === "CiliumInternalIP" ? (text(a["ip"]) ?? []) : []));
}
