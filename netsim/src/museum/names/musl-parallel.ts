import { CLUSTER_DNS, corefile, dnsLab, podConf, worldOf } from "../lab/dns.ts";
import { dnsObjects, manifests, service } from "../lab/cluster.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const CLOUD = "169.254.169.254";
const NAME = "rsyslog-service";
const OBJECTS = dnsObjects(manifests(service(`shop/${NAME}`, "10.96.7.7", { port: 514 })));

async function ask(resolver: string, nameservers: readonly string[]) {
  const lab = dnsLab();
  // The cloud's resolver is nearer than the DNS pod, and knows nothing of the cluster.
  lab.place(CLOUD, worldOf("www.example.com. 60 A 192.0.2.1"), 0.3);
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: corefile(), objects: OBJECTS }), 1);
  const { result } = await lab.run(() => lab.lookUp(NAME, podConf({ nameservers }), { resolver }));
  return { ...result, cloud: lab.arrived.filter(({ at }) => at === CLOUD).length };
}

export const muslParallel: Exhibit = {
  id: "musl-parallel",
  title: "Alpine believes whoever answers first",
  year: 2015,
  wing: "names",
  threads: [
    thread(
      "kubernetes/kubernetes#16534",
      "KubeDNS incompatible with musl",
      "musl asks all nameservers at once; the cloud's says NXDOMAIN of a Service's name before the cluster's has answered",
    ),
    thread(
      "gliderlabs/docker-alpine#8",
      "Not resolving using search domain",
      "with two nameserver entries resolution fails, since the other one responds first with not found",
    ),
  ],
  async run() {
    const story = createStory();
    const both = [CLUSTER_DNS, CLOUD];
    const musl = await ask("musl", both);
    const glibc = await ask("glibc", both);
    story.tell(`Resolv.conf names the cluster DNS first and the cloud's resolver second`);
    story.tell(
      `glibc asks one after the other and finds the Service: ${glibc.addresses.join(" ")}; the cloud got ${glibc.cloud} questions`,
    );
    story.tell(
      `musl sends each question to both (${musl.cloud} to the cloud): the nearer one's NXDOMAIN is the answer, "${musl.error ?? ""}"`,
    );
    const mended = await ask("musl", [CLUSTER_DNS]);
    story.tell(`With the cluster DNS alone musl finds ${mended.addresses.join(" ")}`);
    story.holds("glibc finds the Service with both nameservers", glibc.ok && glibc.cloud === 0);
    story.holds("musl does not, though the cluster DNS knows it", !musl.ok && musl.cloud > 0);
    story.holds("with one nameserver it does", mended.ok && mended.addresses[0] === "10.96.7.7");
    return story.end({
      broken: {
        on: "musl (Alpine) and a second nameserver that does not know the cluster: Kubernetes before 1.2, dnsConfig.nameservers today",
        what: `the Service's name does not resolve: ${musl.error ?? ""}`,
        facts: { found: musl.ok, glibc_found: glibc.ok, questions_to_the_cloud: musl.cloud },
      },
      mended: {
        on: "one nameserver, the cluster's, which forwards the rest",
        what: `the name is ${mended.addresses.join(" ")}`,
        facts: { found: mended.ok, addresses: mended.addresses, questions_to_the_cloud: mended.cloud },
      },
      lesson:
        "A list of nameservers is for servers that give the same answers. A second one is no fallback for names that it denies.",
    });
  },
};
