import { follow, namespaces } from "../lab/trace.ts";
import { pod } from "../lab/cluster.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const CLIENT = "172.27.48.111";
const cluster = (policy: string): string =>
  namespaces("flux-system") +
  pod("flux-system/helm-controller", "10.244.2.8", { node: "node-2" }) +
  `
apiVersion: v1
kind: Service
metadata: { name: helm-controller, namespace: flux-system }
spec:
  type: NodePort
  clusterIP: 10.96.8.8
  externalTrafficPolicy: ${policy}
  selector: { app: helm-controller }
  ports: [{ port: 8080, targetPort: 8080, nodePort: 32766 }]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: allow-scraping-through-nodeport, namespace: flux-system }
spec:
  podSelector: {}
  ingress:
  - from: [{ ipBlock: { cidr: 172.27.48.0/24 } }]
    ports: [{ port: 8080 }]
---`;

export const nodeportSource: Exhibit = {
  id: "nodeport-source",
  title: "The client is allowed, but nobody sees the client",
  year: 2019,
  wing: "policy",
  threads: [
    thread(
      "projectcalico/calico#2660",
      "Network policy ingress rule can't match remote non-k8s-node IP",
      "the address of the client outside was changed to a node's before policy saw it",
    ),
    thread(
      "aws/eks-anywhere#4406",
      "Kubernetes network policy gets ignored",
      "an ipBlock of the clients' network does not let them in through a NodePort; 0.0.0.0/0 does",
    ),
  ],
  async run() {
    const story = createStory();
    const through = (policy: string, node: string) => follow(cluster(policy), CLIENT, `${node}:32766`);
    const masqueraded = await through("Cluster", "172.18.0.2");
    const seen =
      masqueraded.trace.hops.find(({ layer }) => layer === "service")?.details?.["masqueraded"] === true;
    story.tell(`A policy lets 172.27.48.0/24 in; ${CLIENT} asks node-1, the pod is on node-2`);
    story.tell(
      `node-1 puts its own address there (${seen ? "masqueraded" : "not masqueraded"}), and the policy says no: ${masqueraded.verdict}, ${masqueraded.reason}`,
    );
    const local = await through("Local", "172.18.0.3");
    const other = await through("Local", "172.18.0.2");
    story.tell(
      `With externalTrafficPolicy: Local the pod's own node keeps the client's address: ${local.verdict}; node-1 has no pod of the Service: ${other.verdict} (${other.reason})`,
    );
    story.holds(
      "the source is replaced, and so the rule does not match",
      seen && masqueraded.reason === "ingress-denied",
    );
    story.holds("Local keeps it", local.verdict === "allow");
    story.holds("at the price of nodes that drop", other.reason === "no-local-endpoints");
    return story.end({
      broken: {
        on: "externalTrafficPolicy: Cluster (the default) and an ipBlock of clients outside",
        what: `the allowed client is denied: ${masqueraded.reason}`,
        facts: { verdict: masqueraded.verdict, reason: masqueraded.reason, masqueraded: seen },
      },
      mended: {
        on: "externalTrafficPolicy: Local, and a load balancer that asks nodes with pods only",
        what: "the client is let in",
        facts: { verdict: local.verdict, on_a_node_without_pod: other.verdict },
      },
      lesson:
        "An ipBlock sees the address that arrives. Find out which one that is before you write it down.",
    });
  },
};
