import { seededRandom } from "clusterdns";
import type { Tuple } from "../../conntrack/table.ts";
import { snat } from "../lab/snat.ts";
import { createStory, percent, time } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const NODE = "172.18.0.2";
const API = "192.0.2.80";
/** Ports that the node has in use towards the API when the story begins. */
const OLD = 6000;
/** Pods of the node that connect at the same instant, and how often. */
const AT_ONCE = 8;
const TIMES = 100;
/** Ephemeral ports of Linux. */
const EPHEMERAL = { first: 32_768, count: 28_232 };
/** Prime to the number of ports. */
const STRIDE = 141;
/** The first retransmission of a SYN, in ms (RFC 6298). */
const AGAIN = 1000;

const syn = (source: string, sourcePort: number): Tuple => ({
  protocol: "tcp",
  source,
  sourcePort,
  destination: API,
  destinationPort: 443,
});

function connects(isRandom: boolean) {
  const nat = snat(NODE, isRandom ? seededRandom(6) : undefined);
  for (let i = 0; i < OLD; i++) nat.together([syn("10.244.1.100", EPHEMERAL.first + i)], 0);
  let lost = 0;
  let again = 0;
  for (let i = 0; i < TIMES; i++) {
    // Each pod goes through the range in steps of its own: no pod uses a port twice.
    const all = Array.from({ length: AT_ONCE }, (_, pod) =>
      syn(`10.244.1.${pod + 1}`, EPHEMERAL.first + ((i * STRIDE + pod * 3001) % EPHEMERAL.count)),
    );
    const now = 1 + i / 100;
    const came = nat.together(all, now);
    const dropped = all.filter((_, k) => came[k] !== true);
    lost += dropped.length;
    // A second later each tries again, by itself.
    for (const one of dropped) if (nat.together([one], now + AGAIN / 1000)[0] !== true) again++;
  }
  return { lost, again };
}

export const snatRace: Exhibit = {
  id: "snat-race",
  title: "One second, three seconds: the SYN that masquerading drops",
  year: 2018,
  wing: "services",
  threads: [
    thread(
      "https://tech.xing.com/a-reason-for-unexplained-connection-timeouts-on-kubernetes-docker-abd041cf7e02",
      "A reason for unexplained connection timeouts on Kubernetes/Docker (XING, 2018)",
      "two connections to one destination are given the same source port, and the second is dropped (insert_failed); it comes through 1 or 3 s later",
    ),
    thread(
      "flannel-io/flannel#1040",
      "Use --random-fully when creating MASQ rules",
      "the workaround: choose ports at random",
    ),
    thread(
      "projectcalico/calico#2073",
      "support for NF_NAT_RANGE_PROTO_RANDOM_FULLY in SNAT rules",
      "simultaneous connections to one host and port are rejected",
    ),
  ],
  run() {
    const story = createStory();
    const all = AT_ONCE * TIMES;
    const plain = connects(false);
    story.tell(
      `${AT_ONCE} pods of a node connect to one API at the same instant, ${TIMES} times; ${OLD} of the node's ports lead there already`,
    );
    story.tell(
      `Whose own port is taken searches on from a shared position, and so do the others: ${plain.lost} of ${all} SYNs are dropped (${percent(plain.lost, all)} %)`,
    );
    story.tell(`Sent again after ${time(AGAIN)}, alone, ${plain.lost - plain.again} of them come through`);
    const random = connects(true);
    story.tell(`With ports by chance (--random-fully): ${random.lost} of ${all}`);
    story.holds("many packets are dropped at the same instant", percent(plain.lost, all) > 5);
    story.holds("each comes through when it is sent again by itself", plain.again === 0);
    story.holds("random ports make it a rarity", random.lost * 50 < plain.lost);
    return Promise.resolve(
      story.end({
        broken: {
          on: "MASQUERADE without --random-fully, kernels up to 5.0, many connections to one address and port",
          what: `${plain.lost} of ${all} connections wait for ${time(AGAIN)}: their SYN was dropped on the node itself`,
          facts: { connections: all, dropped: plain.lost, wait_ms: AGAIN },
        },
        mended: {
          on: "MASQUERADE --random-fully (iptables 1.6.2; kube-proxy, flannel and Calico use it)",
          what: `${random.lost} of ${all} are dropped`,
          facts: { connections: all, dropped: random.lost },
        },
        lesson:
          "Connection times of just over 1 s or 3 s are retransmissions. Before blaming the network look at insert_failed in conntrack -S: the packet never left.",
      }),
    );
  },
};
