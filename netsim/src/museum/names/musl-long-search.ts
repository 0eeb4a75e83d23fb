import { CLUSTER_DNS, corefile, dnsLab, OUTSIDE, podConf, worldOf } from "../lab/dns.ts";
import { dnsObjects, manifests, service } from "../lab/cluster.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const NAMESPACE = "shop";
const OBJECTS = dnsObjects(manifests(service(`${NAMESPACE}/db`, "10.96.3.4")));
const domains = (n: number): string[] =>
  Array.from({ length: n }, (_, i) => `landscape-${i}.region-${i}.internal.example.com`);

async function ask(resolver: string, search: readonly string[]) {
  const lab = dnsLab();
  lab.place(OUTSIDE, worldOf("www.example.com. 60 A 192.0.2.1"), 20);
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: corefile(), objects: OBJECTS }));
  const conf = podConf({ namespace: NAMESPACE, search });
  const { result, queries } = await lab.run(() => lab.lookUp("db", conf, { resolver }));
  return { ...result, first: queries[0]?.name ?? "", line: conf.indexOf("\n") };
}

export const muslLongSearch: Exhibit = {
  id: "musl-long-search",
  title: "One domain too many, and the search list is gone",
  year: 2025,
  wing: "names",
  threads: [
    thread(
      "somasis/musl-wiki#87",
      "Update differences about DNS search domain handling",
      "musl ignores a line of resolv.conf of more than 256 bytes as a whole; the difference from glibc took a day to find",
    ),
  ],
  async run() {
    const story = createStory();
    const few = await ask("musl", domains(4));
    story.tell(
      `Pods have four search domains of their company beside the cluster's, a line of ${few.line} characters: musl finds the Service db, ${few.addresses.join(" ")}`,
    );
    const many = await ask("musl", domains(5));
    const glibc = await ask("glibc", domains(5));
    story.tell(
      `With a fifth the line has ${many.line}: musl reads none of it and asks for "${many.first}" alone: "${many.error ?? ""}"`,
    );
    story.tell(`glibc goes on as before: ${glibc.addresses.join(" ")}`);
    story.holds("up to 255 characters it works", few.ok && few.line < 256);
    story.holds("beyond, no Service of the pod's own namespace is found", !many.ok && many.line >= 256);
    story.holds("the list is not cut, it is ignored", many.first === "db.");
    story.holds("glibc has no such limit", glibc.ok);
    return story.end({
      broken: {
        on: "musl (Alpine), a search line of 256 characters or more: many domains in dnsConfig, long namespaces",
        what: `with ${many.line} characters the Service's name does not resolve: ${many.error ?? ""}`,
        facts: { line: many.line, found: many.ok, asked: many.first, glibc_found: glibc.ok },
      },
      mended: {
        on: "a shorter line, or names that need no search",
        what: `with ${few.line} characters db is ${few.addresses.join(" ")}`,
        facts: { line: few.line, found: few.ok, addresses: few.addresses },
      },
      lesson:
        "Limits of resolvers are limits of images. Kubernetes allows 32 domains and 2048 characters; count for the strictest one.",
    });
  },
};
