import { CLUSTER_DNS, corefile, dnsLab, late, OUTSIDE, podConf, worldOf } from "../lab/dns.ts";
import { dnsObjects, manifests, service } from "../lab/cluster.ts";
import { createStory, time } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const FEW = 100;
const MANY = 400;
const SLOW = 1500;
const LIMIT = 100;
const OBJECTS = dnsObjects(manifests(service("shop/db", "10.96.3.4")));

/** `clients` look up a name of their own while the upstream is slow; then one asks for a Service. */
async function spike(clients: number, limit: string) {
  const lab = dnsLab();
  const records = Array.from({ length: clients }, (_, i) => `api-${i}.example.com. 60 A 192.0.2.1`).join(
    "\n",
  );
  lab.place(OUTSIDE, late(worldOf(records), SLOW, lab.clock), 10);
  const text = corefile("cache 30").replace(/forward \. (\S+)/, `forward . $1 {\n${limit}\n}`);
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: text, objects: OBJECTS }));
  return lab.run(async () => {
    const all = Array.from({ length: clients }, (_, i) =>
      lab.lookUp(`api-${i}.example.com.`, podConf({ options: "ndots:1" })),
    );
    await lab.wait(100);
    const inside = await lab.lookUp("db", podConf());
    const held = lab.underWay(OUTSIDE).most;
    const refused = (await Promise.all(all)).flatMap(({ queries }) =>
      queries.filter(({ answer }) => answer === "REFUSED"),
    );
    return { held, refused: refused.length, inside: inside.result.ms };
  });
}

export const unboundedForward: Exhibit = {
  id: "unbounded-forward",
  title: "The spike that a slow upstream turns into memory",
  year: 2019,
  wing: "names",
  threads: [
    thread(
      "https://kubernetes-on-aws.readthedocs.io/en/latest/postmortems/jan-2019-dns-outage.html",
      "Total DNS outage in Kubernetes cluster (Zalando, January 2019)",
      "retries made a spike of DNS queries; all CoreDNS pods ran out of memory at once and never came back with 100Mi",
    ),
    thread(
      "coredns/coredns#2593",
      "request spike creates memory spike",
      "every query under way holds memory, and nothing bounds their number",
    ),
    thread(
      "coredns/coredns#3635",
      "plugin/forward: max concurrent queries",
      "a slow upstream lets concurrent queries grow without bound until memory is exhausted",
    ),
  ],
  async run() {
    const story = createStory();
    const small = await spike(FEW, "");
    const large = await spike(MANY, "");
    story.tell(
      `The upstream takes ${time(SLOW)} for each answer, and pods come with names that are in no cache`,
    );
    story.tell(
      `${FEW} clients: ${small.held} questions are held at once; ${MANY} clients: ${large.held}. Only memory ends it`,
    );
    const limited = await spike(MANY, `max_concurrent ${LIMIT}`);
    story.tell(
      `With max_concurrent ${LIMIT} never more than ${limited.held} are held, ${limited.refused} are refused at once, and a Service's name is answered in ${time(limited.inside)}`,
    );
    story.holds(
      "what is held grows with the clients",
      large.held === 4 * small.held && small.held === 2 * FEW,
    );
    story.holds("the limit holds", limited.held <= LIMIT && limited.refused > 0);
    story.holds("names of the cluster are answered all the same", limited.inside < 100);
    return story.end({
      broken: {
        on: "forward without max_concurrent (CoreDNS before 2020 had none), a slow upstream",
        what: `${large.held} questions held at once by ${MANY} clients, ${small.held} by ${FEW}: in proportion`,
        facts: { held_by_few: small.held, held_by_many: large.held, refused: large.refused },
      },
      mended: {
        on: `max_concurrent (here ${LIMIT}; kubeadm's Corefile has 1000)`,
        what: `${limited.held} held, ${limited.refused} refused, cluster names in ${time(limited.inside)}`,
        facts: { held_by_many: limited.held, refused: limited.refused, cluster_name_ms: limited.inside },
      },
      lesson:
        "Memory for DNS is queries a second times the upstream's latency, and the second factor is not yours. Bound it: a refused query is retried, a killed server answers nobody.",
    });
  },
};
