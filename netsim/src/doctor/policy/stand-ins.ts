/** Pods that a policy would select, where the input has policies and not the pods of their namespaces. */
import type { CiliumNetworkPolicy, KubeObject, Labels, NetworkPolicy } from "../../model/types.ts";
import type { Endpoint } from "../../policy/endpoint.ts";
import { parseAddress } from "../../select/cidr.ts";
import type { Context } from "../context.ts";
import { specsOf } from "./shared.ts";

export interface StandIn {
  readonly policy: KubeObject;
  readonly endpoint: Endpoint;
}

/** The last address of the range that kubeadm and kind give to pods: no pod has it. */
const ADDRESS = parseAddress("10.244.255.254");

/** One for each policy of a namespace without a pod in the input: with just the labels that the policy asks for. */
export function standIns(context: Context): readonly StandIn[] {
  const { given, cluster } = context;
  const selectors = [
    ...given.networkPolicies.map((p: NetworkPolicy) => ({
      policy: p,
      labels: p.spec.podSelector.matchLabels ?? {},
    })),
    ...given.ciliumPolicies.flatMap((p: CiliumNetworkPolicy) =>
      specsOf(p).map(({ spec }) => ({ policy: p, labels: bare(spec.endpointSelector?.matchLabels ?? {}) })),
    ),
  ];
  return selectors.flatMap(({ policy, labels }): StandIn[] => {
    const { namespace, name } = policy.metadata;
    if (namespace === "" || ADDRESS === undefined || context.podsIn(namespace).length > 0) return [];
    const home = cluster.namespaces.find((n) => n.metadata.name === namespace);
    const endpoint: Endpoint = {
      id: `${namespace}/(a pod of ${name})`,
      kind: "pod",
      namespace,
      labels,
      namespaceLabels: home?.metadata.labels ?? {},
      serviceAccount: "default",
      address: ADDRESS,
      node: "",
      onHost: false,
      apiServer: false,
      ports: [],
    };
    return [{ policy, endpoint }];
  });
}

/** Cilium's keys may say where a label comes from. */
const bare = (labels: Labels): Labels =>
  Object.fromEntries(
    Object.entries(labels)
      .filter(([key]) => !/namespace/.test(key))
      .map(([key, value]) => [key.replace(/^(k8s|any):/, ""), value]),
  );
