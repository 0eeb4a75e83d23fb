import { seededRandom } from "clusterdns";
import { serviceProxy } from "../../service/index.ts";
import { packet, type DataPlane } from "../../service/packet.ts";
import { chooser } from "../../service/spread.ts";
import { CLUSTER_DNS, corefile, dnsLab, podConf } from "../lab/dns.ts";
import { dnsObjects, manifests, NODES, service, slice } from "../lab/cluster.ts";
import { createStory, time } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const OLD = "10.244.1.2";
const OTHER = "10.244.2.2";
const FRESH = "10.244.1.3";
const POD = "10.244.1.7";
/** When the pod is told to stop, and how long kube-proxy's rules send to it afterwards: 1 to 10 s are usual. */
const TOLD = 2000;
const LAG = 3000;
const LOOKUPS = 160;
const EVERY = 50;
const DB = service("shop/db", "10.96.3.4");

const dns = (endpoints: readonly string[]): string =>
  NODES +
  service("kube-system/kube-dns", CLUSTER_DNS, { port: 53, targetPort: 53, protocol: "UDP" }) +
  slice("kube-system/kube-dns", endpoints, { port: 53, protocol: "UDP" });

const rules = (endpoints: readonly string[]): DataPlane =>
  serviceProxy(manifests(dns(endpoints)), "node-1")!.plane("IPv4");

async function rollout(lameduck: number) {
  const lab = dnsLab();
  const objects = dnsObjects(manifests(DB));
  for (const address of [OLD, OTHER, FRESH])
    lab.place(address, await lab.server(address, { corefile: corefile(), objects }), 1);
  const [before, after] = [rules([OLD, OTHER]), rules([OTHER, FRESH])];
  const choose = chooser(seededRandom(3));
  /** Entries of the node's table: what leaves a port once leaves it for the same pod again. */
  const entries = new Map<number, string>();
  lab.clock.at(TOLD + LAG, () => {
    for (const [port, to] of entries) if (to === OLD) entries.delete(port);
  });
  lab.place(
    CLUSTER_DNS,
    (message, from) => {
      const now = lab.clock.now();
      const plane = now < TOLD + LAG ? before : after;
      const first = packet(POD, CLUSTER_DNS, 53, "UDP", from.port)!;
      const to =
        entries.get(from.port) ?? plane.connect(first, { choose, now: now / 1000 }).destination.address;
      entries.set(from.port, to);
      return lab.ask(message, to, from);
    },
    0,
  );
  lab.clock.at(TOLD + lameduck, () => lab.place(OLD, undefined));
  return lab.run(async () => {
    const waits = await Promise.all(
      Array.from({ length: LOOKUPS }, async (_, i) => {
        await lab.wait(i * EVERY);
        return (await lab.lookUp("db", podConf())).result;
      }),
    );
    return {
      slow: waits.filter(({ ms }) => ms >= 5000).length,
      longest: Math.max(...waits.map(({ ms }) => ms)),
    };
  });
}

export const rolloutLost: Exhibit = {
  id: "rollout-lost",
  title: "CoreDNS goes before the rules that lead to it",
  year: 2019,
  wing: "names",
  threads: [
    thread(
      "coredns/deployment#199",
      "Add lameduck to recommend Kubernetes deployment configuration",
      "lookups fail in every rollout; a lameduck of 5 to 10 s takes most of them away",
    ),
    thread(
      "coredns/coredns#5834",
      "Query timeouts on server shutdown",
      "clients time out while pods are replaced, lameduck or not, and still in 2023",
    ),
    thread(
      "aws/aws-eks-best-practices#314",
      "Add CoreDNS lameduck duration",
      "new endpoints take 1 to 10 s to reach every node's rules: 30 s are advised",
    ),
  ],
  async run() {
    const story = createStory();
    const none = await rollout(0);
    story.tell(
      `One of two DNS pods stops; for ${time(LAG)} the node's rules send half of the queries to where it was`,
    );
    story.tell(`${none.slow} of ${LOOKUPS} lookups wait for ${time(none.longest)}`);
    const short = await rollout(1000);
    const long = await rollout(LAG + 2000);
    story.tell(
      `With lameduck 1s ${short.slow} still do; with lameduck 5s, longer than the rules take, ${long.slow}`,
    );
    story.holds("queries are lost while the rules are behind", none.slow > 0 && none.longest >= 5000);
    story.holds("less with a lameduck that is too short", short.slow > 0 && short.slow < none.slow);
    story.holds("none with one that outlasts the rules", long.slow === 0);
    return story.end({
      broken: {
        on: "a CoreDNS that exits on SIGTERM, rules that follow 3 s later",
        what: `${none.slow} of ${LOOKUPS} lookups take ${time(none.longest)}`,
        facts: { slow: none.slow, slow_with_1s: short.slow, longest_ms: none.longest, lag_ms: LAG },
      },
      mended: {
        on: "health { lameduck 5s } or more: not ready at once, serving until the rules are gone",
        what: `${long.slow} of ${LOOKUPS} lookups are slow`,
        facts: { slow: long.slow, longest_ms: long.longest },
      },
      lesson:
        "A pod that stops must serve for longer than the slowest node takes to hear of it. That time is not the pod's to know: choose it generously.",
    });
  },
};
