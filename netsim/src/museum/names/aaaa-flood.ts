import { CLUSTER_DNS, corefile, dnsLab, OUTSIDE, podConf, worldOf, type Host } from "../lab/dns.ts";
import { createStory, percent } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const NAMES = Array.from({ length: 50 }, (_, i) => `host-${i}.internal`);
const RECORDS = NAMES.map((name, i) => `${name}. 60 A 192.0.2.${i + 1}`).join("\n");
/** The resolver at home answers AAAA for its own names with SERVFAIL, as some do. */
const SERVFAIL = 2;

async function day(more: string) {
  const lab = dnsLab();
  const honest = worldOf(RECORDS);
  let aaaa = 0;
  const upstream: Host = async (message, from) => {
    const reply = await honest(message, from);
    const isAaaa = lab.arrived.at(-1)?.type === "AAAA";
    if (!isAaaa || reply === undefined) return reply;
    aaaa++;
    const broken = Buffer.from(reply);
    broken[3] = (broken[3]! & 0xf0) | SERVFAIL;
    return broken;
  };
  lab.place(OUTSIDE, upstream, 5);
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: corefile(more) }));
  return lab.run(async () => {
    let servfail = 0;
    let failed = 0;
    for (const name of NAMES) {
      const { queries, result } = await lab.lookUp(`${name}.`, podConf(), { resolver: "musl" });
      servfail += queries.filter(({ answer }) => answer === "SERVFAIL").length;
      if (!result.ok) failed++;
    }
    const asked = lab.arrived.filter(({ at }) => at === CLUSTER_DNS);
    const outside = lab.arrived.filter(({ at }) => at === OUTSIDE);
    return {
      asked: asked.length,
      aaaaShare: percent(asked.filter(({ type }) => type === "AAAA").length, asked.length),
      outside: outside.length,
      aaaa,
      servfail,
      failed,
    };
  });
}

export const aaaaFlood: Exhibit = {
  id: "aaaa-flood",
  title: "Half of all queries are for addresses that nobody can reach",
  year: 2026,
  wing: "names",
  threads: [
    thread(
      "onedr0p/home-ops#11428",
      "feat(kube-system): tune coredns for ipv4-only cluster",
      "49.6 % of all queries of an IPv4 cluster are AAAA, and 75 of its 93 SERVFAILs",
    ),
    thread(
      "blackjid/home-ops#6217",
      "fix(coredns): answer AAAA with NODATA on an IPv4-only cluster",
      "pods without IPv6 are given IPv6 addresses, and connections fail with network unreachable",
    ),
  ],
  async run() {
    const story = createStory();
    const flood = await day("cache 30");
    story.tell(
      `Pods of an IPv4 cluster look up ${NAMES.length} outside names: ${flood.asked} queries, ${flood.aaaaShare} % of them AAAA, ${flood.aaaa} of those go upstream`,
    );
    story.tell(
      `The upstream cannot do AAAA for its own names: the pods get ${flood.servfail} SERVFAIL, and ${flood.failed} lookups fail in musl`,
    );
    const quiet = await day("cache 30\n    family ipv4");
    story.tell(
      `With family ipv4 the server answers them itself, without data: ${quiet.aaaa} AAAA upstream, ${quiet.servfail} SERVFAIL, ${quiet.failed} failures`,
    );
    story.holds("half of the queries are AAAA", Math.abs(flood.aaaaShare - 50) < 1);
    story.holds("SERVFAIL comes of AAAA alone, and fails lookups", flood.servfail > 0 && flood.failed > 0);
    story.holds(
      "upstream is spared all of them",
      quiet.aaaa === 0 && quiet.outside * 2 <= flood.outside && quiet.failed === 0,
    );
    return story.end({
      broken: {
        on: "an IPv4 cluster whose DNS forwards AAAA like anything else",
        what: `${flood.aaaaShare} % of the queries are AAAA; ${flood.servfail} SERVFAIL, ${flood.failed} of ${NAMES.length} lookups fail`,
        facts: {
          aaaa_percent: flood.aaaaShare,
          aaaa_upstream: flood.aaaa,
          servfail: flood.servfail,
          failed_lookups: flood.failed,
        },
      },
      mended: {
        on: "family ipv4 (clusterdns), or a template that answers AAAA with NOERROR and no records",
        what: `${quiet.aaaa} AAAA go upstream, ${quiet.servfail} SERVFAIL, ${quiet.failed} lookups fail`,
        facts: { aaaa_upstream: quiet.aaaa, servfail: quiet.servfail, failed_lookups: quiet.failed },
      },
      lesson:
        "A cluster knows which address families it has; its DNS can say NODATA at once instead of asking the world for what no pod can use.",
    });
  },
};
