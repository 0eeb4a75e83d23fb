/** `clusterdns ndots replay`: mixes, what is varied, and what comes of it. */
import t from "tap";
import { generateLog } from "../../bench/ndots-log.ts";
import { readMix } from "../../src/ndots/replay/mix-file.ts";
import type { Point, ReplayDocument } from "../../src/ndots/replay/replay.ts";
import { readSweep, withCaches, withTtl } from "../../src/ndots/replay/vary.ts";
import { file, json, ndots, refuses } from "./cli.ts";

t.setTimeout(180_000);

const mix = file(
  "mix.yaml",
  `seconds: 20
missing: [gone.example.com]
groups:
  - namespace: shop
    pods: 6
    rate: 5
    names: { cart: 2, api.payments: 1, api.example.com: 4, gone.example.com: 1 }
  - namespace: payments
    pods: 2
    rate: 3
    names: [www.example.org]
    resolvers: { go: 1, musl: 1 }
`,
);

const at = ({ points }: ReplayDocument, parameter: string, value: number): Point =>
  points.find((point) => point.parameter === parameter && point.value === value)!;

void t.test("load on each server by ndots and TTL", async (t) => {
  const document = await json<ReplayDocument>("replay", mix, "--vary", "ndots=2,5", "--vary", "ttl=1,60");
  t.match(document, { seconds: 20, pods: 8, hops: ["cluster", "upstream"] });
  t.equal(document.points.length, 4);
  const { load, per_second } = document.as_it_is;
  t.ok(Math.abs(load.lookups - 20 * (6 * 5 + 2 * 3)) < 100, `${String(load.lookups)} lookups`);
  t.equal(load.queries, load.hops.cluster, "every question reaches the first server");
  t.equal(per_second.cluster, Math.round((load.hops.cluster / 20) * 100) / 100);
  t.ok(Math.abs(load.failed / load.lookups - (1 / 8) * (30 / 36)) < 0.04, "those that are nowhere");
  t.same(at(document, "ndots", 5).load, load, "ndots:5 is as it is");
  const two = at(document, "ndots", 2);
  t.ok(two.queries_per_lookup < 0.55 * document.as_it_is.queries_per_lookup);
  t.equal(two.load.lookups, load.lookups, "the same lookups");
  t.equal(two.load.failed, load.failed, "and nothing is lost");
  t.ok(at(document, "ttl", 1).per_second.upstream > 5 * at(document, "ttl", 60).per_second.upstream);
});

void t.test("NodeLocal, and the size of its cache", async (t) => {
  const many = file(
    "many.yaml",
    `pods: 10\nrate: 40\nseconds: 30\nndots: 1\nnames: { "host-{1..3000}.example.com": 1 }\n`,
  );
  const document = await json<ReplayDocument>(
    "replay",
    many,
    "--nodelocal",
    "--vary",
    "cache=1024,9984",
    "--vary",
    "ttl=600",
  );
  t.same(document.hops, ["nodelocal", "cluster", "upstream"]);
  const [small, large] = [at(document, "cache", 1024), at(document, "cache", 9984)];
  t.ok(small.load.hit_ratio.nodelocal! < large.load.hit_ratio.nodelocal! - 0.1, "a larger cache hits more");
  t.ok(small.per_second.upstream > large.per_second.upstream);
  t.equal(large.per_second.cluster, 0, "names outside do not come by the cluster DNS");
});

