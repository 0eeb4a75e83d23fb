import { CLUSTER_DNS, corefile, dnsLab, OUTSIDE, podConf, worldOf } from "../lab/dns.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const NAME = "db.internal";
const template = (rcode: string): string => `cache 30\n    template IN AAAA {\n    rcode ${rcode}\n    }`;

async function ask(resolver: string, rcode: string) {
  const lab = dnsLab();
  lab.place(OUTSIDE, worldOf(`${NAME}. 60 A 192.0.2.20`), 5);
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: corefile(template(rcode)) }));
  const { result, queries } = await lab.run(() => lab.lookUp(`${NAME}.`, podConf(), { resolver }));
  const a = queries.find(({ type }) => type === "A")?.answer ?? "";
  const aaaa = queries.find(({ type }) => type === "AAAA")?.answer ?? "";
  return { ...result, a, aaaa };
}

export const aaaaNxdomain: Exhibit = {
  id: "aaaa-nxdomain",
  title: "The name that does not exist, and has an address",
  year: 2026,
  wing: "names",
  threads: [
    thread(
      "axeII/home-ops#3804",
      "fix(coredns): block AAAA responses to stop IPv6-unreachable dials",
      "a template answers every question for AAAA with NXDOMAIN, to keep pods off IPv6",
    ),
    thread(
      "axeII/home-ops#3806",
      "fix(coredns): return NOERROR instead of NXDOMAIN for blocked AAAA queries",
      "three applications crash: NXDOMAIN says that the name does not exist at all, and the address in the other answer is thrown away",
    ),
  ],
  async run() {
    const story = createStory();
    const musl = await ask("musl", "NXDOMAIN");
    const glibc = await ask("glibc", "NXDOMAIN");
    story.tell(
      `On a cluster without IPv6 a template answers AAAA with NXDOMAIN: ${NAME} is A ${musl.a}, AAAA ${musl.aaaa}`,
    );
    story.tell(
      `musl takes the denial for the whole name: "${musl.error ?? ""}"; glibc ${glibc.ok ? `puts up with it: ${glibc.addresses.join(" ")}` : `too: "${glibc.error ?? ""}"`}`,
    );
    const mended = await ask("musl", "NOERROR");
    story.tell(`With NOERROR and no records (${mended.aaaa}) musl has ${mended.addresses.join(" ")}`);
    story.holds("the address was in the other answer", musl.a === "NOERROR" && musl.aaaa === "NXDOMAIN");
    story.holds("musl says that there is no such name", !musl.ok);
    story.holds("an answer without data leaves the address", mended.ok && mended.aaaa === "NODATA");
    return story.end({
      broken: {
        on: "template IN AAAA with rcode NXDOMAIN, resolvers that believe it (musl, .NET)",
        what: `${NAME} has an address, and the lookup fails: ${musl.error ?? ""}`,
        facts: { a: musl.a, aaaa: musl.aaaa, musl_found: musl.ok, glibc_found: glibc.ok },
      },
      mended: {
        on: "NOERROR without records (NODATA), as clusterdns' family plugin and CoreDNS' template with rcode NOERROR answer",
        what: `${NAME} is ${mended.addresses.join(" ")}`,
        facts: { a: mended.a, aaaa: mended.aaaa, musl_found: mended.ok, addresses: mended.addresses },
      },
      lesson:
        "NXDOMAIN is about the name, never about a type. A name with an address and a denial at once is a lie that each resolver reads in its own way (RFC 2308, RFC 8020).",
    });
  },
};
