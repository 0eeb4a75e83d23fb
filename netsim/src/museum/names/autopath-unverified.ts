import { CLUSTER_DNS, corefile, dnsLab, OUTSIDE, podConf, worldOf } from "../lab/dns.ts";
import { dnsObjects, manifests, pod } from "../lab/cluster.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const NAME = "ngs-raw.example.com";
const FROM = "10.244.1.7";
const OBJECTS = dnsObjects(manifests(pod("shop/web", FROM)));

async function cost(kubernetes: string, from = FROM) {
  const lab = dnsLab();
  lab.place(OUTSIDE, worldOf(`${NAME}. 60 A 192.0.2.10`), 20);
  const text = corefile("autopath @kubernetes\n    cache 30", kubernetes);
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: text, objects: OBJECTS }));
  const { queries } = await lab.run(() => lab.lookUp(NAME, podConf(), { from }));
  return queries.length;
}

export const autopathUnverified: Exhibit = {
  id: "autopath-unverified",
  title: "autopath that does nothing",
  year: 2018,
  wing: "names",
  threads: [
    thread(
      "coredns/coredns#1752",
      "How to use k8s+autopath?",
      "autopath is in the Corefile and the pods walk the search list all the same: it needs pods verified",
    ),
    thread(
      "coredns/coredns#7122",
      "do not autopath for hostnetwork pod",
      "the plugin knows the asking pod by its source address, so nobody must translate that",
    ),
  ],
  async run() {
    const story = createStory();
    const without = await cost("pods insecure");
    story.tell(
      `autopath @kubernetes with pods insecure: a lookup of ${NAME} is ${without} queries, as without it`,
    );
    const verified = await cost("pods verified");
    const translated = await cost("pods verified", "172.18.0.2");
    story.tell(
      `With pods verified, which watches every pod of the cluster: ${verified}; from behind a node's address, as with NodeLocal: ${translated}`,
    );
    story.holds("without pods verified it saves nothing, and nobody says so", without === 8);
    story.holds("with it A and AAAA are all", verified === 2);
    story.holds("behind address translation it saves nothing again", translated === 8);
    return story.end({
      broken: {
        on: "autopath @kubernetes with pods insecure or disabled, or clients behind a node-local cache",
        what: `${without} queries for one lookup`,
        facts: { queries: without, queries_behind_a_node: translated },
      },
      mended: {
        on: "pods verified, and the pods' own addresses as source (or searchpath, which needs neither)",
        what: `${verified} queries for one lookup`,
        facts: { queries: verified },
      },
      lesson:
        "An optimisation that depends on another option fails silently. Measure it: count queries per lookup.",
    });
  },
};
