import { seededRandom, type Sent } from "clusterdns";
import { raceLookups, type RaceOptions } from "../../conntrack/race.ts";
import { CLUSTER_DNS, corefile, dnsLab, podConf } from "../lab/dns.ts";
import { dnsObjects, manifests, service } from "../lab/cluster.ts";
import { createStory, time } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const LOOKUPS = 120;
/** How often A and AAAA, sent at once from one socket, pass the table side by side. */
const OVERLAP = 0.1;
const CLUSTER = service("shop/db", "10.96.3.4");

interface World extends Omit<RaceOptions, "overlap"> {
  readonly options: string;
}

/** The times of many lookups of one Service, in ms. */
async function waits({ options, ...race }: World): Promise<number[]> {
  const lab = dnsLab();
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: corefile(), objects: OBJECTS }));
  const fates = raceLookups(LOOKUPS, { ...race, overlap: OVERLAP }, seededRandom(11));
  const conf = podConf({ options });
  return lab.run(() =>
    Promise.all(
      fates.map(async ({ second }, i) => {
        await lab.wait(i * 10);
        let sent = 0;
        // The packet that comes second into the table is dropped; what is sent again finds the entry of the first.
        const fate = (_: Sent) => (++sent === 2 && second === undefined ? "lost" : "passes");
        return (await lab.lookUp("db", conf, { fate })).result.ms;
      }),
    ),
  );
}

const OBJECTS = dnsObjects(manifests(CLUSTER));
const slow = (all: readonly number[]): number => all.filter((ms) => ms >= 5000).length;

export const fiveSeconds: Exhibit = {
  id: "five-seconds",
  title: "The lookups that take five seconds",
  year: 2017,
  wing: "names",
  threads: [
    thread(
      "kubernetes/kubernetes#56903",
      "DNS intermittent delays of 5s",
      "A and AAAA leave one socket at once, both are translated to the DNS Service before either is in the connection table, and one is dropped",
    ),
    thread(
      "flannel-io/flannel#1004",
      "Feature Request: Set NF_NAT_RANGE_PROTO_RANDOM_FULLY flag on masquerading rules",
      "one lookup out of 50 or 100 takes 5 s, to whatever Service",
    ),
  ],
  async run() {
    const story = createStory();
    const old = { kernel: "4.14", endpoints: 2, options: "ndots:5" };
    const before = await waits(old);
    story.tell(
      `A pod looks up a Service of its own cluster ${LOOKUPS} times on kernel 4.14; where A and AAAA race, the second packet is dropped in silence`,
    );
    story.tell(
      `${slow(before)} lookups take ${time(Math.max(...before))}: glibc sends again only after its timeout; the others take ${time(Math.min(...before))}`,
    );
    const newer = await waits({ ...old, kernel: "4.19" });
    story.tell(
      `Kernel 4.19 saves the second packet where both were translated alike: with two DNS pods ${slow(newer)} lookups are slow still`,
    );
    const reopened = await waits({ ...old, separate: true, options: "ndots:5 single-request-reopen" });
    const local = await waits({ ...old, translated: false });
    const kernel = await waits({ ...old, kernel: "5.6" });
    story.tell(
      `None is slow with single-request-reopen (${slow(reopened)}), without translation as with a node-local cache (${slow(local)}), on kernel 5.6 (${slow(kernel)})`,
    );

    story.holds("some lookups wait for the resolver's timeout of 5 s", slow(before) > 0);
    story.holds(
      "nothing is in between: a lookup is quick, or takes 5 s",
      before.every((ms) => ms < 100 || (ms >= 5000 && ms < 5100)),
    );
    story.holds("4.19 helps half of them, with two endpoints", slow(newer) > 0 && slow(newer) < slow(before));
    story.holds("each remedy helps all of them", slow(reopened) + slow(local) + slow(kernel) === 0);
    return story.end({
      broken: {
        on: "kernels before 5.6, DNS through a Service's cluster IP, a resolver that sends A and AAAA from one socket",
        what: `${slow(before)} of ${LOOKUPS} lookups take ${time(Math.max(...before))}`,
        facts: {
          lookups: LOOKUPS,
          slow: slow(before),
          slow_on_4_19: slow(newer),
          longest_ms: Math.max(...before),
        },
      },
      mended: {
        on: "a node-local cache (no translation), or kernel 5.6, or single-request-reopen in dnsConfig",
        what: `${slow(local)} of ${LOOKUPS} lookups are slow, the longest takes ${time(Math.max(...local))}`,
        facts: {
          lookups: LOOKUPS,
          slow_without_translation: slow(local),
          slow_with_reopen: slow(reopened),
          slow_on_5_6: slow(kernel),
          longest_ms: Math.max(...local),
        },
      },
      lesson:
        "Waits of exactly 5 s are a resolver's timeout: a packet is lost, not slow. Whatever takes the translation out of the way of DNS takes the race away.",
    });
  },
};
