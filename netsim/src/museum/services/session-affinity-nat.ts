import { seededRandom } from "clusterdns";
import { serviceProxy } from "../../service/index.ts";
import { packet } from "../../service/packet.ts";
import { chooser } from "../../service/spread.ts";
import { manifests, NODES, service, slice } from "../lab/cluster.ts";
import { createStory, percent } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const PODS = ["10.244.1.11", "10.244.1.12", "10.244.2.13", "10.244.2.14"];
const WEB = "10.96.5.5";
const CLIENTS = 600;

/** The busiest pod's share when each client, seen by its address, connects once. */
function busiest(affinity: string, addressOf: (client: number) => string) {
  const cluster = manifests(
    NODES + service("shop/web", WEB, { more: `  sessionAffinity: ${affinity}` }) + slice("shop/web", PODS),
  );
  const plane = serviceProxy(cluster, "node-1")!.plane("IPv4");
  const choose = chooser(seededRandom(9));
  const tally = new Map<string, number>();
  for (let i = 0; i < CLIENTS; i++) {
    const { destination } = plane.connect(packet(addressOf(i), WEB, 80, "TCP", 20_000 + i)!, {
      choose,
      now: i / 10,
    });
    tally.set(destination.address, (tally.get(destination.address) ?? 0) + 1);
  }
  return { percent: percent(Math.max(...tally.values()), CLIENTS), used: tally.size };
}

export const sessionAffinityNat: Exhibit = {
  id: "session-affinity-nat",
  title: "Hundreds of clients with one address",
  year: 2016,
  wing: "services",
  threads: [
    thread(
      "kubernetes/kubernetes#36415",
      "Service w/ sessionAffinity clientIp not respecting x-forwarded-for header",
      "behind a proxy the client is the proxy: kube-proxy sees addresses, not headers",
    ),
    thread(
      "kubernetes/kubernetes#43958",
      "SessionAffinity ClientIP mode may proxy all request from different client to same pod",
      "requests of different clients end at the same pod",
    ),
  ],
  run() {
    const story = createStory();
    const own = (i: number): string => `10.244.1.${20 + (i % 200)}`;
    const one = (): string => "10.244.1.99";
    const behind = busiest("ClientIP", one);
    story.tell(
      `${CLIENTS} clients come through a proxy pod, so with its address; the Service has ${PODS.length} pods and sessionAffinity: ClientIP`,
    );
    story.tell(
      `One pod gets ${behind.percent} % of the connections, ${PODS.length - behind.used} get nothing`,
    );
    const direct = busiest("ClientIP", own);
    const none = busiest("None", one);
    story.tell(
      `With addresses of their own the busiest pod gets ${direct.percent} %; through the proxy without affinity ${none.percent} %`,
    );
    story.holds("all of them end at one pod", behind.percent === 100 && behind.used === 1);
    story.holds(
      "clients with their own addresses are spread",
      direct.used === PODS.length && direct.percent < 40,
    );
    story.holds("so are all without affinity", none.used === PODS.length && none.percent < 40);
    return Promise.resolve(
      story.end({
        broken: {
          on: "sessionAffinity: ClientIP behind a proxy or a NAT",
          what: `one of ${PODS.length} pods gets ${behind.percent} %`,
          facts: { busiest_percent: behind.percent, pods_used: behind.used, pods: PODS.length },
        },
        mended: {
          on: "affinity where the client is known: cookies at the proxy; no ClientIP behind it",
          what: `the busiest gets ${none.percent} %`,
          facts: {
            busiest_percent: none.percent,
            pods_used: none.used,
            busiest_percent_direct: direct.percent,
          },
        },
        lesson: "ClientIP is the address of the last hop. Ask who that is before you stick to it.",
      }),
    );
  },
};
