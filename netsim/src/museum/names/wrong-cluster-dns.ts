import { CLUSTER_DNS, corefile, dnsLab, podConf } from "../lab/dns.ts";
import { dnsObjects, manifests, service } from "../lab/cluster.ts";
import { createStory, time } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

/** The address that the node's boot script takes where it knows none. */
const GUESSED = "10.100.0.10";
const OBJECTS = dnsObjects(manifests(service("shop/db", "10.96.3.4")));

/** A lookup by a pod whose kubelet has this clusterDNS. */
async function ask(clusterDns: string) {
  const lab = dnsLab();
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: corefile(), objects: OBJECTS }));
  const { result, queries } = await lab.run(() => lab.lookUp("db", podConf({ nameservers: [clusterDns] })));
  const answered = queries.filter(({ answer }) => answer !== "drop").length;
  return { ...result, questions: queries.length, answered };
}

export const wrongClusterDns: Exhibit = {
  id: "wrong-cluster-dns",
  title: "The node that guessed its DNS server",
  year: 2018,
  wing: "names",
  threads: [
    thread(
      "awslabs/amazon-eks-ami#78",
      "Kubelet cluster-dns parameter is set incorrectly",
      "kube-dns is at 172.20.0.10, the kubelets were configured for 10.100.0.10: the boot script chose by the node's address",
    ),
    thread(
      "awslabs/amazon-eks-ami#636",
      "Wrong clusterDNS in kubelet-config when you specify custom Kubernetes service IP address ranges",
      "pods use an address that no Service has, and still did in 2023",
    ),
  ],
  async run() {
    const story = createStory();
    const wrong = await ask(GUESSED);
    story.tell(`The DNS Service has ${CLUSTER_DNS}; this node's kubelet writes ${GUESSED} into resolv.conf`);
    story.tell(
      `${wrong.answered} of ${wrong.questions} questions are answered: "${wrong.error ?? ""}" after ${time(wrong.ms)}, on this node only`,
    );
    const right = await ask(CLUSTER_DNS);
    story.tell(`With the right address: ${right.addresses.join(" ")} in ${time(right.ms)}`);
    story.holds("nothing is answered", wrong.answered === 0 && !wrong.ok);
    story.holds("the program waits for its resolver's full patience", wrong.ms >= 10_000);
    story.holds("the Service's own address mends it", right.ok && right.ms < 100);
    return story.end({
      broken: {
        on: "a kubelet whose clusterDNS is no address of the DNS Service",
        what: `${wrong.answered} of ${wrong.questions} questions answered, ${time(wrong.ms)} for each name`,
        facts: { found: wrong.ok, answered: wrong.answered, questions: wrong.questions, wait_ms: wrong.ms },
      },
      mended: {
        on: "clusterDNS as the Service kube-dns has it",
        what: `the Service is found in ${time(right.ms)}`,
        facts: { found: right.ok, answered: right.answered, wait_ms: right.ms },
      },
      lesson:
        "What is computed in two places is wrong in one of them. Read the Service's address, or set it yourself.",
    });
  },
};
