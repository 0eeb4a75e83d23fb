import { CLUSTER_DNS, corefile, dnsLab, OUTSIDE, podConf, worldOf } from "../lab/dns.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const NAME = "google.com";
const ADDRESS = "192.0.2.46";

async function ask(resolver: string, search: readonly string[]) {
  const lab = dnsLab();
  lab.place(OUTSIDE, worldOf(`${NAME}. 60 A ${ADDRESS}`), 20);
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: corefile() }));
  const { result, queries } = await lab.run(() => lab.lookUp(NAME, podConf({ search }), { resolver }));
  return {
    ...result,
    questions: queries.length,
    askedItself: queries.some(({ name }) => name === `${NAME}.`),
  };
}

export const searchDot: Exhibit = {
  id: "search-dot",
  title: "A dot in the node's search line",
  year: 2022,
  wing: "names",
  threads: [
    thread(
      "kubernetes/kubernetes#112135",
      "musl-based DNS resolution will break on v1.25.0 in certain configurations",
      "systemd writes `search .` on nodes whose host name is fully qualified, the kubelet of 1.25.0 hands it on; alpine:3.16.2 cannot resolve any more, ubuntu can",
    ),
    thread(
      "k3s-io/k3s#6132",
      "DNS resolution in alpine (musl) based containers fails when the host system has `search .` in `resolv.conf` with 1.25.0",
      "4 of 43 pods have trouble with DNS, and what they have in common is Alpine",
    ),
    thread(
      "coreos/fedora-coreos-tracker#1287",
      'Faulty DNS queries in musl-based containers due to "search ." in resolv.conf',
      "the same, seen from the operating system that writes the line",
    ),
  ],
  async run() {
    const story = createStory();
    const musl = await ask("musl-1.2.3", ["."]);
    const glibc = await ask("glibc", ["."]);
    story.tell(
      `systemd writes "search ." into the node's resolv.conf, and the kubelet appends it to the pods' search list`,
    );
    story.tell(
      `musl 1.2.3 walks the list to "${NAME}..", which is no name, and gives up: ${musl.questions} questions, "${musl.error ?? ""}"; ${NAME} itself was ${musl.askedItself ? "" : "never "}asked for`,
    );
    story.tell(`glibc finds ${glibc.addresses.join(" ")}`);
    const newer = await ask("musl-1.2.5", ["."]);
    const clean = await ask("musl-1.2.3", []);
    story.tell(
      `musl since 1.2.4 passes over it (${newer.addresses.join(" ")}); without the dot musl 1.2.3 finds ${clean.addresses.join(" ")}`,
    );
    story.holds("musl 1.2.3 finds no outside name", !musl.ok && !musl.askedItself);
    story.holds("glibc does, with the same file", glibc.ok && glibc.addresses[0] === ADDRESS);
    story.holds("without the dot musl does, too", clean.ok && clean.addresses[0] === ADDRESS);
    return story.end({
      broken: {
        on: "musl before 1.2.4 and `search .` of the node in the pods' resolv.conf (Kubernetes 1.25.0)",
        what: `no outside name resolves: ${musl.error ?? ""}`,
        facts: {
          found: musl.ok,
          glibc_found: glibc.ok,
          questions: musl.questions,
          asked_itself: musl.askedItself,
        },
      },
      mended: {
        on: "a resolv.conf for the kubelet without it, or musl 1.2.4",
        what: `${NAME} is ${clean.addresses.join(" ")}`,
        facts: { found: clean.ok, found_by_1_2_5: newer.ok, questions: clean.questions },
      },
      lesson:
        "The node's resolv.conf is part of every image's environment. What one C library ignores ends the lookup in another.",
    });
  },
};
