import { conntrackTable, type Tuple } from "../../conntrack/table.ts";
import { serviceProxy } from "../../service/index.ts";
import { packet, type DataPlane } from "../../service/packet.ts";
import { manifests, NODES, service, slice } from "../lab/cluster.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const STATSD = "10.96.8.125";
const DEAD = "10.244.2.9";
const SENDERS = 5;
/** Seconds. */
const EVERY = 20;
const SCALED_DOWN = 60;
const HOURS = 13;

const rules = (endpoints: readonly string[]): DataPlane =>
  serviceProxy(
    manifests(
      NODES +
        service("shop/statsd", STATSD, { port: 8125, targetPort: 8125, protocol: "UDP" }) +
        slice("shop/statsd", endpoints, { port: 8125, protocol: "UDP" }),
    ),
    "node-1",
  )!.plane("IPv4");

/** Senders that never expect an answer, from before the Service has no endpoints until hours later. */
function senders(flushes: boolean) {
  const table = conntrackTable({ max: 131_072 });
  const [before, after] = [rules([DEAD]), rules([])];
  const tally = { delivered: 0, toTheDead: 0, rejected: 0 };
  let isFlushed = false;
  for (let now = 0; now < HOURS * 3600; now += EVERY) {
    const isGone = now >= SCALED_DOWN;
    if (isGone && flushes && !isFlushed) {
      table.flush(({ reply }) => reply.source === DEAD);
      isFlushed = true;
    }
    for (let i = 0; i < SENDERS; i++) {
      const source = `10.244.1.${50 + i}`;
      const sent: Tuple = {
        protocol: "udp",
        source,
        sourcePort: 40_000,
        destination: STATSD,
        destinationPort: 8125,
      };
      // An entry decides alone: rules are for first packets.
      if (table.find(sent, now) === undefined) {
        const plane = isGone ? after : before;
        const first = plane.connect(packet(source, STATSD, 8125, "UDP", 40_000)!, { choose: () => 0, now });
        if (first.verdict === "rejected") {
          tally.rejected++;
          continue;
        }
        const { address, port } = first.destination;
        table.packet(sent, now, "data", {
          protocol: "udp",
          source: address,
          sourcePort: port,
          destination: source,
          destinationPort: 40_000,
        });
      } else table.packet(sent, now);
      if (isGone) tally.toTheDead++;
      else tally.delivered++;
    }
  }
  return tally;
}

export const udpZeroEndpoints: Exhibit = {
  id: "udp-zero-endpoints",
  title: "Thirteen hours of packets for a pod that is gone",
  year: 2026,
  wing: "services",
  threads: [
    thread(
      "kubernetes/kubernetes#139628",
      "kube-proxy: stale UDP conntrack entries are never cleaned up when a service scales down to zero endpoints",
      "statsd senders refresh their entries' 30 s with every packet; 64,000 packets a second went to a deleted pod's address for 13 hours, past the REJECT rule",
    ),
    thread(
      "kubernetes/kubernetes#48370",
      "Services (kube-proxy): conntrack for UDP needs to be flushed when set of endpoints goes from empty to non-empty",
      "the same trap the other way round, in 2017",
    ),
  ],
  run() {
    const story = createStory();
    const stuck = senders(false);
    story.tell(
      `${SENDERS} senders write to a statsd Service every ${EVERY} s, from one socket each; after a minute it is scaled to zero`,
    );
    story.tell(
      `The rules now reject the Service's address, but ${stuck.rejected} packets meet them: the entry's ${stuck.toTheDead} packets in ${HOURS} hours go to ${DEAD}, which is gone`,
    );
    const flushed = senders(true);
    story.tell(
      `With the entries deleted at that moment ${flushed.toTheDead} do, and ${flushed.rejected} are rejected: the senders hear of it`,
    );
    story.holds("packets reach the pod before", stuck.delivered > 0);
    story.holds(
      "for 13 hours not one packet is rejected",
      stuck.rejected === 0 && stuck.toTheDead === SENDERS * ((HOURS * 3600 - SCALED_DOWN) / EVERY),
    );
    story.holds(
      "with the entries deleted all are",
      flushed.toTheDead === 0 && flushed.rejected === stuck.toTheDead,
    );
    return Promise.resolve(
      story.end({
        broken: {
          on: "kube-proxy since 1.32 until that was mended, which leaves the entries of Services without endpoints alone; one-way UDP",
          what: `${stuck.toTheDead} packets in ${HOURS} h go to an address that nobody has, ${stuck.rejected} are rejected`,
          facts: { hours: HOURS, to_the_dead: stuck.toTheDead, rejected: stuck.rejected },
        },
        mended: {
          on: "entries deleted when the last endpoint goes (kube-proxy up to 1.31, and since kubernetes#139629)",
          what: `${flushed.toTheDead} go there, ${flushed.rejected} are rejected`,
          facts: { to_the_dead: flushed.toTheDead, rejected: flushed.rejected },
        },
        lesson:
          "For UDP a connection lasts as long as somebody talks. Rules change nothing for whoever is in the table; only deleting the entry does.",
      }),
    );
  },
};
