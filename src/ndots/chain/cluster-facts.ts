import { at, namespaceOf, type KubeObject } from "../objects.ts";

/** Cluster IP of the cluster DNS where the manifests don't say: kubeadm's. */
const USUAL_DNS = "10.96.0.10";

/** The first cluster IP of the Service that pods ask. */
export function clusterDnsAddress(objects: readonly KubeObject[]): string {
  const service = objects.find(
    (object) =>
      object.kind === "Service" &&
      namespaceOf(object) === "kube-system" &&
      object.metadata.name === "kube-dns",
  );
  const address = at(service, "spec", "clusterIP");
  return typeof address === "string" && address !== "None" ? address : USUAL_DNS;
}

/** A pod that asks, for plugins that know clients by their addresses. */
export function askingPod(namespace: string, address: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "ndots-lab", namespace },
    spec: { containers: [] },
    status: { phase: "Running", podIP: address, podIPs: [{ ip: address }] },
  };
}

/**
 * Names that applications of a namespace use for Services, as they write them: `SERVICE` in their own; `SERVICE.NAMESPACE`, with
 * `svc`, and with the cluster's domain behind it; `POD.SERVICE` of a headless one. One of each that there is.
 */
export function usualNames(
  objects: readonly KubeObject[],
  namespace: string,
  clusterDomain: string,
): string[] {
  const services = objects.filter((object) => {
    const address = object.kind === "Service" ? at(object, "spec", "clusterIP") : undefined;
    return address !== undefined && address !== "None";
  });
  const near = services.find((object) => namespaceOf(object) === namespace);
  const others = services.filter((object) => namespaceOf(object) !== namespace);
  const far = others.find((object) => namespaceOf(object) !== "kube-system") ?? others[0];
  const farName = far && `${far.metadata.name}.${namespaceOf(far)}`;
  const names = [
    near?.metadata.name,
    farName,
    farName && `${farName}.svc`,
    farName && `${farName}.svc.${clusterDomain}`,
    memberName(objects, namespace),
  ];
  return names.filter((name) => name !== undefined);
}

function memberName(objects: readonly KubeObject[], namespace: string): string | undefined {
  for (const slice of objects) {
    if (slice.kind !== "EndpointSlice") continue;
    const labels = at(slice, "metadata", "labels");
    const service = at(labels, "kubernetes.io/service-name");
    const endpoints = at(slice, "endpoints");
    if (typeof service !== "string" || !Array.isArray(endpoints)) continue;
    const hostname = endpoints.map((one) => at(one, "hostname")).find((name) => typeof name === "string");
    if (typeof hostname !== "string") continue;
    const there = namespaceOf(slice);
    return there === namespace ? `${hostname}.${service}` : `${hostname}.${service}.${there}`;
  }
  return undefined;
}

/** Those of the names, without final dots, that can only be meant for the world outside. */
export function outsideNames(
  objects: readonly KubeObject[],
  namespace: string,
  clusterDomain: string,
  names: readonly string[],
): string[] {
  const own = new Set<string>(["svc"]);
  for (const object of objects) {
    if (object.kind === "Namespace") own.add(object.metadata.name);
    if (object.kind === "Service" && namespaceOf(object) === namespace) own.add(object.metadata.name);
  }
  return names
    .map((name) => name.replace(/\.$/, ""))
    .filter((name) => {
      const last = name.slice(name.lastIndexOf(".") + 1);
      return name.includes(".") && !`.${name}`.endsWith(`.${clusterDomain}`) && !own.has(last);
    });
}
