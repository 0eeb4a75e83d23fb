import { createDnsCache } from "../../policy/cilium/dns-cache.ts";
import { learnedAddresses } from "../../policy/cilium/dns-proxy.ts";
import { createNet } from "../../policy/net.ts";
import { CLUSTER_DNS, corefile, dnsLab, OUTSIDE, podConf, worldOf } from "../lab/dns.ts";
import { dnsObjects, manifests, NODES } from "../lab/cluster.ts";
import { SHOP } from "../lab/trace.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const NAME = "api.frigate.example";
const ADDRESS = "192.0.2.50";
const POD = "10.244.1.7";
const POLICY = `
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: { name: out, namespace: shop }
spec:
  endpointSelector: {}
  egress:
  - toEndpoints: [{ matchLabels: { "k8s:io.kubernetes.pod.namespace": kube-system, k8s-app: kube-dns } }]
    toPorts: [{ ports: [{ port: "53", protocol: ANY }], rules: { dns: [{ matchPattern: "*" }] } }]
  - toFQDNs: [{ matchPattern: "*.frigate.example" }]
---`;

/** A pod looks the name up and connects; the agent learns from the answers that pass its DNS proxy, by the names asked for. */
async function connect(more: string) {
  const cluster = manifests(NODES + SHOP + POLICY);
  const lab = dnsLab();
  lab.place(OUTSIDE, worldOf(`${NAME}. 300 A ${ADDRESS}`), 20);
  const text = corefile(more, "pods verified");
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: text, objects: dnsObjects(cluster) }));
  const { queries, result } = await lab.run(() =>
    lab.lookUp(NAME, podConf(), { from: POD, resolver: "glibc-inet" }),
  );
  const cache = createDnsCache();
  const found = queries.filter(({ answer }) => answer === "NOERROR");
  for (const { name } of found) cache.lookup(0, name.toLowerCase(), result.addresses, 300);
  const net = createNet(cluster, { enforcer: "cilium", cilium: { dns: learnedAddresses(cache) } });
  const { verdict } = net.connect("shop/web", ADDRESS, { port: { port: 443, protocol: "TCP" } });
  return { verdict, queries: queries.length, learned: cache.names(), ok: result.ok };
}

export const autopathFqdn: Exhibit = {
  id: "autopath-fqdn",
  title: "autopath answers, and Cilium learns the wrong name",
  year: 2022,
  wing: "policy",
  threads: [
    thread(
      "cilium/cilium#20191",
      "toFQDNs broken when using CoreDNS' autopath",
      "the cache of allowed names has only the search-suffixed name, so the one in the policy is not accessible",
    ),
    thread(
      "rwlove/home-ops#12482",
      "fix(coredns): drop autopath @kubernetes — it breaks Cilium toFQDNs policies",
      "policy is keyed on the queried name; egress that is allowed is silently denied",
    ),
  ],
  async run() {
    const story = createStory();
    const short = await connect("autopath @kubernetes\n    cache 30");
    story.tell(
      `autopath answers the first question of the search walk: ${short.queries} instead of the usual four, and the pod has its address`,
    );
    story.tell(
      `Cilium's proxy has seen ${short.learned.join(" ")}: toFQDNs *.frigate.example does not match, ${short.verdict}`,
    );
    const long = await connect("cache 30");
    story.tell(
      `Without autopath: ${long.queries} questions, Cilium learns ${long.learned.join(" ")}, ${long.verdict}`,
    );
    story.holds("the lookup itself works, in one question", short.ok && short.queries === 1);
    story.holds("the name that is learnt is not the one in the policy", !short.learned.includes(`${NAME}.`));
    story.holds("the connection is denied", short.verdict === "deny");
    story.holds(
      "without autopath it is allowed",
      long.verdict === "allow" && long.learned.includes(`${NAME}.`),
    );
    return story.end({
      broken: {
        on: "autopath (or searchpath) together with toFQDNs policies",
        what: `the name resolves, and the connection is ${short.verdict}: learnt was ${short.learned.join(" ")}`,
        facts: { resolved: short.ok, queries: short.queries, learned: short.learned, verdict: short.verdict },
      },
      mended: {
        on: "no autopath; or ndots:1 or final dots in the pods",
        what: `the connection is allowed: learnt was ${long.learned.join(" ")}`,
        facts: { resolved: long.ok, queries: long.queries, learned: long.learned, verdict: long.verdict },
      },
      lesson:
        "Two mechanisms that both read names must see the same one. Before a DNS optimisation, ask who else listens.",
    });
  },
};
