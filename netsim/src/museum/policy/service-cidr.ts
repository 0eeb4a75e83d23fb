import { egress, follow, SHOP, TO_DB, TO_DNS } from "../lab/trace.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const SERVICES = "  - to: [{ ipBlock: { cidr: 10.96.0.0/16 } }]";

export const serviceCidr: Exhibit = {
  id: "service-cidr",
  title: "The Service range is allowed, and no Service is reached",
  year: 2021,
  wing: "policy",
  threads: [
    thread(
      "projectcalico/calico#5129",
      "Calico network policy for ClusterIP",
      "a rule with the cluster IP as destination never matches: the address is translated before policy sees the packet",
    ),
    thread(
      "kubernetes/website#10151",
      "Clarify certain NetworkPolicy behavior",
      "what ipBlock means for addresses that are rewritten was never documented",
    ),
    thread(
      "projectcalico/calico#10664",
      "NetworkPolicy for ipBlock in local network not honored",
      "the same with a load balancer's address, in 2025: allow the pods behind it",
    ),
  ],
  async run() {
    const story = createStory();
    const to = "10.96.3.4:5432";
    const block = await follow(SHOP + egress(SERVICES + TO_DNS()), "shop/web", to);
    story.tell("Egress is allowed to DNS and to 10.96.0.0/16, where all cluster IPs are");
    story.tell(
      `A connection to the database's cluster IP 10.96.3.4 is ${block.verdict} (${block.reason}): policy sees the pod's address, ${block.trace.to.address ?? ""}`,
    );
    const pods = await follow(SHOP + egress(TO_DB + TO_DNS()), "shop/web", to);
    story.tell(`With a rule for the pods behind the Service it is ${pods.verdict}`);
    story.holds("the range of Services opens no Service", block.reason === "egress-denied");
    story.holds("what is judged is the endpoint", block.trace.to.address === "10.244.2.8");
    story.holds("a selector of the pods opens it", pods.verdict === "allow");
    return story.end({
      broken: {
        on: "ipBlock with the Service range, plugins that enforce behind the translation, as Calico does",
        what: `no Service is reached: ${block.reason}`,
        facts: { verdict: block.verdict, reason: block.reason, judged: block.trace.to.address ?? "" },
      },
      mended: {
        on: "podSelector and namespaceSelector of the Service's pods",
        what: "the database is reached",
        facts: { verdict: pods.verdict },
      },
      lesson:
        "Cluster IPs exist until the node's proxy has seen the packet. Policies are about pods; write pods.",
    });
  },
};
