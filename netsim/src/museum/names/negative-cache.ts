import { CLUSTER_DNS, corefile, dnsLab, NODE_DNS, OUTSIDE, podConf, worldOf } from "../lab/dns.ts";
import { dnsObjects, manifests, service } from "../lab/cluster.ts";
import { createStory, time } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

/** When the Service is made, in ms after the first lookup. */
const MADE = 1000;
const NONE = dnsObjects(manifests(service("shop/other", "10.96.1.1")));
const MADE_OBJECTS = dnsObjects(
  manifests(service("shop/other", "10.96.1.1") + service("shop/db", "10.96.3.4")),
);

/** How long after it was made the Service is found; asked for every second. */
async function darkness(cache: string, isPatient: boolean): Promise<{ dark: number; denials: number }> {
  const lab = dnsLab();
  const kubernetes = "pods insecure\n        ttl 30";
  // Kubernetes tells the cluster DNS at once; what stands before it keeps what it was told.
  const before = await lab.server(CLUSTER_DNS, { corefile: corefile("", kubernetes), objects: NONE });
  const after = await lab.server(CLUSTER_DNS, { corefile: corefile("", kubernetes), objects: MADE_OBJECTS });
  lab.place(CLUSTER_DNS, before);
  lab.place(OUTSIDE, worldOf("www.example.com. 60 A 192.0.2.1"), 5);
  const node = await lab.server(NODE_DNS, {
    corefile: `.:53 {\n    ${cache}\n    forward . ${CLUSTER_DNS}\n}\n`,
  });
  lab.place(NODE_DNS, node, 0.1);
  lab.clock.at(MADE, () => lab.place(CLUSTER_DNS, after));
  const conf = podConf({ nameservers: [NODE_DNS] });
  return lab.run(async () => {
    let denials = 0;
    if (isPatient) await lab.wait(MADE + 1);
    for (;;) {
      const { result } = await lab.lookUp("db", conf);
      if (result.ok || lab.clock.now() > 120_000) break;
      denials++;
      await lab.wait(1000);
    }
    return { dark: Math.round(Math.max(0, lab.clock.now() - MADE)), denials };
  });
}

export const negativeCache: Exhibit = {
  id: "negative-cache",
  title: "The Service that is there, for everybody but who asked too early",
  year: 2019,
  wing: "names",
  threads: [
    thread(
      "coredns/coredns#2434",
      "Headless service name resolution delay",
      "with cache 30 a new name takes 30 s to resolve, with cache 5 it takes 5",
    ),
    thread(
      "kubernetes/kubernetes#92559",
      "Headless Service not publishing not ready addresses for statefulset",
      "peers of a StatefulSet find one another almost exactly 30 s after they began to ask",
    ),
    thread(
      "coredns/coredns#2501",
      "Data consistency CoreDNS (when using the cache plugin)",
      "just after a Service is made, some lookups say no such host",
    ),
  ],
  async run() {
    const story = createStory();
    const cache = "cache 30";
    const eager = await darkness(cache, false);
    story.tell(
      `A pod asks for db.shop before there is one, and every second from then on; the Service is made after ${time(MADE)}`,
    );
    story.tell(
      `The denial is kept for its TTL of 30 s: ${eager.denials} lookups say no, ${time(eager.dark)} after the Service was there`,
    );
    const late = await darkness(cache, true);
    story.tell(`A pod that first asks after the Service was made finds it at once (${time(late.dark)})`);
    const five = await darkness("cache 30 {\n    denial 9984 5\n    }", false);
    const none = await darkness("cache 30 {\n    disable denial cluster.local\n    }", false);
    story.tell(
      `Denials kept for at most 5 s: found after ${time(five.dark)}; denials of cluster.local not kept: after ${time(none.dark)}`,
    );
    story.holds(
      "whoever asked too early is told no for about 30 s",
      eager.dark >= 28_000 && eager.dark <= 31_000,
    );
    story.holds("whoever asks later is not", late.dark < 1000 && late.denials === 0);
    story.holds("the wait is the denial's time in the cache", five.dark >= 3000 && five.dark <= 6000);
    story.holds("without it there is none", none.dark <= 1000);
    return story.end({
      broken: {
        on: "denials of cluster names cached for 30 s (kubernetes ttl 30, cache 30 in front of it or on the node)",
        what: `${eager.denials} lookups fail, for ${time(eager.dark)} after the Service was made`,
        facts: { dark_ms: eager.dark, denials: eager.denials, late_asker_ms: late.dark },
      },
      mended: {
        on: "denials of the cluster's zone not cached, or for 5 s at most",
        what: `the Service is found after ${time(none.dark)}, or ${time(five.dark)}`,
        facts: { dark_ms: none.dark, dark_ms_with_5s: five.dark },
      },
      lesson:
        "To ask for a name before it exists is to make it not exist for everybody on that cache. Start-up loops that poll for peers do that by design.",
    });
  },
};
