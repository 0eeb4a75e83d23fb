import { pod } from "../lab/cluster.ts";
import { follow, SHOP } from "../lab/trace.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const agent = (dnsPolicy: string): string =>
  pod("shop/agent", "172.18.0.2", { node: "node-1", spec: `  hostNetwork: true\n  dnsPolicy: ${dnsPolicy}` });

export const hostNetwork: Exhibit = {
  id: "host-network",
  title: "ClusterFirst, except on the host's network",
  year: 2015,
  wing: "names",
  threads: [
    thread(
      "kubernetes/kubernetes#17406",
      "Allow DnsPolicy=ClusterFirst for Pods with hostNetwork: true",
      "pods on the host's network get the node's resolv.conf, whatever ClusterFirst says",
    ),
    thread(
      "kubernetes/kubernetes#35761",
      "dnsPolicy=ClusterFirst does not work when hostNetwork=true",
      "reported as a bug, answered by a new policy: ClusterFirstWithHostNet",
    ),
    thread(
      "aws/amazon-vpc-cni-k8s#664",
      "dnsPolicy should be set to ClusterFirstWithHostNet for hostNetwork pod",
      "a network plugin's own pods could not resolve the API server's Service",
    ),
  ],
  async run() {
    const story = createStory();
    const first = await follow(SHOP + agent("ClusterFirst"), "shop/agent", "db:5432");
    const server = first.trace.lookup?.queries[0]?.server ?? "";
    story.tell(`An agent on the host's network, with the default dnsPolicy, looks for the Service db`);
    story.tell(`It asks the node's resolver, ${server}: ${first.verdict}. The trace says: ${first.remedy}`);
    const mended = await follow(SHOP + agent("ClusterFirstWithHostNet"), "shop/agent", "db:5432");
    story.tell(`With ClusterFirstWithHostNet: ${mended.addresses.join(" ")}, ${mended.verdict}`);
    story.holds(
      "the name does not exist where it asks",
      first.verdict === "nxdomain" && server !== "10.96.0.10",
    );
    story.holds("the advice is the remedy", first.remedy === "dnsPolicy: ClusterFirstWithHostNet");
    story.holds(
      "with it the Service is found",
      mended.verdict === "allow" && mended.addresses[0] === "10.96.3.4",
    );
    return story.end({
      broken: {
        on: "hostNetwork: true and dnsPolicy: ClusterFirst (the default)",
        what: `the Service does not exist: ${server} is asked`,
        facts: { verdict: first.verdict, reason: first.reason, asked: server },
      },
      mended: {
        on: "dnsPolicy: ClusterFirstWithHostNet",
        what: `db is ${mended.addresses.join(" ")}`,
        facts: { verdict: mended.verdict, addresses: mended.addresses },
      },
      lesson:
        "A default that is silently another one. DaemonSets on the host's network need the long name of the policy.",
    });
  },
};
