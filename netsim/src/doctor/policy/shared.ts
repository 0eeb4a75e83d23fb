/** What checks of policies have in common. */
import type {
  CiliumNetworkPolicy,
  CiliumSpec,
  KubeObject,
  Labels,
  NetworkPolicy,
  Service,
} from "../../model/types.ts";
import { createDnsCache } from "../../policy/cilium/dns-cache.ts";
import type { Endpoint } from "../../policy/endpoint.ts";
import { sidePlace, sideText } from "../../policy/explain.ts";
import type { Side } from "../../policy/judge.ts";
import type { Direction, Probe } from "../../policy/rule.ts";
import { dnsHops } from "../../trace/dns.ts";
import { resolve } from "../../trace/resolve.ts";
import type { Context } from "../context.ts";
import { evidence, NOWHERE, placeOf } from "../place.ts";
import type { Evidence, Place } from "../types.ts";

export const isNetworkPolicy = (o: KubeObject): o is NetworkPolicy =>
  o.kind === "NetworkPolicy" && o.apiVersion.startsWith("networking.k8s.io/");

export const isCilium = (o: KubeObject): o is CiliumNetworkPolicy => o.kind.startsWith("Cilium");

export const policyId = ({ kind, metadata }: KubeObject): string =>
  `${kind} ${metadata.namespace}/${metadata.name}`;

/** The specs of a Cilium policy, with the path to each. */
export const specsOf = ({
  spec,
  specs = [],
}: CiliumNetworkPolicy): { spec: CiliumSpec; path: (string | number)[] }[] => [
  ...(spec === undefined ? [] : [{ spec, path: ["spec"] }]),
  ...specs.map((s, i) => ({ spec: s, path: ["specs", i] })),
];

/** Labels that controllers give to each pod or version select too little. */
const FLEETING =
  /^(pod-template-hash|controller-revision-hash|pod-template-generation|statefulset\.kubernetes\.io\/pod-name|apps\.kubernetes\.io\/pod-index)$/;
const NAMING = /^(app|k8s-app|app\.kubernetes\.io\/name)$/;

/** A label or two that mean a pod's workload. */
export function lastingLabels(labels: Labels): Labels {
  const stay = Object.entries(labels).filter(([key]) => !FLEETING.test(key));
  const naming = stay.find(([key]) => NAMING.test(key));
  return Object.fromEntries(naming === undefined ? stay.slice(0, 2) : [naming]);
}

export const namespaceIs = (name: string) => ({ matchLabels: { "kubernetes.io/metadata.name": name } });

/** Where the verdict of one end is written: the rule, or the policy that isolates it. */
export function placeOfSide(side: Side): Place {
  const { object = null, file = "", line = 0 } = sidePlace(side) ?? {};
  return { object, file: file === "" ? null : file, line: line === 0 ? null : line };
}

/** One end's verdict on a probe, as a sentence. */
export const sideEvidence = (
  side: Side,
  direction: Direction,
  subject: Endpoint,
  peer: Endpoint,
  probe: Probe,
): Evidence =>
  evidence(
    `${subject.id} ${direction === "egress" ? "to" : "from"} ${peer.id} on ${probe.port}/${probe.protocol}: ${sideText(side, direction)}`,
    placeOfSide(side),
  );

const SHOWN = 4;

/** What a program in the pod would see when it looked `name` up: its resolver's queries, one by one. */
export async function lookupEvidence(
  context: Context,
  from: Endpoint,
  name: string,
): Promise<readonly Evidence[]> {
  const { site, cluster } = context;
  const resolution = await resolve(site, from, name, createDnsCache(), {});
  const { hops } = dnsHops(cluster, from, resolution);
  const told = hops.length > SHOWN ? [...hops.slice(0, SHOWN - 1), ...hops.slice(-1)] : hops;
  return told.map(({ what, object, file, line }) => ({ text: `${from.id}: ${what}`, object, file, line }));
}

/** A name that a pod of the namespace may well look up: a Service's of its own, or the API server's. */
export function usualName(context: Context, namespace: string): string {
  const own = context.given.services.find((s) => s.metadata.namespace === namespace);
  return own === undefined ? "kubernetes.default" : own.metadata.name;
}

export const podPlace = ({ pod }: Endpoint): Place => (pod === undefined ? NOWHERE : { ...placeOf(pod) });

/** The endpoints of the cluster's DNS, with the port that they listen on for each protocol. */
export interface DnsEnd {
  readonly endpoint: Endpoint;
  readonly ports: Readonly<Record<"UDP" | "TCP", number | undefined>>;
}

export function dnsEnds({ cluster, endpointAt }: Context, service: Service | undefined): readonly DnsEnd[] {
  if (service === undefined) return [];
  const { namespace, name } = service.metadata;
  const slices = cluster.endpointSlices.filter(
    (s) => s.metadata.namespace === namespace && s.metadata.labels["kubernetes.io/service-name"] === name,
  );
  return slices.flatMap((slice) => {
    const portOf = (protocol: "UDP" | "TCP"): number | undefined => {
      const own = service.spec.ports.find((p) => p.port === 53 && p.protocol === protocol);
      return (
        own && slice.ports.find((p) => p.protocol === protocol && (p.name ?? "") === (own.name ?? ""))?.port
      );
    };
    const ports = { UDP: portOf("UDP"), TCP: portOf("TCP") };
    return slice.endpoints
      .filter((e) => e.conditions?.ready !== false)
      .flatMap((e) => e.addresses.flatMap((a) => endpointAt(a) ?? []))
      .map((endpoint) => ({ endpoint, ports }));
  });
}
