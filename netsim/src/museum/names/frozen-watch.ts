import { CLUSTER_DNS, corefile, dnsLab, podConf } from "../lab/dns.ts";
import { dnsObjects, manifests, service } from "../lab/cluster.ts";
import { watched, type WatchOptions } from "../lab/watch.ts";
import { createStory, time } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const HOUR = 3_600_000;
const SERVICES = ["before", "during", "after"] as const;
const SHOP = { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } };
/** What the API server has stored, one Service after the other. */
const CHANGES = SERVICES.flatMap((name, i) =>
  dnsObjects(manifests(service(`shop/${name}`, `10.96.1.${i + 1}`)))
    .filter((object) => (object as { kind?: string }).kind === "Service")
    .map((object) => ({ version: i + 1, object })),
);
const NEWEST = CHANGES.length;

/** The three Services' answers, an hour after the restart, by a server that has watched so. */
async function look(options: WatchOptions) {
  const { objects, version } = watched(CHANGES, options);
  const lab = dnsLab();
  const server = await lab.server(CLUSTER_DNS, { corefile: corefile(), objects: [SHOP, ...objects] });
  lab.place(CLUSTER_DNS, server);
  return lab.run(async () => {
    await lab.wait(HOUR);
    const answers: string[] = [];
    for (const name of SERVICES) {
      const { queries } = await lab.lookUp(`${name}.shop.svc.cluster.local.`, podConf());
      answers.push(queries[0]?.answer ?? "");
    }
    return { answers, version, ms: lab.clock.now() };
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
    story.tell("A Service is made before the API server restarts, one while it does, one afterwards");
    const gap = await look({ lost: [2], relists: false });
    story.tell(
      `The watch is taken up behind the gap. It has reached version ${gap.version} of ${NEWEST}: nothing looks out of date`,
    );
    story.tell(
      `An hour later the three are ${gap.answers.join(", ")}: the one in the middle does not exist, says an authority, without an error`,
    );
    const relisted = await look({ lost: [2], relists: true });
    story.tell(`With a list after the interruption they are ${relisted.answers.join(", ")}`);
    story.holds(
      "the Services before and after resolve",
      gap.answers[0] === "NOERROR" && gap.answers[2] === "NOERROR",
    );
    story.holds(
      "the one in between does not exist, not even an hour later",
      gap.answers[1] === "NXDOMAIN" && gap.ms >= HOUR,
    );
    story.holds("the version that was reached does not tell", gap.version === NEWEST);
    story.holds(
      "a list heals it",
      relisted.answers.every((answer) => answer === "NOERROR"),
    );
    return story.end({
      broken: {
        on: "a watch that goes on after an interruption without a list (CoreDNS: no resync)",
        what: `NXDOMAIN for a Service that has been there for ${time(gap.ms)}`,
        facts: {
          before: gap.answers[0] ?? "",
          in_the_gap: gap.answers[1] ?? "",
          after: gap.answers[2] ?? "",
          since_ms: Math.round(gap.ms),
          version_reached: gap.version,
          version_newest: NEWEST,
        },
      },
      mended: {
        on: "a list after each interruption; a restart is one. A server that compares its version with the store's while it lags behind knows when",
        what: "all three Services resolve",
        facts: {
          before: relisted.answers[0] ?? "",
          in_the_gap: relisted.answers[1] ?? "",
          after: relisted.answers[2] ?? "",
        },
      },
      lesson:
        "A watch that stands still looks like a cluster in which nothing happens. A name server needs a clock for its own staleness, in its metrics and its readiness.",
    });
  },
};
