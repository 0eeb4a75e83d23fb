import { checkReach } from "../../cni/check.ts";
import { createNetwork } from "../../cni/network.ts";
import { pathBetween } from "../../cni/paths.ts";
import { manifests, pod } from "../lab/cluster.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const MASTER = "node-role.kubernetes.io/master";
const CONTROL_PLANE = "node-role.kubernetes.io/control-plane";
const WORKERS = [1, 2, 3, 4];

/** A node of Calico's, a route reflector where it has a cluster id. */
const node = (name: string, i: number, labels: readonly string[], isReflector: boolean): string => `
apiVersion: v1
kind: Node
metadata:
  name: ${name}
  labels: { ${["kubernetes.io/os: linux", ...labels.map((label) => `${label}: ""`)].join(", ")} }
  annotations:
    projectcalico.org/IPv4Address: 172.18.0.${i + 1}/24
    ${isReflector ? "projectcalico.org/RouteReflectorClusterID: 244.0.0.1" : "none: none"}
spec: { podCIDR: 10.244.${i}.0/24 }
status: { addresses: [{ type: InternalIP, address: 172.18.0.${i + 1} }] }
---`;

const bgp = (reflectors: string): string => `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: default }
spec: { cidr: 10.244.0.0/16, ipipMode: Never, vxlanMode: Never, natOutgoing: true }
---
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec: { nodeToNodeMeshEnabled: false, asNumber: 64512 }
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: { name: peer-with-route-reflectors }
spec: { nodeSelector: all(), peerSelector: "has(${reflectors})" }
---`;

/** Pods that reach one another, with these labels on the control plane. */
function cluster(labels: readonly string[], reflectors = MASTER) {
  const network = createNetwork(
    manifests(
      bgp(reflectors) +
        node("control-plane", 0, labels, true) +
        WORKERS.map(
          (i) =>
            node(`worker-${i}`, i, [], false) +
            pod(`shop/web-${i}`, `10.244.${i}.10`, { node: `worker-${i}` }),
        ).join(""),
    ),
  );
  const { pairs, lost } = checkReach(network);
  const way = pathBetween(network, "shop/web-1", "shop/web-2");
  return { pairs, lost: lost.length, why: typeof way === "string" ? way : way.why };
}

export const redditPiDay: Exhibit = {
  id: "reddit-pi-day",
  title: "314 minutes for a label",
  year: 2023,
  wing: "nodes",
  threads: [
    thread(
      "https://www.reddit.com/r/RedditEng/comments/11xx5o0/you_broke_reddit_the_piday_outage/",
      "You Broke Reddit: The Pi-Day Outage (March 2023)",
      "Kubernetes 1.24 took the label node-role.kubernetes.io/master from the nodes; Calico's route reflectors were selected by it, so all routes between pods were withdrawn",
    ),
  ],
  run() {
    const story = createStory();
    const before = cluster([MASTER, CONTROL_PLANE]);
    story.tell(
      `Calico without the mesh: all nodes peer with those that have ${MASTER}, the route reflectors. ${before.pairs - before.lost} of ${before.pairs} pairs of pods on ${WORKERS.length} workers reach each other`,
    );
    const after = cluster([CONTROL_PLANE]);
    story.tell(
      `The upgrade to 1.24 removes that label. The BGPPeer selects nobody: ${after.pairs - after.lost} of ${after.pairs} pairs are left. ${after.why}`,
    );
    const mended = cluster([CONTROL_PLANE], CONTROL_PLANE);
    story.tell(`With the selector on ${CONTROL_PLANE}: ${mended.pairs - mended.lost} of ${mended.pairs}`);
    story.holds("everything is reachable before", before.lost === 0 && before.pairs > 0);
    story.holds("nothing between nodes is after", after.lost === after.pairs);
    story.holds("the new label brings it back", mended.lost === 0);
    return Promise.resolve(
      story.end({
        broken: {
          on: `a BGPPeer with peerSelector has(${MASTER}), Kubernetes 1.24`,
          what: `${after.lost} of ${after.pairs} pairs of pods lose each other`,
          facts: { pairs: after.pairs, lost: after.lost, lost_before: before.lost },
        },
        mended: {
          on: `peerSelector has(${CONTROL_PLANE})`,
          what: `${mended.lost} pairs are lost`,
          facts: { pairs: mended.pairs, lost: mended.lost },
        },
        lesson:
          "A selector is a dependency that nobody lists. Before an upgrade removes a label, search all objects for it, also those that no chart has written.",
      }),
    );
  },
};