void t.test("a captured log is a mix", async (t) => {
  const lines: string[] = [];
  const { objects, truth } = await generateLog(3000, 5, (line) => lines.push(line));
  const log = file("captured.log", lines.join("\n"));
  const manifests = file("captured.json", JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
  const document = await json<ReplayDocument>(
    "replay",
    "--log",
    log,
    "--manifests",
    manifests,
    "--vary",
    "ndots=5",
    "--seconds",
    "30",
    "--search",
    "zone.cloud.internal",
    "--search",
    "cloud.internal",
  );
  const lookups = Object.values(truth).reduce((sum, one) => sum + one.lookups, 0);
  const queries = Object.values(truth).reduce((sum, one) => sum + one.queries, 0);
  t.equal(lookups, 3000);
  t.equal(document.pods, 64);
  // Its pods have one search list and one ndots here, where those of the log had several.
  const found = document.as_it_is.queries_per_lookup;
  t.ok(
    Math.abs(found - queries / lookups) < 0.35 * (queries / lookups),
    `${String(found)}, in the log ${String(queries / lookups)}`,
  );
  t.ok(
    document.as_it_is.load.failed / document.as_it_is.load.lookups < 0.2,
    "names that were found are found",
  );
});

void t.test("Corefiles with other caches and TTLs", async (t) => {
  const words = (text: string): string => text.replace(/\s+/g, " ").trim();
  t.equal(words(withCaches("cache", { cache: 2000 })), "cache { success 2000 denial 2000 }");
  t.equal(
    words(withCaches("cache 30 example.org", { cache: 2000 })),
    "cache 30 example.org { success 2000 denial 2000 }",
  );
  t.equal(
    words(withCaches("cache 30 {\n success 9984 20\n denial 500 5\n prefetch 2\n}\nlog", { cache: 2000 })),
    "cache 30 { success 2000 20 denial 2000 5 prefetch 2 } log",
  );
  t.equal(
    words(withCaches("cache 30 {\n denial 500 5\n disable success cluster.local\n}", { ttl: 7 })),
    "cache 7 { success 9984 7 denial 500 7 disable success cluster.local }",
  );
  t.equal(withCaches("cache 30\n", {}), "cache 30\n", "nothing to change");
  t.equal(words(withTtl("kubernetes cluster.local", { ttl: 9 })), "kubernetes cluster.local { ttl 9 }");
  t.equal(
    words(withTtl("kubernetes a.b {\n pods verified\n ttl 30\n}", { ttl: 9999 })),
    "kubernetes a.b { pods verified ttl 3600 }",
  );
  t.equal(
    words(withTtl("kubernetes a.b {\n pods verified\n}", { ttl: 5 })),
    "kubernetes a.b { ttl 5 pods verified }",
  );
  t.same(readSweep("ttl=1,2,30"), { parameter: "ttl", values: [1, 2, 30] });
});

void t.test("mixes that are no use", async (t) => {
  for (const [text, message] of [
    ["", /not a mix/],
    ["names: [", /./],
    ["names: []", /^names: at least one/],
    ["names: [3]", /^names: 3 is not text/],
    ["names: { a.b: 0 }", /^names: a\.b: its weight/],
    ["names: { 'a b': 1 }", /^names: not a name: "a b"/],
    ["names: { 'h-{9..1}.x': 1 }", /^names: .*not a range/],
    ["names: { 'h-{1..9999999}.x': 1 }", /^names: .*not a range/],
    ["names: [a]\nseconds: soon", /^seconds: not a number/],
    ["names: [a]\npods: 0", /^pods: not a number/],
    ["names: [a]\nndots: 1.5", /^ndots: not a whole number/],
    ["names: [a]\nnamespace: A_B", /^namespace: /],
    ["names: [a]\nresolvers: [glib]", /^resolvers: no resolver "glib"/],
    ["names: [a]\nmissing: yes", /^missing: not a list/],
    ["groups: []", /^groups: not a list/],
    ["groups: [{names: [a]}, {names: 3}]", /^groups\[1\]\.names: /],
  ] as const)
    t.match(readMix(text), message, JSON.stringify(text));
  t.match(readMix("names: [a.b]"), {
    seconds: 60,
    groups: [{ namespace: "default", pods: 10, rate: 5, ndots: 5 }],
  });
});

void t.test("arguments that are no use, and the text for people", async (t) => {
  await refuses(t, ["replay", file("bad.yaml", "names: 3")], /bad\.yaml: names: /);
  await refuses(t, ["replay", "no-such.yaml"], /no-such\.yaml/);
  await refuses(t, ["replay", mix, "--vary", "moon=3"], /PARAMETER being cache, ttl, ndots/);
  await refuses(t, ["replay", mix, "--vary", "cache=8"], /numbers from 1024/);
  await refuses(t, ["replay", mix, "--rate", "x"], /--rate x: not a number/);
  await refuses(t, ["replay", mix, mix], /one mix/);
  await refuses(t, ["replay", "--log", file("empty.log", "")], /no lookups in its 0 queries/);
  await refuses(t, ["replay", mix, "-conf", file("broken", ".:53 {")], /./);
  const { status, out } = await ndots("replay", mix, "--seconds", "2", "--vary", "ndots=2");
  t.equal(status, 0);
  t.match(out, /^ +queries a lookup +cluster DNS\/s +upstream\/s .*\nas it is +\d/);
  t.match(out, /\nndots 2 +\d/);
});
