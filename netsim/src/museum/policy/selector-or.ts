import { createNet } from "../../policy/net.ts";
import { manifests, NODES, pod } from "../lab/cluster.ts";
import { namespaces } from "../lab/trace.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const PODS =
  namespaces("frontend", "backend") +
  pod("backend/db", "10.244.2.8", { port: 5432 }) +
  pod("frontend/web", "10.244.1.11", { labels: "role: client" }) +
  pod("frontend/batch", "10.244.1.12", { labels: "role: batch" }) +
  pod("frontend/debug", "10.244.1.13", { labels: "role: debug" }) +
  pod("backend/impostor", "10.244.2.14", { labels: "role: client" });
const policy = (peers: string): string => `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: db, namespace: backend }
spec:
  podSelector: { matchLabels: { app: db } }
  ingress:
  - from:
${peers}
---`;
const OR = `    - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: frontend } }
    - podSelector: { matchLabels: { role: client } }`;
const AND = OR.replace("- podSelector", "  podSelector");
const CLIENTS = ["frontend/web", "frontend/batch", "frontend/debug", "backend/impostor"];

const admitted = (peers: string): string[] => {
  const net = createNet(manifests(NODES + PODS + policy(peers)));
  const port = { port: 5432, protocol: "TCP" };
  return CLIENTS.filter((from) => net.connect(from, "backend/db", { port }).verdict === "allow");
};

export const selectorOr: Exhibit = {
  id: "selector-or",
  title: "One hyphen lets a whole namespace in",
  year: 2017,
  wing: "policy",
  threads: [
    thread(
      "kubernetes/kubernetes#50451",
      "NetworkPolicy across Namespaces",
      "a namespaceSelector and a podSelector as two items let in everything of the namespace",
    ),
    thread(
      "redhat-appstudio/infra-deployments#7039",
      "Fix namespace-lister NetworkPolicy ingress rule",
      "two list items are joined by or: it worked only since more was allowed than was meant",
    ),
    thread(
      "kubernetes/kubernetes#58637",
      "Proposal: NetworkPolicy support for selecting pods in another namespace",
      "both selectors in one item mean these pods of those namespaces, since 1.11",
    ),
  ],
  run() {
    const story = createStory();
    const or = admitted(OR);
    story.tell(
      "The database shall be open to pods with role: client of the namespace frontend, one pod of four",
    );
    story.tell(`Written as two items it is open to ${or.length} of them: ${or.join(", ")}`);
    const and = admitted(AND);
    story.tell(`Without the second hyphen it is one item, and open to ${and.join(", ")}`);
    story.holds(
      "the whole namespace is let in",
      ["frontend/batch", "frontend/debug"].every((id) => or.includes(id)),
    );
    story.holds("and a pod of the policy's own namespace", or.includes("backend/impostor"));
    story.holds("the one that was meant works in both, so nobody notices", or.includes("frontend/web"));
    story.holds("one item lets in that one alone", and.length === 1 && and[0] === "frontend/web");
    return Promise.resolve(
      story.end({
        broken: {
          on: "from: [{ namespaceSelector }, { podSelector }], two peers",
          what: `${or.length} of ${CLIENTS.length} pods are let in: ${or.join(", ")}`,
          facts: { admitted: or },
        },
        mended: {
          on: "from: [{ namespaceSelector, podSelector }], one peer",
          what: `${and.join(", ")} alone is let in`,
          facts: { admitted: and },
        },
        lesson: "A policy that is too open passes every test of what shall work. Test what shall not.",
      }),
    );
  },
};
