/** A directory of manifests: what is read of it, what is told, and how changes get through. */
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import t, { type Test } from "tap";
import { ClusterIndex } from "../../src/cluster/cluster-index.ts";
import { manifestsSource } from "../../src/cluster/manifests/directory.ts";
import { readDocuments } from "../../src/cluster/manifests/documents.ts";
import { KINDS } from "../../src/cluster/objects.ts";
import { kindOf, trim } from "../../src/cluster/trim.ts";
import { EVERYTHING } from "./ask.ts";

const noPause = (): Promise<void> => Promise.resolve();
const service = (name: string, ip = "10.0.0.1"): string =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\nspec: { clusterIP: ${ip} }\n`;

t.test("documents", async (t) => {
  const names = async (text: string): Promise<unknown[]> => {
    const { found } = await readDocuments(text, noPause);
    return found.map(({ object, line }) => [
      (object as { metadata?: { name?: string } }).metadata?.name,
      line,
    ]);
  };
  t.same(await names(service("a") + "---\n" + service("b")), [
    ["a", 1],
    ["b", 5],
  ]);
  t.same(await names("# only a comment\n---\n" + service("a") + "---\n---\n# nothing\n"), [["a", 2]]);
  t.same(await names("--- # here it begins\n" + service("a")), [["a", 1]]);
  t.same(await names("%YAML 1.2\n---\n" + service("a")), [["a", 2]]);
  t.same(await names('{"kind":"Service","apiVersion":"v1","metadata":{"name":"json"}}'), [["json", 1]]);
  t.same(await names("{ kind: Service, metadata: { name: flow } }"), [["flow", 1]]);
  t.same(await names(""), []);
  t.same(await names(`kind: List\nitems:\n- metadata: { name: a }\n- metadata: { name: b }\n`), [
    ["a", 1],
    ["b", 1],
  ]);
});

t.test("items of a typed list are what the list says", async (t) => {
  const { found } = await readDocuments(
    "apiVersion: v1\nkind: ServiceList\nitems: [{ metadata: { name: a } }]\n",
    noPause,
  );
  t.equal(kindOf(found[0]?.object), "Service");
});

t.test("a bad document is told with its line, and the others are read", async (t) => {
  const text =
    service("a") +
    "---\nkind: [Service\nmetadata: x\n---\n- a list\n---\n" +
    service("b") +
    "---\nkind: Service\n\tmetadata: tab\n";
  const { found, problems } = await readDocuments(text, noPause);
  t.equal(found.length, 2);
  t.same(
    problems.map(({ line }) => line),
    [7, 8, 17],
  );
  for (const { text } of problems) t.notMatch(text, /\n/);
});

t.test("times in YAML stay text", async (t) => {
  const { found } = await readDocuments("metadata: { deletionTimestamp: 2026-01-01T00:00:00Z }", noPause);
  t.same(found[0]?.object, { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } });
});

t.test("kinds are told apart by their groups", (t) => {
  for (const [apiVersion, kind, wanted] of [
    ["v1", "Service", "Service"],
    ["serving.knative.dev/v1", "Service", undefined],
    ["discovery.k8s.io/v1", "EndpointSlice", "EndpointSlice"],
    ["v1", "EndpointSlice", undefined],
    ["multicluster.x-k8s.io/v1alpha1", "ServiceImport", "ServiceImport"],
    ["apps/v1", "Deployment", undefined],
  ] as const) {
    t.equal(kindOf({ apiVersion, kind }), wanted, `${apiVersion} ${kind}`);
  }
  t.end();
});

t.test("objects of any shape are taken, or not, without an exception", (t) => {
  const shapes = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.string(),
      tie("list"),
      tie("object"),
    ),
    list: fc.array(tie("value"), { maxLength: 3 }),
    object: fc.dictionary(
      fc.constantFrom(
        "metadata",
        "spec",
        "status",
        "name",
        "labels",
        "ports",
        "endpoints",
        "addresses",
        "conditions",
        "clusterIPs",
        "loadBalancer",
        "ingress",
        "annotations",
        "podIP",
      ),
      tie("value"),
    ),
  }));
  fc.assert(
    fc.property(shapes.value, (value) => {
      for (const kind of KINDS) trim(kind, value, EVERYTHING);
      kindOf(value);
    }),
  );
  t.end();
});

/** A directory of its own, followed until the test ends. */
function follow(t: Test, files: Readonly<Record<string, string>>) {
  const directory = t.testdir(files);
  const warnings: string[] = [];
  const index = new ClusterIndex({ kinds: KINDS, now: Date.now });
  const source = manifestsSource({
    directory,
    warn: (line) => warnings.push(line),
    now: Date.now,
    settle: 5,
    poll: 60_000,
  });
  const watch = source.watch(EVERYTHING, index);
  t.teardown(() => watch.close());
  const until = async (what: string, condition: () => boolean): Promise<void> => {
    const end = Date.now() + 5000;
    while (!condition() && Date.now() < end) await sleep(2);
    t.ok(condition(), what);
  };
  const has = (name: string): boolean => index.find("default", name)?.service !== undefined;
  const addressOf = (name: string): string | undefined => index.find("default", name)?.service?.addresses[0];
  return {
    directory,
    warnings,
    index,
    watch,
    until,
    has,
    addressOf,
    path: (name: string) => join(directory, name),
  };
}

t.test("files come, change and go", async (t) => {
  const { path, until, has, addressOf, index } = follow(t, {
    "a.yaml": service("a"),
    "b.txt": service("b"),
    "c.json": "{}",
  });
  await until("synchronised", () => index.synced);
  t.ok(has("a"));
  t.notOk(has("b"), "not a manifest by its name");
  writeFileSync(path("b.yml"), service("b"));
  await until("b", () => has("b"));
  writeFileSync(path("a.yaml.new"), service("a", "10.0.0.2"));
  renameSync(path("a.yaml.new"), path("a.yaml"));
  await until("a has another address", () => addressOf("a") === "10.0.0.2");
  unlinkSync(path("b.yml"));
  await until("b is gone", () => !has("b"));
  t.ok(has("a"));
});

t.test("of two files with one object the later one counts, and the other when that is gone", async (t) => {
  const { path, until, addressOf, index } = follow(t, {
    "1.yaml": service("a", "10.0.0.1"),
    "2.yaml": service("a", "10.0.0.2"),
  });
  await until("synchronised", () => index.synced);
  t.equal(addressOf("a"), "10.0.0.2");
  writeFileSync(path("1.yaml"), service("a", "10.0.0.3") + "---\n" + service("b"));
  await until("the other change got through", () => addressOf("b") !== undefined);
  t.equal(addressOf("a"), "10.0.0.2");
  unlinkSync(path("2.yaml"));
  await until("the first file's", () => addressOf("a") === "10.0.0.3");
});

t.test("a file that breaks takes nothing away, and is told once", async (t) => {
  const { path, until, has, warnings, index } = follow(t, {
    "a.yaml": service("a") + "---\n" + service("b"),
  });
  await until("synchronised", () => index.synced);
  writeFileSync(path("a.yaml"), service("a") + "---\nkind: [\n---\n" + service("c"));
  await until("what can be read is", () => has("c"));
  t.ok(has("b"));
  t.equal(warnings.length, 1);
  t.match(warnings[0], /a\.yaml:7: not YAML: /);
  writeFileSync(path("a.yaml"), service("c"));
  await until("a file that is right again says all", () => !has("a") && !has("b"));
});

t.test("an object without a name is told", async (t) => {
  const { until, warnings, index } = follow(t, {
    "a.yaml": "apiVersion: v1\nkind: Service\nmetadata: { name: 5 }\n",
  });
  await until("synchronised", () => index.synced);
  t.match(warnings, [/a\.yaml:1: Service without metadata\.name/]);
});

t.test("a mounted ConfigMap: the files are links through ..data, which is swapped", async (t) => {
  const { directory, until, has, addressOf, index } = follow(t, {});
  const put = (version: string, text: string): void => {
    mkdirSync(join(directory, version));
    writeFileSync(join(directory, version, "a.yaml"), text);
    symlinkSync(version, join(directory, "..data_tmp"));
    renameSync(join(directory, "..data_tmp"), join(directory, "..data"));
  };
  put("..2026_1", service("a", "10.0.0.1"));
  symlinkSync("..data/a.yaml", join(directory, "a.yaml"));
  await until("the first version", () => has("a"));
  put("..2026_2", service("a", "10.0.0.2"));
  await until("the second", () => addressOf("a") === "10.0.0.2");
  t.ok(index.synced);
});

t.test("a directory that is lost keeps what it had, and says so", async (t) => {
  const { directory, until, has, warnings, watch, index } = follow(t, { "a.yaml": service("a") });
  await until("synchronised", () => index.synced);
  rmSync(directory, { recursive: true });
  await until("told", () => warnings.length > 0);
  t.ok(has("a"));
  t.match(watch.health()[0], { listed: true, staleSince: Number, error: /ENOENT/ });
});

t.test("nothing comes after close", async (t) => {
  const { path, until, has, watch, index } = follow(t, { "a.yaml": service("a") });
  await until("synchronised", () => index.synced);
  await watch.close();
  writeFileSync(path("b.yaml"), service("b"));
  await sleep(50);
  t.notOk(has("b"));
});
