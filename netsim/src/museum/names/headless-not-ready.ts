import { CLUSTER_DNS, corefile, dnsLab, OUTSIDE, podConf, worldOf } from "../lab/dns.ts";
import { dnsObjects, manifests, pod } from "../lab/cluster.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const PEERS = ["10.244.1.21", "10.244.1.22", "10.244.2.23"];
const ROUNDS = 10;

/** A StatefulSet's pods behind their headless Service; its endpoints are what the control plane makes of that. */
const objectsOf = (ready: ReadonlySet<string>, publish: boolean) =>
  dnsObjects(
    manifests(
      `
apiVersion: v1
kind: Service
metadata: { name: controller, namespace: shop }
spec:
  clusterIP: None
  publishNotReadyAddresses: ${publish}
  selector: { app: controller }
  ports: [{ port: 18300 }]
---` +
        PEERS.map((ip, n) =>
          pod(`shop/controller-${n}`, ip, { labels: "app: controller", port: 18300, ready: ready.has(ip) }),
        ).join(""),
    ),
  );

/** Every 10 s each pod looks for its peers; who finds one joins, and becomes ready. */
async function bootstrap(publish: boolean) {
  const ready = new Set<string>();
  let rounds = 0;
  let answer = "";
  while (rounds < ROUNDS && ready.size < PEERS.length) {
    rounds++;
    const lab = dnsLab();
    lab.place(OUTSIDE, worldOf("www.example.com. 60 A 192.0.2.1"));
    lab.place(
      CLUSTER_DNS,
      await lab.server(CLUSTER_DNS, { corefile: corefile(), objects: objectsOf(ready, publish) }),
    );
    const found = await lab.run(() =>
      Promise.all(
        PEERS.map(async (from) => (await lab.lookUp("controller", podConf(), { from })).queries[0]),
      ),
    );
    answer = found[0]?.answer ?? "";
    for (const [i, query] of found.entries()) if (query?.answer === "NOERROR") ready.add(PEERS[i]!);
  }
  return { ready: ready.size, rounds, answer };
}

export const headlessNotReady: Exhibit = {
  id: "headless-not-ready",
  title: "Ready when it has found its peers, found when it is ready",
  year: 2017,
  wing: "names",
  threads: [
    thread(
      "kubernetes/kubernetes#39363",
      "StatefulSet should allow optional burst mode (don't wait for readiness)",
      "members have no DNS names until they pass their readiness check, though they need them to register with one another before",
    ),
    thread(
      "neuvector/neuvector-helm#642",
      "controller: publish not-ready addresses on the headless service",
      "after both nodes restarted the controllers looked for one another for 2 days and 7 hours, 6470 times",
    ),
    thread(
      "kubernetes/kubernetes#66234",
      "PODs are not visible with DNS name to other POD when they are in NotReady State",
      "names of a StatefulSet's pods appear only when they are ready",
    ),
  ],
  async run() {
    const story = createStory();
    const stuck = await bootstrap(false);
    story.tell(
      `Three pods of a StatefulSet look for one another by the headless Service's name; none is ready yet`,
    );
    story.tell(
      `After ${stuck.rounds} rounds the answer is still ${stuck.answer}, and ${stuck.ready} of ${PEERS.length} are ready`,
    );
    const free = await bootstrap(true);
    story.tell(
      `With publishNotReadyAddresses the first round answers ${free.answer}: ${free.ready} are ready`,
    );
    story.holds(
      "nobody becomes ready, however long it goes on",
      stuck.ready === 0 && stuck.rounds === ROUNDS,
    );
    story.holds(
      "with the addresses published one round is enough",
      free.ready === PEERS.length && free.rounds === 1,
    );
    return story.end({
      broken: {
        on: "a headless Service for discovery, readiness that needs the peers",
        what: `${stuck.ready} of ${PEERS.length} pods ready after ${stuck.rounds} rounds`,
        facts: { ready: stuck.ready, rounds: stuck.rounds, answer: stuck.answer },
      },
      mended: {
        on: "publishNotReadyAddresses: true on the Service for discovery (another one for clients)",
        what: `${free.ready} pods ready after ${free.rounds} round`,
        facts: { ready: free.ready, rounds: free.rounds, answer: free.answer },
      },
      lesson:
        "DNS of a Service says who can serve, not who is there. Discovery among members needs the latter.",
    });
  },
};
