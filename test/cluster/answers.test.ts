/** Answers that are kept: never another than one made anew. */
import fc from "fast-check";
import t from "tap";
import { ClusterIndex } from "../../src/cluster/cluster-index.ts";
import { Memo } from "../../src/cluster/memo.ts";
import type { ClusterObject, Kind } from "../../src/cluster/objects.ts";
import { zoneOf, type Settings } from "../../src/cluster/settings.ts";
import { isMessage, type Message } from "../../src/dns/message.ts";
import { lower, nameOf } from "../../src/dns/name.ts";
import { Query } from "../../src/dns/query.ts";
import { recordText } from "../../src/dns/records.ts";
import { FLAG, parseType } from "../../src/dns/types.ts";
import { createAnswers } from "../../plugins/kubernetes/answers.ts";
import { settingsOf } from "./ask.ts";

const NAMESPACES = ["a", "b"];
const SERVICES = ["web", "db"];
const ADDRESSES = ["10.0.0.1", "10.0.0.2"];
const port = { name: "http", protocol: "TCP", number: 80 };

const word = (words: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...words);
const place = { namespace: word(NAMESPACES), name: word(SERVICES) };
const some = fc.subarray(ADDRESSES);

const objects: fc.Arbitrary<ClusterObject> = fc.oneof(
  fc.record({ kind: fc.constant("Namespace" as const), name: word(NAMESPACES) }),
  fc.record({
    kind: fc.constant("Service" as const),
    ...place,
    addresses: some,
    headless: fc.boolean(),
    alias: fc.constantFrom(undefined, undefined, "web.a.svc.cluster.local", "db.b.svc.cluster.local"),
    ports: fc.constantFrom([], [port]),
    external: fc.constant([]),
  }),
  fc.record({
    kind: fc.constant("EndpointSlice" as const),
    namespace: place.namespace,
    name: word(["s1", "s2"]),
    service: word(SERVICES),
    imports: word(["", "db"]),
    cluster: fc.constant("c"),
    ports: fc.constant([port]),
    addresses: some,
    names: fc.constant(undefined),
    zones: fc.constant(undefined),
  }),
  fc.record({
    kind: fc.constant("Pod" as const),
    namespace: place.namespace,
    name: word(["p1", "p2"]),
    address: word(ADDRESSES),
    terminating: fc.boolean(),
    labels: fc.constant(undefined),
  }),
  fc.record({
    kind: fc.constant("ServiceImport" as const),
    ...place,
    addresses: some,
    headless: fc.boolean(),
    ports: fc.constant([port]),
  }),
);

const removals: fc.Arbitrary<[Kind, string, string]> = fc.tuple(
  fc.constantFrom<Kind>("Namespace", "Service", "EndpointSlice", "Pod", "ServiceImport"),
  word(NAMESPACES),
  word([...NAMESPACES, ...SERVICES, "s1", "s2", "p1", "p2"]),
);

type Step =
  | { readonly put: ClusterObject }
  | { readonly remove: [Kind, string, string] }
  | { readonly list: readonly ClusterObject[] }
  | "second";
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: objects.map((put) => ({ put })) },
  { weight: 2, arbitrary: removals.map((remove) => ({ remove })) },
  { weight: 1, arbitrary: fc.array(objects, { maxLength: 4 }).map((list) => ({ list })) },
  { weight: 1, arbitrary: fc.constant("second" as const) },
);

const QUESTIONS = NAMESPACES.flatMap((namespace) => [
  `${namespace}.svc.cluster.local A`,
  ...SERVICES.flatMap((name) => [
    `${name}.${namespace}.svc.cluster.local A`,
    `${name}.${namespace}.svc.cluster.local SRV`,
    `_http._tcp.${name}.${namespace}.svc.cluster.local SRV`,
    `10-0-0-1.${name}.${namespace}.svc.cluster.local A`,
    `${name}.${namespace}.svc.set.local A`,
    `${name}.${namespace}.svc.cluster.local TXT`,
  ]),
  `10-0-0-1.${namespace}.pod.cluster.local A`,
]).concat(
  "1.0.0.10.in-addr.arpa PTR",
  "cluster.local SOA",
  "cluster.local NS",
  "ns.dns.cluster.local A",
  "x.cluster.local A",
  "dns-version.cluster.local TXT",
);

