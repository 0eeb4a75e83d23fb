import { seededRandom } from "clusterdns";
import { serviceProxy } from "../../service/index.ts";
import { packet } from "../../service/packet.ts";
import { chooser } from "../../service/spread.ts";
import { manifests, NODES, slice } from "../lab/cluster.ts";
import { createStory, percent } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const ADDRESS = "203.0.113.10";
const PODS = Array.from({ length: 10 }, (_, i) => `10.244.${1 + (i % 2)}.${10 + i}`);
const CONNECTIONS = 500;
const SERVICE = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  type: LoadBalancer
  clusterIP: 10.96.5.5
  ports: [{ port: 80, targetPort: 8080, nodePort: 30080 }]
status: { loadBalancer: { ingress: [{ ip: ${ADDRESS} }] } }
---`;

/** Where a node sends each connection, seen for the first time. */
function destinations(
  node: string,
  algorithm: "random" | "maglev",
  pods: readonly string[],
  seed: number,
): string[] {
  const cluster = manifests(NODES + SERVICE + slice("shop/web", pods));
  const plane = serviceProxy(cluster, node, "ebpf", { algorithm })!.plane("IPv4");
  const choose = chooser(seededRandom(seed));
  return Array.from({ length: CONNECTIONS }, (_, i) => {
    const client = packet(`198.51.100.${1 + (i % 250)}`, ADDRESS, 80, "TCP", 20_000 + i)!;
    return plane.connect(client, { choose, now: 0 }).destination.address;
  });
}

const moved = (one: readonly string[], other: readonly string[]): number =>
  one.filter((to, i) => to !== other[i]).length;

export const nodeFailover: Exhibit = {
  id: "node-failover",
  title: "The router rehashes, and every connection is a stranger's",
  year: 2020,
  wing: "services",
  threads: [
    thread(
      "cilium/cilium#13131",
      "Add Maglev consistent hashing to kube-proxy replacement",
      "backends that nodes choose by chance are known to that node alone; a table that all nodes compute alike survives its loss",
    ),
    thread(
      "projectcalico/calico#11159",
      "[BPF] Maglev load balancing for external traffic",
      "a connection can be taken over by another node if both choose the same backend for it",
    ),
  ],
  run() {
    const story = createStory();
    const lost = moved(destinations("node-1", "random", PODS, 1), destinations("node-2", "random", PODS, 2));
    story.tell(
      `${CONNECTIONS} connections come by node-1; it fails, and the router sends them to node-2, which has never seen them`,
    );
    story.tell(
      `By chance node-2 chooses another one of the ${PODS.length} pods for ${lost} of them (${percent(lost, CONNECTIONS)} %): these are reset`,
    );
    const kept = moved(destinations("node-1", "maglev", PODS, 1), destinations("node-2", "maglev", PODS, 2));
    const without = destinations("node-2", "maglev", PODS.slice(1), 3);
    const whole = destinations("node-1", "maglev", PODS, 1);
    const others = whole.filter((to) => to !== PODS[0]).length;
    const disturbed = whole.filter((to, i) => to !== PODS[0] && to !== without[i]).length;
    story.tell(`By Maglev's table, which both compute alike, for ${kept}`);
    story.tell(
      `When a pod goes at the same time, ${disturbed} of the ${others} connections of the others move (${percent(disturbed, others)} %)`,
    );
    story.holds("nine in ten are lost by chance", Math.abs(percent(lost, CONNECTIONS) - 90) < 5);
    story.holds("none by Maglev", kept === 0);
    story.holds("a pod's end moves few of the others", percent(disturbed, others) < 5);
    return Promise.resolve(
      story.end({
        broken: {
          on: "backends chosen at random by each node (Cilium's default, kube-proxy), a load balancer or ECMP that changes the node",
          what: `${lost} of ${CONNECTIONS} connections are reset`,
          facts: {
            connections: CONNECTIONS,
            lost,
            lost_percent: percent(lost, CONNECTIONS),
            pods: PODS.length,
          },
        },
        mended: {
          on: "loadBalancer.algorithm: maglev",
          what: `${kept} are reset`,
          facts: { connections: CONNECTIONS, lost: kept, moved_when_a_pod_goes: disturbed },
        },
        lesson:
          "What one node remembers goes with it. Choices that must survive are computed from the packet, by everybody alike.",
      }),
    );
  },
};
