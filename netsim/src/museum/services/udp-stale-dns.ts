import { conntrackTable, mirror, type Tuple } from "../../conntrack/table.ts";
import { count, createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const DNS = "10.96.0.10";
const OLD = "10.244.2.2";
const FRESH = "10.244.2.8";
const CLIENT = "10.244.1.7";
/** Seconds. */
const REPLACED = 60;
const WATCHED = 1800;

/** A client with one socket for all its questions; whether each was answered. */
function client(options: {
  readonly every: number;
  readonly pauseAfter?: number;
  readonly flushed?: number;
}) {
  const { every, pauseAfter = Infinity, flushed = Infinity } = options;
  const table = conntrackTable({ max: 131_072 });
  const query: Tuple = {
    protocol: "udp",
    source: CLIENT,
    sourcePort: 34_567,
    destination: DNS,
    destinationPort: 53,
  };
  let lost = 0;
  let answered = 0;
  let lastLost = REPLACED;
  let isFlushed = false;
  for (let now = 0; now < WATCHED; now += every) {
    // Some clients give up for a while: longer than the table remembers a stream.
    if (now >= REPLACED + pauseAfter && now < REPLACED + pauseAfter + 130) continue;
    if (now >= flushed && !isFlushed) {
      isFlushed = true;
      table.flush(({ reply }) => reply.source === OLD);
    }
    const server = now < REPLACED ? OLD : FRESH;
    const reply: Tuple = { ...mirror(query), source: server };
    if (table.find(query, now) === undefined) table.packet(query, now, "data", reply);
    else table.packet(query, now);
    const to = table.find(query, now)?.reply.source;
    if (to === server) {
      table.packet({ ...mirror(query), source: server }, now);
      answered++;
    } else {
      lost++;
      lastLost = now;
    }
  }
  return { lost, answered, dark: lost === 0 ? 0 : lastLost + every - REPLACED };
}

export const udpStaleDns: Exhibit = {
  id: "udp-stale-dns",
  title: "The client that asks a dead DNS pod for as long as it asks",
  year: 2020,
  wing: "services",
  threads: [
    thread(
      "https://medium.com/preply-engineering/dns-postmortem-e169efd45afd",
      "DNS issues in Kubernetes. Public postmortem #1 (Preply, February 2020)",
      "kube-proxy did not delete an old row of the conntrack table: 26 minutes of partial DNS outage",
    ),
    thread(
      "kubernetes/kubernetes#125467",
      "Conntrack tables having stale entries for UDP connection",
      "clients that keep their source port and retry within 120 s never leave the entry of the pod that is gone",
    ),
  ],
  run() {
    const story = createStory();
    const steady = client({ every: 5 });
    story.tell(
      `A proxy asks for names every 5 s from one socket; after ${REPLACED} s the DNS pod is replaced, and its entry stays`,
    );
    story.tell(
      `Half an hour later it still asks ${OLD}: ${steady.lost} questions lost, ${count(steady.dark, "second")} dark, and no end`,
    );
    const patient = client({ every: 5, pauseAfter: 60 });
    story.tell(
      `One that gives up after ${patient.dark} s and pauses for 130, longer than a UDP stream is remembered (120 s), is free: ${patient.answered} answers instead of ${steady.answered}`,
    );
    const flushed = client({ every: 5, flushed: REPLACED + 1 });
    story.tell(`With the entry deleted by kube-proxy: ${count(flushed.lost, "question")} lost`);
    story.holds("a client that keeps asking never recovers", steady.dark >= WATCHED - REPLACED - 5);
    story.holds(
      "one that falls silent for two minutes does",
      patient.dark <= 60 && patient.answered > steady.answered,
    );
    story.holds("deleting the entry is enough", flushed.lost <= 1);
    return Promise.resolve(
      story.end({
        broken: {
          on: "a stale entry that kube-proxy missed, a client with one UDP socket (envoy, nginx, some JVMs)",
          what: `${steady.lost} questions lost in ${WATCHED - REPLACED} s, and no end`,
          facts: { lost: steady.lost, dark_s: steady.dark, dark_s_with_a_pause: patient.dark },
        },
        mended: {
          on: "the entry deleted (conntrack -D, a kube-proxy that reconciles), or a socket for each question",
          what: `${count(flushed.lost, "question")} lost`,
          facts: { lost: flushed.lost, dark_s: flushed.dark },
        },
        lesson:
          "A retry from the same port is a retry to the same pod. Where UDP clients hang after a rollout and a restart of the client helps, look into conntrack -L.",
      }),
    );
  },
};
