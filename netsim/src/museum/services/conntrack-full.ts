import { conntrackTable, mirror, type Tuple } from "../../conntrack/table.ts";
import { conntrackMax, KUBE_PROXY_TIMEOUTS, sustainableRate } from "../../conntrack/timeouts.ts";
import { createStory, percent } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

/** Connections that nobody closes, and DNS questions: per second. */
const LEAKED = 300;
const QUESTIONS = 20;
const SECONDS = 45;
const SMALL = 8192;

const tuple = (
  protocol: "tcp" | "udp",
  source: string,
  sourcePort: number,
  destinationPort: number,
): Tuple => ({
  protocol,
  source,
  sourcePort,
  destination: protocol === "tcp" ? "10.96.4.4" : "10.96.0.10",
  destinationPort,
});

function node(max: number) {
  const table = conntrackTable({ max });
  let full = 0;
  let asked = 0;
  let dropped = 0;
  for (let now = 0; now < SECONDS; now++) {
    for (let i = 0; i < LEAKED; i++) {
      const n = now * LEAKED + i;
      const syn = tuple("tcp", `10.244.1.${n % 100}`, 20_000 + Math.floor(n / 100), 5432);
      if (table.packet(syn, now, "syn") === "dropped") continue;
      table.packet(mirror(syn), now, "syn");
      table.packet(syn, now);
    }
    for (let i = 0; i < QUESTIONS; i++) {
      asked++;
      const question = tuple("udp", "10.244.1.200", 20_000 + now * QUESTIONS + i, 53);
      if (table.packet(question, now) === "dropped") dropped++;
    }
    if (full === 0 && dropped > 0) full = now;
  }
  return { full, asked, dropped, count: table.count(SECONDS) };
}

export const conntrackFull: Exhibit = {
  id: "conntrack-full",
  title: "nf_conntrack: table full, dropping packet",
  year: 2015,
  wing: "services",
  threads: [
    thread(
      "kubernetes/kubernetes#18604",
      "kube-proxy: increase conntrack limits, decrease timeouts",
      "packets and connections are dropped when the table is full; its size and its timeouts are the kernel's defaults",
    ),
    thread(
      "kubernetes/kubernetes#71261",
      "nf_conntrack: table full, dropping packet",
      "health checks fail and pods restart until nf_conntrack_max is raised",
    ),
    thread(
      "zalando-incubator/kubernetes-on-aws#1244",
      "Increase the conntrack size to reduce chances of DNS packet loss",
      "one noisy pod fills the node's table; with a CoreDNS pod on the node the whole cluster suffers",
    ),
  ],
  run() {
    const story = createStory();
    const small = node(SMALL);
    story.tell(
      `A pod opens ${LEAKED} connections a second and closes none; each stays ${KUBE_PROXY_TIMEOUTS.tcp.ESTABLISHED} s in the node's table of ${SMALL}`,
    );
    story.tell(
      `After ${small.full} s it is full of established connections, which are never dropped early; from then on ${small.dropped} of ${small.asked} DNS questions of other pods are dropped`,
    );
    const max = conntrackMax(1);
    const large = node(max);
    story.tell(
      `Kube-proxy's own minimum is ${max}: ${large.dropped} dropped in the same time, ${large.count} entries`,
    );
    const rate = Math.floor(sustainableRate(SMALL, 86_400) * 3600);
    story.tell(
      `But what lasts a day may come at ${rate} an hour only, for a table of ${SMALL}: size buys time`,
    );
    story.holds(
      "the table fills, and others' packets are dropped",
      small.dropped > 0 && small.count === SMALL,
    );
    story.holds(
      "it takes as long as the arithmetic says",
      Math.abs(small.full - SMALL / (LEAKED + QUESTIONS)) <= 2,
    );
    story.holds("a larger table has room in the same time", large.dropped === 0);
    return Promise.resolve(
      story.end({
        broken: {
          on: `nf_conntrack_max ${SMALL}, a workload that leaks connections`,
          what: `${small.dropped} of ${small.asked} DNS packets dropped (${percent(small.dropped, small.asked)} %), since second ${small.full}`,
          facts: { max: SMALL, full_after_s: small.full, dns_dropped: small.dropped, dns_asked: small.asked },
        },
        mended: {
          on: `nf_conntrack_max ${max}, as kube-proxy sets it (--conntrack-min)`,
          what: `${large.dropped} dropped`,
          facts: { max, dns_dropped: large.dropped, entries: large.count },
        },
        lesson:
          "The table is the node's: one pod's connections are everybody's packet loss. Watch its fill level, and keep DNS out of it (NOTRACK, as node-local caches do).",
      }),
    );
  },
};
