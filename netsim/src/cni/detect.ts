/** Which CNI a cluster has, by the objects that only one of them has. */
import type { Cluster } from "../model/types.ts";
import { configMap, others } from "./fields.ts";
import type { CniName, Finding } from "./types.ts";

interface Detected {
  readonly cni: CniName;
  readonly assumed: boolean;
  readonly findings: readonly Finding[];
}

const CALICO = [
  "IPPool",
  "Installation",
  "FelixConfiguration",
  "BGPConfiguration",
  "BGPPeer",
  "BlockAffinity",
  "IPAMBlock",
];
const isCalico = (apiVersion: string): boolean =>
  /^((crd\.)?projectcalico\.org|operator\.tigera\.io)\//.test(apiVersion);

function signs(cluster: Cluster, values: unknown): Partial<Record<CniName, string>> {
  const calico = CALICO.flatMap((kind) => others(cluster, kind)).find((o) => isCalico(o.apiVersion));
  const cilium =
    configMap(cluster, "cilium-config") ?? others(cluster, "CiliumNode")[0] ?? cluster.ciliumPolicies[0];
  const flannel = configMap(cluster, "kube-flannel-cfg");
  const weave = cluster.workloads.find((w) => w.kind === "DaemonSet" && w.metadata.name === "weave-net");
  const named = (o: { kind: string; metadata: { name: string } } | undefined) =>
    o === undefined ? undefined : `${o.kind} ${o.metadata.name}`;
  const found = {
    calico: named(calico),
    cilium: named(cilium) ?? (values === undefined ? undefined : "Helm values"),
    flannel: named(flannel),
    weave: named(weave),
  };
  return Object.fromEntries(Object.entries(found).filter(([, sign]) => sign !== undefined));
}

export function detect(cluster: Cluster, { cni, values }: { cni?: CniName; values?: unknown }): Detected {
  if (cni !== undefined) return { cni, assumed: false, findings: [] };
  const found = Object.entries(signs(cluster, values)) as [CniName, string][];
  const [first, ...more] = found;
  if (first === undefined) return { cni: "bridge", assumed: true, findings: [] };
  const findings = more.map(([other, sign]): Finding => ({
    severity: "warning",
    code: "two-cnis",
    text: `${first[1]} is ${first[0]}'s and ${sign} is ${other}'s: ${first[0]} is taken (--cni ${other} takes the other)`,
  }));
  // Policies say that there is Cilium, and nothing of how it routes.
  const assumed =
    first[0] === "cilium" &&
    first[1].startsWith("Cilium") &&
    configMap(cluster, "cilium-config") === undefined &&
    others(cluster, "CiliumNode").length === 0;
  return { cni: first[0], assumed, findings };
}
