import { identityKey } from "../../policy/cilium/identity.ts";
import { createEngine } from "../../policy/engine.ts";
import { loadObjects } from "../../model/load.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

/** Identities of a cluster: 16 bits, less those that are reserved. */
const SPACE = 65_535 - 255;
const PODS = 1500;
/** Pods that a batch system makes in a second, and how long an identity outlives its pods, in seconds: what the thread reports. */
const RATE = 40;
const RUNS = Array.from({ length: PODS }, (_, i) => i);

/** How many identities so many pods of one workload have, with these labels. */
function identities(labelsOf: (run: number) => Record<string, string>): number {
  const cluster = loadObjects([
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "batch" } },
    { apiVersion: "v1", kind: "Node", metadata: { name: "node-1" }, spec: { podCIDR: "10.244.0.0/16" } },
    ...RUNS.map((i) => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: `run-${i}`, namespace: "batch", labels: { app: "report", ...labelsOf(i) } },
      spec: { nodeName: "node-1", containers: [{ name: "main", image: "i" }] },
      status: { phase: "Running", podIP: `10.244.${Math.floor(i / 250)}.${(i % 250) + 1}` },
    })),
  ]);
  const { endpoints } = createEngine(cluster, { enforcer: "cilium" });
  return new Set(cluster.pods.map((pod) => identityKey(endpoints.pod(pod)!))).size;
}

export const identityExhaustion: Exhibit = {
  id: "identity-exhaustion",
  title: "No more available IDs",
  year: 2024,
  wing: "policy",
  threads: [
    thread(
      "cilium/cilium#34512",
      "Low CiliumIdentity GC speed leading to ID running out",
      "at 40 new pods a second all 65,535 identities are gone within half an hour; pods do not start: no more available IDs in configured space",
    ),
    thread(
      "cilium/cilium#40617",
      "Using the label parameter of cilium to limit Identity-Relevant Labels, will this affect the network of existing pods?",
      "65,000 identities, since the pods have labels with a uid",
    ),
    thread(
      "cilium/cilium#28003",
      "labelsfilter: ignore StatefulSet-related labels by default for CID creation",
      "labels that are different for each pod no longer count, as far as Kubernetes itself sets them",
    ),
  ],
  run() {
    const story = createStory();
    const unique = identities((i) => ({ "run-id": `8c2f-${i}` }));
    const perPod = unique / PODS;
    const minutes = Math.round(SPACE / (RATE * perPod) / 6) / 10;
    story.tell(`${PODS} pods of one workload carry a label run-id of their own: ${unique} identities`);
    story.tell(
      `At ${RATE} pods a second the ${SPACE} that there are last ${minutes} minutes, if nothing is collected meanwhile`,
    );
    const plain = identities(() => ({}));
    const own = identities((i) => ({ "statefulset.kubernetes.io/pod-name": `run-${i}` }));
    story.tell(
      `With the id as an annotation: ${plain} identity; labels that Kubernetes sets for each pod do not count (${own})`,
    );
    story.holds("every pod has an identity of its own", unique === PODS);
    story.holds("the space is gone in about half an hour", minutes > 20 && minutes < 40);
    story.holds("without the label one identity is enough", plain === 1 && own === 1);
    return Promise.resolve(
      story.end({
        broken: {
          on: "labels that are different for each pod, Cilium's default label filter",
          what: `${unique} identities for ${PODS} pods; ${SPACE} last ${minutes} minutes at ${RATE} pods a second`,
          facts: { pods: PODS, identities: unique, minutes_until_full: minutes },
        },
        mended: {
          on: "the id as an annotation, or left out by the agent's label filter",
          what: `${plain} identity for ${PODS} pods`,
          facts: { pods: PODS, identities: plain },
        },
        lesson: "With Cilium labels are not free: each combination is a number out of 65,535.",
      }),
    );
  },
};
