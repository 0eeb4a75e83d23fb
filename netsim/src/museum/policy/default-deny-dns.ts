import { egress, follow, SHOP, TO_DB, TO_DNS } from "../lab/trace.ts";
import { count, createStory, time } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

export const defaultDenyDns: Exhibit = {
  id: "default-deny-dns",
  title: "The database is allowed, its name is not",
  year: 2022,
  wing: "policy",
  threads: [
    thread(
      "kubernetes/website#38267",
      "Add to Documentation - Network Policies - Example: Allow Egress DNS",
      "a default deny for egress takes DNS away, and who wrote it thought that names come by magic",
    ),
    thread(
      "kubernetes/website#54997",
      "Document the need for a DNS-allow NetworkPolicy alongside deny-all egress",
      "the documentation recommends the policy and did not say so until 2026",
    ),
    thread(
      "aws/aws-network-policy-agent#230",
      "Egress rules: unable to resolve DNS",
      "pods cannot look names up as soon as there is a policy for egress",
    ),
  ],
  async run() {
    const story = createStory();
    const byName = await follow(SHOP + egress(TO_DB), "shop/web", "db:5432");
    const byAddress = await follow(SHOP + egress(TO_DB), "shop/web", "10.96.3.4:5432");
    story.tell("A policy allows the pods of shop to reach the database, and so nothing else");
    story.tell(
      `By its name it is not reached (${byName.reason}): ${count(byName.queries, "question")}, ${byName.answered} answered, the program sees a failure after ${time(byName.ms)}`,
    );
    story.tell(`By its address it is: ${byAddress.verdict}`);
    const mended = await follow(SHOP + egress(TO_DB + TO_DNS()), "shop/web", "db:5432");
    story.tell(`With a rule for port 53 of the DNS pods: ${mended.verdict}, after ${time(mended.ms)}`);
    story.holds(
      "the lookup is what policy drops",
      byName.reason === "dns-egress-denied" && byName.answered === 0,
    );
    story.holds("the program waits for its resolver's timeouts", byName.ms >= 5000);
    story.holds("the connection itself was allowed all along", byAddress.verdict === "allow");
    story.holds("one more rule is all that lacks", mended.verdict === "allow");
    return story.end({
      broken: {
        on: "a policy with policyTypes Egress and no rule for DNS",
        what: `no name resolves: ${byName.queries} questions dropped, ${time(byName.ms)}`,
        facts: {
          verdict: byName.verdict,
          reason: byName.reason,
          questions: byName.queries,
          answered: byName.answered,
          wait_ms: byName.ms,
          by_address: byAddress.verdict,
        },
      },
      mended: {
        on: "egress to the DNS pods, port 53 UDP and TCP",
        what: `the database is reached by its name, ${time(mended.ms)}`,
        facts: { verdict: mended.verdict, wait_ms: mended.ms },
      },
      lesson:
        "Isolation of egress begins with DNS. The symptom is a slow timeout with the name of whatever was to be reached in it, never DNS.",
    });
  },
};
