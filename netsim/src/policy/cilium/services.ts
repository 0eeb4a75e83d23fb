/** `toServices`: a Service with a selector means the pods that it selects, one without the addresses of its backends. */
import type { CiliumService, Cluster, Service } from "../../model/types.ts";
import type { PeerTest } from "../rule.ts";
import { POD_NAMESPACE, holds, identityTest, requirement, requirementsOf } from "./identity.ts";

const SERVICE_NAME = "kubernetes.io/service-name";

function matches({ k8sService, k8sServiceSelector }: CiliumService, service: Service): boolean {
  const { name, namespace, labels } = service.metadata;
  const inNamespace = (wanted: string | undefined) =>
    wanted === undefined || wanted === "" || wanted === namespace;
  if (k8sServiceSelector !== undefined) {
    // The labels of a Service have no source: whichever the selector names.
    const requirements = requirementsOf(k8sServiceSelector.selector).map((r) => ({ ...r, source: "any" }));
    const identity = { k8s: labels, reserved: new Set<string>() };
    return inNamespace(k8sServiceSelector.namespace) && requirements.every((r) => holds(r, identity));
  }
  return k8sService !== undefined && inNamespace(k8sService.namespace) && k8sService.serviceName === name;
}

export function serviceTests(
  wanted: readonly CiliumService[],
  cluster: Cluster,
  outside: (cidr: string) => PeerTest,
): PeerTest[] {
  const chosen = cluster.services.filter((s) => wanted.some((w) => matches(w, s)));
  return chosen.flatMap((service) => {
    const { name, namespace } = service.metadata;
    const selector = Object.entries(service.spec.selector ?? {});
    if (selector.length > 0) {
      const labels = selector.map(([key, value]) => requirement("k8s", key, "In", [value]));
      return [identityTest([...labels, requirement("k8s", POD_NAMESPACE, "In", [namespace])])];
    }
    const slices = cluster.endpointSlices.filter(
      (s) => s.metadata.namespace === namespace && s.metadata.labels[SERVICE_NAME] === name,
    );
    return slices.flatMap((s) => s.endpoints.flatMap((e) => e.addresses.map((ip) => outside(ip))));
  });
}
