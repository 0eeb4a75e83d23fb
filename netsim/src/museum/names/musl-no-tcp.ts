import { CLUSTER_DNS, corefile, dnsLab, OUTSIDE, podConf, worldOf } from "../lab/dns.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const NAME = "search.example.com";
const HOSTS = 40;
const RECORDS = Array.from({ length: HOSTS }, (_, i) => `${NAME}. 60 A 192.0.2.${i + 1}`).join("\n");

async function ask(resolver: string) {
  const lab = dnsLab();
  lab.place(OUTSIDE, worldOf(RECORDS), 20);
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: corefile() }));
  const { result, queries } = await lab.run(() => lab.lookUp(`${NAME}.`, podConf(), { resolver }));
  return {
    ok: result.ok,
    found: result.addresses.length,
    error: result.error ?? "",
    truncated: queries.filter(({ answer }) => answer === "TC").length,
    overTcp: queries.filter(({ proto }) => proto === "tcp").length,
  };
}

export const muslNoTcp: Exhibit = {
  id: "musl-no-tcp",
  title: "The answer that was too long for Alpine",
  year: 2022,
  wing: "names",
  threads: [
    thread(
      "hypothesis/product-backlog#1409",
      "LMS app fails to load U of Montana-Western OneDrive files",
      "one customer's names have a long chain of CNAMEs, and fail in Alpine images alone, which never ask over TCP",
    ),
    thread(
      "somasis/musl-wiki#73",
      "functional-differences-from-glibc: + DNS over TCP",
      "DNS over TCP comes with musl 1.2.4, after many complaints",
    ),
    thread(
      "kubernetes/website#43129",
      "[zh] sync dns-debugging-resolution kubeadm-certs reserve-compute-resources",
      "the documentation's known issue: with Alpine 3.17 or earlier answers above 512 bytes fail",
    ),
  ],
  async run() {
    const story = createStory();
    const old = await ask("musl-1.2.3");
    const newer = await ask("musl-1.2.5");
    const glibc = await ask("glibc");
    story.tell(
      `${NAME} has ${HOSTS} addresses: more than 512 bytes, the most that a query without EDNS allows`,
    );
    story.tell(
      `musl 1.2.3 gets ${old.truncated} truncated answer and asks over TCP ${old.overTcp} times: ${old.ok ? `it goes on with ${old.found} addresses` : `"${old.error}"`}`,
    );
    story.tell(
      `musl 1.2.5 asks again over TCP (${newer.overTcp}) and has ${newer.found}, as glibc has (${glibc.found})`,
    );
    story.holds("the answer over UDP is truncated", old.truncated > 0);
    story.holds(
      "musl before 1.2.4 never asks over TCP, and lacks addresses",
      old.overTcp === 0 && old.found < HOSTS,
    );
    story.holds(
      "musl since 1.2.4 does, and has more than before",
      newer.overTcp > 0 && newer.found > old.found,
    );
    story.holds("glibc has all of them", glibc.found === HOSTS);
    return story.end({
      broken: {
        on: "musl before 1.2.4: Alpine up to 3.17",
        what: old.ok ? `${old.found} of ${HOSTS} addresses` : `no address of ${HOSTS}: ${old.error}`,
        facts: { ok: old.ok, addresses: old.found, of: HOSTS, truncated: old.truncated, tcp: old.overTcp },
      },
      mended: {
        on: "musl since 1.2.4 (Alpine 3.18), or glibc",
        what: `${newer.found} addresses, by ${newer.overTcp} question over TCP`,
        facts: { ok: newer.ok, addresses: newer.found, glibc: glibc.found, tcp: newer.overTcp },
      },
      lesson:
        "Which names resolve depends on the image. A name that grows by a few addresses may be gone for one C library, and nobody changed anything in the cluster.",
    });
  },
};
