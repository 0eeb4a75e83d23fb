/** The network of a cluster: the CNI's model, and the places (namespaces) that it makes, each computed when first asked for. */
import { calicoModel } from "./calico/model.ts";
import { ciliumModel } from "./cilium/model.ts";
import { bgpRouters } from "./calico/bgp.ts";
import type { Cluster } from "../model/types.ts";
import { isFinished } from "../policy/endpoint.ts";
import { bare, covers, macOf, parseAddress, sha256Hex } from "./address.ts";
import { bridgeModel } from "./bridge.ts";
import { detect } from "./detect.ts";
import { flannelModel } from "./flannel.ts";
import { type NodeFacts, type NodeOptions, nodeFacts } from "./nodes.ts";
import { nodePlace, podPlace, routerPlace } from "./places.ts";
import type { CniName, Finding, Model, Place, PodFacts } from "./types.ts";
import { weaveModel } from "./weave.ts";

export interface NetworkOptions extends NodeOptions {
  /** Instead of what the input says. */
  readonly cni?: CniName;
  /** Helm values, as parsed from a values.yaml; Cilium's. */
  readonly values?: unknown;
  /** `key=value`, as Helm's --set: Cilium's values, or the settings of the other CNIs (docs/cni.md). */
  readonly set?: readonly string[];
  /**
   * Octets that the network between the nodes carries, where that is less than the cards' MTU: between subnets the routers
   * fragment or answer with ICMP, within one the switch drops.
   */
  readonly wireMtu?: number;
  /** The range of all pods, where it is in no object. */
  readonly clusterCidrs?: readonly string[];
  readonly serviceCidrs?: readonly string[];
}

/** What the models are made from. */
export interface Context {
  readonly cluster: Cluster;
  readonly options: NetworkOptions;
  readonly nodes: readonly NodeFacts[];
  readonly pods: readonly PodFacts[];
  podsOn(node: string): readonly PodFacts[];
}

export interface Network {
  readonly cni: CniName;
  /** No object of the input says which CNI there is. */
  readonly assumed: boolean;
  readonly model: Model;
  readonly context: Context;
  readonly wireMtu: number | undefined;
  findings(): readonly Finding[];
  place(key: string): Place | undefined;
  /** The namespace of a pod (`namespace/name`), of a node, or of whoever has an address. */
  find(text: string): Place | undefined;
  nodeOf(place: Place): string;
  /** Who has an address on a card: a node, or the routers. */
  onWire(address: string): Place | undefined;
  /** Whether an address is in the pods' ranges. */
  isOurs(address: string): boolean;
}

const MODELS: Readonly<Record<CniName, (context: Context) => Model>> = {
  bridge: bridgeModel,
  calico: calicoModel,
  cilium: ciliumModel,
  flannel: flannelModel,
  weave: weaveModel,
};

export function createNetwork(cluster: Cluster, options: NetworkOptions = {}): Network {
  const detected = detect(cluster, options);
  const { nodes, findings } = nodeFacts(cluster, options, bgpRouters(cluster));
  const pods = podFacts(cluster);
  const byNode = groupBy(pods);
  const context: Context = { cluster, options, nodes, pods, podsOn: (node) => byNode.get(node) ?? [] };
  const model = MODELS[detected.cni](context);
  const facts = new Map(nodes.map((n) => [n.name, n]));
  const podById = new Map(pods.map((p) => [p.id, p]));
  const holders = new Map<string, string>();
  for (const p of pods) for (const a of p.addresses) holders.set(a, `pod/${p.id}`);
  for (const n of nodes) for (const net of n.nets) holders.set(bare(net), `node/${n.name}`);
  const gateways = new Set(nodes.flatMap((n) => n.gateways));
  const places = new Map<string, Place | undefined>();

  function make(key: string): Place | undefined {
    if (key === "router") return routerPlace(nodes, model, options.wireMtu);
    const name = key.slice(key.indexOf("/") + 1);
    const node = key.startsWith("node/") ? facts.get(name) : undefined;
    if (node !== undefined) return nodePlace(node, nodes, model);
    const pod = key.startsWith("pod/") ? podById.get(name) : undefined;
    return pod === undefined ? undefined : podPlace(pod, model);
  }

  const place = (key: string): Place | undefined => {
    if (!places.has(key)) places.set(key, make(key));
    return places.get(key);
  };

  let all: readonly Finding[] | undefined;
  return {
    cni: detected.cni,
    assumed: detected.assumed,
    model,
    context,
    wireMtu: options.wireMtu,
    findings: () => (all ??= [...detected.findings, ...findings, ...model.findings()]),
    place,
    find(text) {
      if (podById.has(text)) return place(`pod/${text}`);
      if (facts.has(text)) return place(`node/${text}`);
      const host = cluster.pods.find(
        (p) => `${p.metadata.namespace}/${p.metadata.name}` === text && p.spec.hostNetwork === true,
      );
      if (host !== undefined) return place(`node/${host.spec.nodeName ?? ""}`);
      return place(holders.get(parseAddress(text)?.text ?? "") ?? "");
    },
    nodeOf: (p) => (p.kind === "pod" ? (podById.get(p.name)?.node ?? "") : p.kind === "node" ? p.name : ""),
    onWire: (address) =>
      gateways.has(address)
        ? place("router")
        : place(facts.has((holders.get(address) ?? "").slice(5)) ? holders.get(address)! : ""),
    isOurs: (address) =>
      holders.get(address)?.startsWith("pod/") === true || model.podRanges().some((r) => covers(r, address)),
  };
}

function groupBy(pods: readonly PodFacts[]): Map<string, PodFacts[]> {
  const out = new Map<string, PodFacts[]>();
  for (const pod of pods) {
    const same = out.get(pod.node);
    if (same === undefined) out.set(pod.node, [pod]);
    else same.push(pod);
  }
  return out;
}

/** Pods with a network namespace of their own. */
function podFacts(cluster: Cluster): PodFacts[] {
  return cluster.pods.flatMap((pod) => {
    const { namespace, name } = pod.metadata;
    const addresses = (pod.status.podIPs?.map((i) => i.ip) ?? [pod.status.podIP ?? ""]).flatMap(
      (ip) => parseAddress(ip)?.text ?? [],
    );
    if (
      pod.spec.hostNetwork === true ||
      isFinished(pod) ||
      addresses.length === 0 ||
      pod.spec.nodeName === undefined
    )
      return [];
    const id = `${namespace}/${name}`;
    const mac = pod.metadata.annotations["cni.projectcalico.org/hwAddr"] ?? macOf(`pod ${id}`);
    return [
      {
        id,
        namespace,
        name,
        node: pod.spec.nodeName,
        addresses,
        mac,
        sandbox: sha256Hex(`sandbox ${id}`),
        pod,
      },
    ];
  });
}
