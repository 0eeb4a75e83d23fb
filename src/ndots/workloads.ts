/** Which workload a pod belongs to, and what its pods' resolv.conf says, from manifests. */
import { at, namespaceOf, type KubeObject } from "./objects.ts";
import type { Owner } from "./walk/ledger.ts";

/** Kinds with a pod template, and where it is. */
const TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  Deployment: ["spec", "template"],
  StatefulSet: ["spec", "template"],
  DaemonSet: ["spec", "template"],
  ReplicaSet: ["spec", "template"],
  ReplicationController: ["spec", "template"],
  Job: ["spec", "template"],
  CronJob: ["spec", "jobTemplate", "spec", "template"],
};

/** Path from an object of the kind to its pods' template; undefined where it has none. */
export const templatePath = (kind: string): readonly string[] | undefined =>
  Object.hasOwn(TEMPLATES, kind) ? TEMPLATES[kind] : undefined;

export interface DnsOption {
  readonly name: string;
  readonly value?: string;
}

export interface Workloads {
  /** By a pod's address. */
  ownerOf(address: string): Owner | undefined;
  /** `spec.dnsConfig.options` of its pods as the manifest has them. */
  optionsOf(owner: Owner): readonly DnsOption[];
  /** Whether its pods have a search list from the cluster at all: not under dnsPolicy Default or None. */
  searches(owner: Owner): boolean;
}

const ownerKey = (kind: string, namespace: string, name: string): string => `${kind}/${namespace}/${name}`;

export function createWorkloads(objects: readonly KubeObject[]): Workloads {
  const byKey = new Map<string, KubeObject>();
  for (const object of objects)
    byKey.set(ownerKey(object.kind, namespaceOf(object), object.metadata.name), object);
  const selecting = objects.filter(
    ({ kind }) => templatePath(kind) !== undefined && kind !== "ReplicaSet" && kind !== "Job",
  );

  const topOwner = (pod: KubeObject): Owner => {
    const namespace = namespaceOf(pod);
    const reference = pod.metadata.ownerReferences?.find(({ kind, name }) => kind && name);
    if (reference !== undefined) return controllerOf(reference.kind!, reference.name!, namespace, byKey);
    const found = selecting.find((one) => namespaceOf(one) === namespace && selects(one, pod));
    const { kind, metadata } = found ?? pod;
    return { namespace, kind, name: metadata.name };
  };

  const owners = new Map<string, Owner>();
  for (const pod of objects) {
    // Pods of the node's own network have its address, as others do.
    if (pod.kind !== "Pod" || at(pod, "spec", "hostNetwork") === true) continue;
    const addresses = at(pod, "status", "podIPs");
    const list = Array.isArray(addresses) ? addresses.map((one) => at(one, "ip")) : [];
    for (const address of [at(pod, "status", "podIP"), ...list])
      if (typeof address === "string" && address !== "") owners.set(address, topOwner(pod));
  }

  const podSpec = ({ kind, namespace, name }: Owner): unknown => {
    const object = byKey.get(ownerKey(kind, namespace, name));
    return at(object, ...(templatePath(kind) ?? []), "spec");
  };
  return {
    ownerOf: (address) => owners.get(address),
    optionsOf(owner) {
      const options = at(podSpec(owner), "dnsConfig", "options");
      if (!Array.isArray(options)) return [];
      return options.flatMap((option: unknown): DnsOption[] => {
        const [name, value] = [at(option, "name"), at(option, "value")];
        if (typeof name !== "string") return [];
        return [value === undefined || value === null ? { name } : { name, value: String(value) }];
      });
    },
    searches(owner) {
      const policy = at(podSpec(owner), "dnsPolicy");
      return policy !== "Default" && policy !== "None";
    },
  };
}

/** A ReplicaSet's Deployment, a Job's CronJob: by its own owner, else by its name, which begins with theirs. */
function controllerOf(
  kind: string,
  name: string,
  namespace: string,
  byKey: ReadonlyMap<string, KubeObject>,
): Owner {
  const above = kind === "ReplicaSet" ? "Deployment" : kind === "Job" ? "CronJob" : undefined;
  if (above === undefined) return { namespace, kind, name };
  const own = byKey.get(ownerKey(kind, namespace, name))?.metadata.ownerReferences?.[0];
  if (own?.kind !== undefined && own.name !== undefined) return { namespace, kind: own.kind, name: own.name };
  const cut = name.replace(/-[a-z0-9]+$/, "");
  // A pod-template hash is the Deployment controller's alone; a Job may well be nobody's.
  const isKnown = kind === "ReplicaSet" || byKey.has(ownerKey(above, namespace, cut));
  return isKnown && cut !== name ? { namespace, kind: above, name: cut } : { namespace, kind, name };
}

function selects(workload: KubeObject, pod: KubeObject): boolean {
  const selector = at(workload, "spec", "selector", "matchLabels") ?? at(workload, "spec", "selector");
  if (typeof selector !== "object" || selector === null) return false;
  const labels = Object.entries(selector);
  return labels.length > 0 && labels.every(([key, value]) => at(pod, "metadata", "labels", key) === value);
}
