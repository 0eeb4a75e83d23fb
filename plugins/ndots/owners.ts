import type { ClusterIndex } from "../../src/cluster/cluster-index.ts";
import type { Pod } from "../../src/cluster/objects.ts";
import type { Owner } from "../../src/ndots/walk/ledger.ts";

/** Letters and digits that Kubernetes makes up names of, in suffixes of ReplicaSets and pods. */
const SAFE = "[bcdfghjklmnpqrstvwxz2456789]";
const REPLICA = new RegExp(`^(.+)-${SAFE}{1,10}-${SAFE}{5}$`);
const GENERATED = new RegExp(`^(.+)-${SAFE}{5}$`);

/** A pod's workload by the pod's labels and name: controllers write both in known ways, and nobody asks the API for more. */
export function ownerOfPod({ namespace, name, labels = {} }: Pod): Owner {
  const owner = (kind: string, its: string): Owner => ({ namespace, kind, name: its });
  const job = labels["batch.kubernetes.io/job-name"] ?? labels["job-name"];
  if (job !== undefined) return owner("Job", job);
  const hash = labels["pod-template-hash"];
  const template = hash === undefined ? -1 : name.lastIndexOf(`-${hash}-`);
  if (template > 0) return owner("Deployment", name.slice(0, template));
  if ("statefulset.kubernetes.io/pod-name" in labels || /-\d+$/.test(name))
    return owner("StatefulSet", name.replace(/-\d+$/, ""));
  const generated = GENERATED.exec(name)?.[1];
  if ("controller-revision-hash" in labels && generated !== undefined) return owner("DaemonSet", generated);
  const replica = REPLICA.exec(name)?.[1];
  return replica === undefined ? owner("Pod", name) : owner("Deployment", replica);
}

/** By a pod's address, where pods are watched (`pods verified`). The same object for a pod each time. */
export function createOwners(index: ClusterIndex | undefined): (address: string) => Owner | undefined {
  if (index === undefined) return () => undefined;
  const known = new WeakMap<Pod, Owner>();
  return (address) => {
    const pod = index.podsAt(address)[0];
    if (pod === undefined) return undefined;
    let owner = known.get(pod);
    if (owner === undefined) known.set(pod, (owner = ownerOfPod(pod)));
    return owner;
  };
}
