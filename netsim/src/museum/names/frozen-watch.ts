import { CLUSTER_DNS, corefile, dnsLab, podConf } from "../lab/dns.ts";
import { dnsObjects, manifests, service } from "../lab/cluster.ts";
import { createStory, time } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const HOUR = 3_600_000;
const BEFORE = service("shop/old", "10.96.1.1");
const MISSED = service("shop/cdi-upload", "10.96.2.2");
const AFTER = service("shop/new", "10.96.3.3");
const objects = (...parts: string[]) => dnsObjects(manifests(parts.join("")));

interface Look {
  readonly old: string;
  readonly missed: string;
  readonly newer: string;
}

/** The three Services' answers, an hour after the gap, by a server that knows `seen`. */
async function look(seen: readonly object[]): Promise<Look & { ms: number }> {
  const lab = dnsLab();
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: corefile(), objects: seen }));
  return lab.run(async () => {
    await lab.wait(HOUR);
    const ask = async (name: string) =>
      (await lab.lookUp(`${name}.shop.svc.cluster.local.`, podConf())).queries;
    const rcode = async (name: string) => (await ask(name))[0]?.answer ?? "";
    return {
      old: await rcode("old"),
      missed: await rcode("cdi-upload"),
      newer: await rcode("new"),
      ms: lab.clock.now(),
    };
  });
}

export const frozenWatch: Exhibit = {
  id: "frozen-watch",
  title: "The watch that lost a minute, and never knew",
  year: 2026,
  wing: "names",
  threads: [
    thread(
      "lf-edge/eve#6113",
      "EVE-K: CoreDNS serves stale Service records after multi-node cluster formation/failover (permanent NXDOMAIN)",
      "while the API server restarts the watch skips events: Services made in that window are NXDOMAIN until CoreDNS is restarted, those made before and after resolve; no error is logged",
    ),
    thread(
      "coredns/coredns#3879",
      "Data is not synced when CoreDNS reconnects to kubernetes api server after protracted disconnection",
      "after the connection is back, deleted Services are answered still",
    ),
  ],
  async run() {
    const story = createStory();
    story.tell("a Service is made before the API server's restart, one during it, one after it");
    // What the server knows: all events but those of the gap. Nothing lists again (resync is off).
    const gap = await look(objects(BEFORE, AFTER));
    story.tell(
      `an hour later the first is ${gap.old}, the third ${gap.newer}, and the second ${gap.missed}, with authority and without an error`,
    );
    const relisted = await look(objects(BEFORE, MISSED, AFTER));
    story.tell(`after a list of everything (a restart does one) the second is ${relisted.missed}`);
    story.holds("the Services before and after resolve", gap.old === "NOERROR" && gap.newer === "NOERROR");
    story.holds(
      "the one in between does not exist, not even an hour later",
      gap.missed === "NXDOMAIN" && gap.ms >= HOUR,
    );
    story.holds("it is no SERVFAIL: nothing tells that something is wrong", gap.missed !== "SERVFAIL");
    story.holds("a list heals it", relisted.missed === "NOERROR");
    return story.end({
      broken: {
        on: "a watch that goes on after a gap, without a list and without a look at how old its data is",
        what: `NXDOMAIN for a Service that has been there for ${time(gap.ms)}`,
        facts: { before: gap.old, in_the_gap: gap.missed, after: gap.newer, since_ms: gap.ms },
      },
      mended: {
        on: "a list after the gap: a restart, or a server that compares the version it has with the store's while it falls behind",
        what: "all three Services resolve",
        facts: { before: relisted.old, in_the_gap: relisted.missed, after: relisted.newer },
      },
      lesson:
        "A watch that stands still looks like a cluster in which nothing happens. A name server needs a clock for its own staleness, in its metrics and its readiness.",
    });
  },
};
