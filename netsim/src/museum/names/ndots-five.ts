import { CLUSTER_DNS, corefile, dnsLab, OUTSIDE, podConf, worldOf } from "../lab/dns.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const NAME = "api.example.com";
/** As on AWS: the node's own search domain comes behind the cluster's. */
const NODE_SEARCH = ["eu-central-1.compute.internal"];
const RECORDS = `${NAME}. 60 A 192.0.2.10\n${NAME}. 60 AAAA 2001:db8::10`;

/** What one lookup costs: questions of the pod, and those that the cluster DNS asks outside. */
async function cost(name: string, options: string, more?: string) {
  const lab = dnsLab();
  lab.place(OUTSIDE, worldOf(RECORDS), 20);
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: corefile(more) }));
  const report = await lab.run(() => lab.lookUp(name, podConf({ search: NODE_SEARCH, options })));
  const asked = lab.arrived.filter(({ at }) => at === CLUSTER_DNS).length;
  const outside = lab.arrived.filter(({ at }) => at === OUTSIDE).length;
  return { asked, outside, ms: report.result.ms, ok: report.result.ok };
}

export const ndotsFive: Exhibit = {
  id: "ndots-five",
  title: "Ten queries for one name",
  year: 2016,
  wing: "names",
  threads: [
    thread(
      "kubernetes/kubernetes#33554",
      "Kube-dns add-on should accept option ndots for SkyDNS or document ConfigMap alternative subPath",
      "ndots:5 makes every outside name walk the search list before it is asked as it stands",
    ),
    thread(
      "https://kubernetes-on-aws.readthedocs.io/en/latest/postmortems/jan-2019-dns-outage.html",
      "Total DNS outage in Kubernetes cluster (Zalando, January 2019)",
      "10 queries for each lookup of an outside name made a spike of requests ten times as large for DNS",
    ),
    thread(
      "n8n-io/terraform-aws-n8n#100",
      "feat(networking): expose pod-level DNS config to fix ndots amplification",
      "ndots:1 took away 80 % of the queries and all EAI_AGAIN of a load test",
    ),
  ],
  async run() {
    const story = createStory();
    const usual = await cost(NAME, "ndots:5");
    story.tell(
      `A pod looks up ${NAME}, two dots and so fewer than five: ${usual.asked} queries, A and AAAA for each of the four search domains first`,
    );
    story.tell(`${usual.outside} of them leave the cluster, those for the node's own search domain too`);
    const dotted = await cost(`${NAME}.`, "ndots:5");
    const one = await cost(NAME, "ndots:1");
    const server = await cost(
      NAME,
      "ndots:5",
      `cache 30\n    searchpath {\n    extra ${NODE_SEARCH[0]}\n    }`,
    );
    story.tell(
      `With a final dot: ${dotted.asked}; with ndots:1 in the pod's dnsConfig: ${one.asked}; with searchpath in the server, pods as they are: ${server.asked}`,
    );
    story.holds("one lookup is ten queries", usual.asked === 10);
    story.holds("eight of them were for names that do not exist", usual.asked - dotted.asked === 8);
    story.holds("a final dot or ndots:1 leaves A and AAAA", dotted.asked === 2 && one.asked === 2);
    story.holds("so does a server that walks the list itself", server.asked === 2 && server.ok);
    return story.end({
      broken: {
        on: "the kubelet's ndots:5 with one search domain of the node, glibc",
        what: `one lookup is ${usual.asked} queries, ${usual.outside} of them to the world outside, ${usual.ms} ms`,
        facts: { queries: usual.asked, outside: usual.outside, ms: usual.ms },
      },
      mended: {
        on: "a final dot, or ndots:1 in dnsConfig, or searchpath (autopath) in the cluster DNS",
        what: `one lookup is ${one.asked} queries, ${one.ms} ms`,
        facts: {
          queries_final_dot: dotted.asked,
          queries_ndots_1: one.asked,
          queries_searchpath: server.asked,
          outside: one.outside,
          ms: one.ms,
        },
      },
      lesson:
        "Whoever sizes cluster DNS by lookups is wrong by a factor of five to ten. Write outside names with their final dot, or lower ndots for workloads that mostly talk to the outside.",
    });
  },
};
