import type { Sent } from "clusterdns";
import { createNet } from "../../policy/net.ts";
import { CLUSTER_DNS, corefile, dnsLab, NODE_DNS, podConf } from "../lab/dns.ts";
import { dnsObjects, manifests, NODES } from "../lab/cluster.ts";
import { egress, SHOP, TO_DB, TO_DNS } from "../lab/trace.ts";
import { createStory, time } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const TO_CACHE = `
  - to: [{ ipBlock: { cidr: ${NODE_DNS}/32 } }]
    ports: [{ port: 53, protocol: UDP }, { port: 53, protocol: TCP }]`;

/** A lookup of the database, each question subject to the pod's policy. */
async function ask(rules: string, nameserver: string) {
  const cluster = manifests(NODES + SHOP + egress(rules));
  const net = createNet(cluster);
  const lab = dnsLab();
  const objects = dnsObjects(cluster);
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: corefile(), objects }));
  const cache = `.:53 {\n    cache 30\n    forward . ${CLUSTER_DNS}\n}\n`;
  lab.place(NODE_DNS, await lab.server(NODE_DNS, { corefile: cache }), 0.1);
  // The cluster IP is translated before policy sees it; the node's cache is an address on the node.
  const to = nameserver === CLUSTER_DNS ? "kube-dns.kube-system" : nameserver;
  const fate = ({ proto }: Sent) => {
    const port = { port: 53, protocol: proto.toUpperCase() };
    return net.connect("shop/web", `${to}:53`, { port }).verdict === "allow" ? "passes" : "lost";
  };
  const { result, queries } = await lab.run(() =>
    lab.lookUp("db", podConf({ nameservers: [nameserver] }), { fate }),
  );
  return {
    ok: result.ok,
    ms: result.ms,
    questions: queries.length,
    answered: queries.filter(({ answer }) => answer !== "drop").length,
  };
}

export const nodelocalPolicy: Exhibit = {
  id: "nodelocal-policy",
  title: "NodeLocal is installed, and every policy for DNS is wrong",
  year: 2020,
  wing: "policy",
  threads: [
    thread(
      "projectcalico/calico#3795",
      "When enabling NodeLocal DNSCache DNS requests are being blocked",
      "policies that allow the DNS pods do not match queries to the node's cache",
    ),
    thread(
      "gardener/gardener#2745",
      "NodeLocalDNS Feature lacks DNS network policy for control-plane components",
      "the cache is on the host network: no podSelector can mean it, an ipBlock must",
    ),
    thread(
      "restatedev/restate-operator#88",
      "Fix DNS network policy for NodeLocal DNSCache",
      "on GKE Autopilot queries go to 169.254.20.10, which the policy for kube-dns blocks",
    ),
  ],
  async run() {
    const story = createStory();
    const rules = TO_DB + TO_DNS();
    const before = await ask(rules, CLUSTER_DNS);
    story.tell(
      `Pods of shop may talk to the DNS pods and the database: the name is found in ${time(before.ms)}`,
    );
    const after = await ask(rules, NODE_DNS);
    story.tell(
      `NodeLocal comes, and kubelets write ${NODE_DNS} into new pods' resolv.conf: ${after.answered} of ${after.questions} questions are answered, the lookup fails after ${time(after.ms)}`,
    );
    const mended = await ask(rules + TO_CACHE, NODE_DNS);
    story.tell(`With an ipBlock for the cache's address it is found in ${time(mended.ms)}`);
    story.holds("the policy was right before", before.ok && before.answered === before.questions);
    story.holds("nobody changed it, and no name resolves", !after.ok && after.answered === 0);
    story.holds("the address of the cache mends it", mended.ok);
    return story.end({
      broken: {
        on: "NodeLocal DNSCache, and policies that allow DNS by the labels of kube-dns",
        what: `${after.answered} of ${after.questions} questions are answered; the lookup fails after ${time(after.ms)}`,
        facts: { found: after.ok, found_before: before.ok, answered: after.answered, wait_ms: after.ms },
      },
      mended: {
        on: `an ipBlock for ${NODE_DNS}/32 beside the selector`,
        what: `the name is found in ${time(mended.ms)}`,
        facts: { found: mended.ok, answered: mended.answered, wait_ms: mended.ms },
      },
      lesson:
        "A cache on the node is another server at another address. Whoever installs it changes all policies for DNS.",
    });
  },
};
