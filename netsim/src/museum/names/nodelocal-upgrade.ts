import { CLUSTER_DNS, corefile, dnsLab, NODE_DNS, podConf } from "../lab/dns.ts";
import { dnsObjects, manifests, service } from "../lab/cluster.ts";
import { createStory, time } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const SECOND = 1000;
/** The old pod ends and the new one listens: what a maintainer has measured. */
const GONE = { from: 10 * SECOND, to: 30 * SECOND };
const WATCHED = 45;
const OBJECTS = dnsObjects(manifests(service("shop/db", "10.96.3.4")));
const CACHE = `.:53 {\n    cache 30\n    forward . ${CLUSTER_DNS}\n}\n`;

async function upgrade(instances: number, nameservers: readonly string[]) {
  const lab = dnsLab();
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: corefile(), objects: OBJECTS }));
  const old = await lab.server(NODE_DNS, { corefile: CACHE });
  const fresh = await lab.server(NODE_DNS, { corefile: CACHE });
  lab.place(NODE_DNS, old, 0.1);
  // A second instance on the same address (SO_REUSEPORT) takes over before the first goes.
  lab.clock.at(GONE.from, () => lab.place(NODE_DNS, instances > 1 ? fresh : undefined, 0.1));
  lab.clock.at(GONE.to, () => lab.place(NODE_DNS, fresh, 0.1));
  const conf = podConf({ nameservers });
  return lab.run(async () => {
    const all = await Promise.all(
      Array.from({ length: WATCHED }, async (_, i) => {
        await lab.wait(i * SECOND);
        return (await lab.lookUp("db", conf)).result;
      }),
    );
    const hurt = all.flatMap(({ ms }, i) => (ms >= 1000 ? [i] : []));
    return {
      failed: all.filter(({ ok }) => !ok).length,
      slow: hurt.length,
      dark: hurt.length === 0 ? 0 : hurt.at(-1)! - hurt[0]! + 1,
      longest: Math.max(...all.map(({ ms }) => ms)),
    };
  });
}

export const nodelocalUpgrade: Exhibit = {
  id: "nodelocal-upgrade",
  title: "Twenty seconds without DNS, node by node",
  year: 2019,
  wing: "names",
  threads: [
    thread(
      "kubernetes/dns#310",
      "Safely updating nodelocaldns image tag",
      "an update takes DNS away from each node for around 20 seconds; there is one pod, and it owns the address",
    ),
    thread(
      "kubernetes/kops#14812",
      "NodeLocal DNS and rolling update on DaemonSet produce downtime for DNS",
      "5 to 10 s per node in which workloads cannot resolve",
    ),
    thread(
      "kubernetes-sigs/kubespray#8100",
      "nodelocaldns: allow a secondary pod for nodelocaldns for local-HA",
      "a second DaemonSet on the same port, by SO_REUSEPORT, keeps the address served",
    ),
  ],
  async run() {
    const story = createStory();
    const single = await upgrade(1, [NODE_DNS]);
    story.tell(
      `A pod looks up a Service every second; its only nameserver is ${NODE_DNS}, whose pod is replaced after 10 s`,
    );
    story.tell(
      `${single.slow} lookups are hurt, over ${single.dark} s: ${single.failed} fail, the longest takes ${time(single.longest)}`,
    );
    const second = await upgrade(1, [NODE_DNS, CLUSTER_DNS]);
    story.tell(
      `With the cluster DNS as second nameserver none fails (${second.failed}), but ${second.slow} take up to ${time(second.longest)}`,
    );
    const overlap = await upgrade(2, [NODE_DNS]);
    story.tell(`With two instances on one address, ended one after the other: ${overlap.slow} are hurt`);
    story.holds("lookups of some 20 s are hurt", single.dark >= 18 && single.dark <= 22);
    story.holds("some fail altogether", single.failed > 0);
    story.holds(
      "a second nameserver turns failures into waits of 5 s",
      second.failed === 0 && second.longest >= 5000,
    );
    story.holds("an overlap hurts nobody", overlap.slow === 0 && overlap.failed === 0);
    return story.end({
      broken: {
        on: "a DaemonSet of one node-cache, updated in place",
        what: `${single.failed} lookups fail and ${single.slow - single.failed} are slow, over ${single.dark} s`,
        facts: {
          failed: single.failed,
          slow: single.slow,
          dark_s: single.dark,
          longest_ms: single.longest,
          failed_with_second_nameserver: second.failed,
        },
      },
      mended: {
        on: "two instances on the same address, the new one up before the old one goes",
        what: `${overlap.failed} fail, the longest lookup takes ${time(overlap.longest)}`,
        facts: { failed: overlap.failed, slow: overlap.slow, longest_ms: overlap.longest },
      },
      lesson:
        "A cache on every node is a single point of failure on every node. Upgrade it with an overlap, or one node at a time behind a drain.",
    });
  },
};