function query(question: string): Query {
  const [name = "", type = ""] = question.split(" ");
  const query = new Query();
  query.rawName = nameOf(name);
  query.name = lower(query.rawName);
  query.type = parseType(type)!;
  query.flags = FLAG.RD;
  return query;
}

function text(message: Message): string {
  const { answer, authority, additional } = message.sections;
  return [
    message.rcode,
    ...answer.map(recordText),
    "-",
    ...authority.map(recordText),
    "-",
    ...additional.map(recordText),
  ].join("\n");
}

const zones = ["cluster.local.", "in-addr.arpa.", "set.local."].map(nameOf);
const variants: readonly Partial<Settings>[] = [
  { pods: "verified" },
  { namespaces: new Set(["a"]), ignoreEmpty: true, pods: "insecure" },
];

t.test("an answer that is kept is the one that would be made anew, whatever changed", (t) => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 40 }), fc.constantFrom(...variants), (list, variant) => {
      let seconds = 1000;
      const index = new ClusterIndex({ kinds: [], now: () => seconds * 1000 });
      const settings = settingsOf({
        ...variant,
        zones,
        multicluster: [nameOf("set.local.")],
        localAddresses: () => ["10.0.0.2"],
      });
      const kept = createAnswers(index, settings);
      for (const name of NAMESPACES) index.put({ kind: "Namespace", name });
      for (const step of list) {
        if (step === "second") seconds++;
        else if ("put" in step) index.put(step.put);
        else if ("remove" in step) index.remove(...step.remove);
        else {
          const listing = index.list("Service");
          for (const object of step.list) if (object.kind === "Service") listing.put(object);
          listing.end();
        }
        const anew = createAnswers(index, settings);
        for (const question of QUESTIONS) {
          const asked = query(question);
          const zone = zoneOf(zones, asked.name)!;
          const [a, b] = [kept, anew].map((answers) => {
            const answer = answers.answer(asked, zone, false);
            return answer !== undefined && !(answer instanceof Promise) && isMessage(answer)
              ? text(answer)
              : "none";
          });
          if (a !== b) throw new Error(`${question}: kept\n${a!}\nanew\n${b!}`);
        }
      }
    }),
    { numRuns: 500, interruptAfterTimeLimit: 8000 },
  );
  t.end();
});

t.test("kept as long as nothing changes", (t) => {
  const index = new ClusterIndex({ kinds: [], now: Date.now });
  const settings = settingsOf();
  const answers = createAnswers(index, settings);
  index.put({ kind: "Namespace", name: "a" });
  const asked = query("web.a.svc.cluster.local A");
  const zone = zoneOf(settings.zones, asked.name)!;
  const first = answers.answer(asked, zone, false);
  t.equal(answers.answer(asked, zone, false), first);
  index.put({
    kind: "Service",
    namespace: "b",
    name: "x",
    addresses: [],
    headless: false,
    alias: undefined,
    ports: [],
    external: [],
  });
  index.modified = 0;
  t.equal(answers.answer(asked, zone, false), first, "another service is none of its business");
  t.equal(
    answers.answer(asked, zone, true),
    undefined,
    "who has somebody else to ask is told that there is no such name",
  );
  t.end();
});

t.test("flags: AA, and RD and CD as asked", (t) => {
  const index = new ClusterIndex({ kinds: [], now: Date.now });
  const settings = settingsOf();
  const answers = createAnswers(index, settings);
  for (const flags of [0, FLAG.RD, FLAG.CD, FLAG.RD | FLAG.CD | FLAG.AD]) {
    const asked = query("cluster.local SOA");
    asked.flags = flags;
    const answer = answers.answer(asked, settings.zones[0]!, false) as Message;
    t.equal(answer.flags, FLAG.AA | (flags & (FLAG.RD | FLAG.CD)));
  }
  t.end();
});

t.test("the memo is bounded, and keeps what is asked for", (t) => {
  const memo = new Memo<{ bytes: number; n: number }>(1000);
  for (let n = 0; n < 100; n++) {
    memo.set(1, `name${String(n)}`, { bytes: 100, n });
    t.equal(memo.get(1, "name0")?.n, 0, "used all the time");
  }
  const left = Array.from({ length: 100 }, (_, n) => memo.get(1, `name${String(n)}`)).filter(Boolean).length;
  t.ok(left <= 10, `${String(left)} entries of 100 bytes`);
  t.equal(memo.get(2, "name0"), undefined);
  t.end();
});
