import { CLUSTER_DNS, corefile, dnsLab, OUTSIDE, podConf, worldOf } from "../lab/dns.ts";
import { dnsObjects, manifests, service } from "../lab/cluster.ts";
import { createStory, time } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const OBJECTS = dnsObjects(manifests(service("shop/db", "10.96.3.4")));
const template = (last: string): string =>
  String.raw`template IN AAAA {
    match (^|\.)githubusercontent\.com\.$
    match (^|\.)github\.com\.$
    rcode NOERROR
    ${last}
    }`;
const NAMES = ["db", "www.example.com."];

async function ask(last: string, resolver: string) {
  const lab = dnsLab();
  lab.place(OUTSIDE, worldOf("www.example.com. 60 A 192.0.2.30\ngithub.com. 60 A 192.0.2.40"), 5);
  lab.place(
    CLUSTER_DNS,
    await lab.server(CLUSTER_DNS, { corefile: corefile(template(last)), objects: OBJECTS }),
  );
  return lab.run(async () => {
    const reports = [];
    for (const name of NAMES) reports.push(await lab.lookUp(name, podConf(), { resolver }));
    const queries = reports.flatMap((report) => report.queries);
    return {
      found: reports.filter(({ result }) => result.ok).length,
      servfail: queries.filter(({ answer }) => answer === "SERVFAIL").length,
      queries: queries.length,
      ms: Math.max(...reports.map(({ result }) => result.ms)),
      error: reports.find(({ result }) => !result.ok)?.result.error ?? "",
    };
  });
}

export const templateServfail: Exhibit = {
  id: "template-servfail",
  title: "One word short: template without fallthrough",
  year: 2026,
  wing: "names",
  threads: [
    thread(
      "tscibilia/home-ops#3179",
      "CoreDNS AAAA template rule: intermittent GitHub IPv6 dial failures → SERVFAIL flood (resolved)",
      "without fallthrough every AAAA question that the expressions do not match gets SERVFAIL",
    ),
  ],
  async run() {
    const story = createStory();
    const musl = await ask("", "musl");
    const glibc = await ask("", "glibc");
    story.tell(
      "A template shall take AAAA away from github.com alone: two expressions, and nothing else in it",
    );
    story.tell(
      `Everybody else's AAAA now gets SERVFAIL: ${musl.servfail} of ${musl.queries} questions of musl, which finds ${musl.found} of ${NAMES.length} names ("${musl.error}")`,
    );
    story.tell(`glibc finds ${glibc.found}, with ${glibc.queries} questions and ${time(glibc.ms)}`);
    const mended = await ask("fallthrough", "musl");
    const quiet = await ask("fallthrough", "glibc");
    story.tell(`With fallthrough: ${mended.found} names, ${mended.servfail} SERVFAIL`);
    story.holds("names that no expression matches get SERVFAIL", musl.servfail > 0);
    story.holds("musl finds none of them", musl.found === 0);
    story.holds("fallthrough ends it", mended.found === NAMES.length && mended.servfail === 0);
    story.holds("and spares glibc its repetitions", quiet.queries <= glibc.queries);
    return story.end({
      broken: {
        on: "template with match and without fallthrough, in a block for all names",
        what: `${musl.servfail} of ${musl.queries} answers are SERVFAIL, ${musl.found} of ${NAMES.length} names are found`,
        facts: {
          servfail: musl.servfail,
          queries: musl.queries,
          found: musl.found,
          glibc_found: glibc.found,
          glibc_queries: glibc.queries,
        },
      },
      mended: {
        on: "the same with fallthrough",
        what: `${mended.servfail} SERVFAIL, ${mended.found} names are found`,
        facts: {
          servfail: mended.servfail,
          queries: mended.queries,
          found: mended.found,
          glibc_queries: quiet.queries,
        },
      },
      lesson:
        "A plugin that is responsible for a zone answers for all of it, unless it is told to let go. fallthrough belongs to every template and hosts block that means only some names.",
    });
  },
};
