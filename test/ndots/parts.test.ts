/** The lab's smaller parts: legs, the world outside, workloads, heavy names, progress. */
import t from "tap";
import { createConnections, createRoad } from "../../src/ndots/chain/leg.ts";
import { outsideNames, usualNames } from "../../src/ndots/chain/cluster-facts.ts";
import { withAutopath, withSearchpath } from "../../src/ndots/chain/corefiles.ts";
import { createWorld, inventedRecords, readRecords } from "../../src/ndots/chain/world.ts";
import type { KubeObject } from "../../src/ndots/objects.ts";
import { quantiles } from "../../src/ndots/quantiles.ts";
import { createWorkloads } from "../../src/ndots/workloads.ts";
import { HeavyNames } from "../../src/ndots/walk/heavy.ts";
import { progressBar } from "../../src/cli/progress.ts";
import { seededRandom, virtualClock } from "../../src/resolver/clock.ts";
import { decodeReply, encodeQuestion } from "../../src/resolver/wire.ts";

void t.test("a leg: time, loss, connections", async (t) => {
  const clock = virtualClock();
  const answer = Buffer.from("answer");
  const serve = async (): Promise<Buffer> => answer;
  const road = createRoad({ rtt: 10 }, clock, Math.random);
  await clock.run(async () => {
    t.equal(await road.udp(serve), answer);
    t.equal(clock.now(), 10);
    t.equal(await road.tcp(serve, true), answer);
    t.equal(clock.now(), 30, "a round trip for the connection");
    await road.tcp(serve, false);
    t.equal(clock.now(), 40);
    t.equal(await road.udp(async () => undefined), undefined, "no answer");
  });

  const random = seededRandom(1);
  const lossy = createRoad({ rtt: 10, loss: 0.1 }, clock, random);
  await clock.run(async () => {
    let lost = 0;
    for (let i = 0; i < 4000; i++) if ((await lossy.udp(serve)) === undefined) lost++;
    t.ok(Math.abs(lost / 4000 - (1 - 0.9 ** 2)) < 0.03, `${String(lost)} of 4000 lost, one way or the other`);
    const times: number[] = [];
    for (let i = 0; i < 4000; i++) {
      const begun = clock.now();
      if ((await lossy.tcp(serve, false)) !== answer) t.fail("TCP lost an answer");
      times.push(clock.now() - begun);
    }
    t.equal(times.toSorted((a, b) => a - b)[2000], 10);
    t.ok(times.filter((time) => time >= 210).length > 0.15 * 4000, "what is lost comes 200 ms later");
  });

  const connections = createConnections(clock);
  t.equal(connections.take(), true);
  t.equal(connections.take(), true, "one question at a time");
  connections.release();
  t.equal(connections.take(), false);
  connections.release();
  await clock.run(() => new Promise<void>((done) => clock.at(clock.now() + 10_001, done)));
  t.equal(connections.take(), true, "idle too long");
});

void t.test("the world outside", (t) => {
  const records = readRecords(
    "www.example.com. CNAME edge.example.net.\nedge.example.net. 60 A 198.51.100.9\nloop.example. CNAME loop.example.\n",
    "w",
  );
  if (typeof records === "string") return t.fail(records);
  const world = createWorld(records);
  const ask = (name: string, type: string) => {
    const question = { name, type };
    const bytes = world.serve(encodeQuestion(question, 7)!);
    return bytes && decodeReply(bytes, question);
  };
  t.match(ask("WWW.example.com.", "A"), {
    rcode: 0,
    answers: 2,
    addresses: ["198.51.100.9"],
    recursionAvailable: true,
  });
  t.match(ask("www.example.com.", "AAAA"), { rcode: 0, answers: 1, addresses: [] });
  t.match(ask("example.com.", "A"), { rcode: 0, answers: 0 }, "above a name there is one, too");
  t.match(ask("other.example.com.", "A"), { rcode: 3, answers: 0 });
  t.match(ask("loop.example.", "A"), { rcode: 0 }, "a circle comes to an end");
  t.equal(world.serve(Buffer.from("no message")), undefined);
  t.equal(readRecords("www.example.com. A", "w.zone")?.toString().startsWith("w.zone:1: "), true);
  const twice = [inventedRecords(["a.example"], 60), inventedRecords(["a.example"], 60)];
  t.same(twice[0], twice[1], "the same at every run");
  t.same(inventedRecords(["not..a.name"], 60), []);
  t.end();
});

const object = (
  kind: string,
  name: string,
  namespace: string,
  rest: object = {},
  metadata: object = {},
): KubeObject => ({
  kind,
  metadata: { name, namespace, ...metadata },
  ...rest,
});

void t.test("a pod's workload, from manifests", (t) => {
  const owned = (kind: string, name: string) => ({ ownerReferences: [{ kind, name }] });
  const pod = (name: string, podIP: string, metadata: object): KubeObject =>
    object(
      "Pod",
      name,
      "shop",
      { status: { podIP, podIPs: [{ ip: podIP }, { ip: `fd00::${podIP.split(".")[3]!}` }] } },
      metadata,
    );
  const workloads = createWorkloads([
    object("Deployment", "web", "shop", { spec: { selector: { matchLabels: { app: "web" } } } }),
    object("ReplicaSet", "web-5d8f7c6b9", "shop", {}, owned("Deployment", "web")),
    object("CronJob", "report", "shop"),
    object("Job", "report-28300", "shop", {}, owned("CronJob", "report")),
    object("StatefulSet", "db", "shop", {
      spec: {
        selector: { matchLabels: { app: "db" } },
        template: {
          spec: {
            dnsPolicy: "Default",
            dnsConfig: { options: [{ name: "ndots", value: "3" }, { name: "rotate" }] },
          },
        },
      },
    }),
    pod("web-5d8f7c6b9-a", "10.0.0.1", owned("ReplicaSet", "web-5d8f7c6b9")),
    pod("api-7f-b", "10.0.0.2", owned("ReplicaSet", "api-7f")),
    pod("report-28300-c", "10.0.0.3", owned("Job", "report-28300")),
    pod("report-28400-c", "10.0.0.4", owned("Job", "report-28400")),
    pod("alone-1", "10.0.0.5", owned("Job", "alone")),
    pod("db-0", "10.0.0.6", { labels: { app: "db" } }),
    pod("naked", "10.0.0.7", {}),
    object("Pod", "agent", "shop", { spec: { hostNetwork: true }, status: { podIP: "10.0.0.8" } }),
  ]);
  const owner = (address: string): string | undefined => {
    const found = workloads.ownerOf(address);
    return found && `${found.kind}/${found.name}`;
  };
  t.equal(owner("10.0.0.1"), "Deployment/web");
  t.equal(owner("fd00::1"), "Deployment/web", "by either address");
  t.equal(owner("10.0.0.2"), "Deployment/api", "whose ReplicaSet is not there");
  t.equal(owner("10.0.0.3"), "CronJob/report");
  t.equal(owner("10.0.0.4"), "CronJob/report", "whose Job is gone");
  t.equal(owner("10.0.0.5"), "Job/alone");
  t.equal(owner("10.0.0.6"), "StatefulSet/db", "by its labels");
  t.equal(owner("10.0.0.7"), "Pod/naked");
  t.equal(owner("10.0.0.8"), undefined, "a node's address is no pod's");
  const db = workloads.ownerOf("10.0.0.6")!;
  t.same(workloads.optionsOf(db), [{ name: "ndots", value: "3" }, { name: "rotate" }]);
  t.equal(workloads.searches(db), false);
  t.equal(workloads.searches(workloads.ownerOf("10.0.0.1")!), true);
  t.end();
});

void t.test("names that applications use, and names that are outside", (t) => {
  const service = (name: string, namespace: string, clusterIP: string) =>
    object("Service", name, namespace, { spec: { clusterIP } });
  const objects = [
    object("Namespace", "shop", ""),
    object("Namespace", "pay", ""),
    service("web", "shop", "10.96.0.1"),
    service("db", "shop", "None"),
    service("api", "pay", "10.96.0.2"),
    object(
      "EndpointSlice",
      "db-1",
      "shop",
      { endpoints: [{ hostname: "db-0" }] },
      { labels: { "kubernetes.io/service-name": "db" } },
    ),
  ];
  t.same(usualNames(objects, "shop", "cluster.local"), [
    "web",
    "api.pay",
    "api.pay.svc",
    "api.pay.svc.cluster.local",
    "db-0.db",
  ]);
  t.same(usualNames(objects, "pay", "cluster.local"), [
    "api",
    "web.shop",
    "web.shop.svc",
    "web.shop.svc.cluster.local",
    "db-0.db.shop",
  ]);
  t.same(usualNames([], "x", "cluster.local"), []);
  t.same(
    outsideNames(objects, "shop", "cluster.local", [
      "web",
      "api.pay",
      "api.pay.svc",
      "a.b.svc.cluster.local.",
      "db-0.db",
      "www.example.com.",
      "example.org",
    ]),
    ["www.example.com", "example.org"],
  );
  t.end();
});

void t.test("Corefiles with autopath and searchpath", (t) => {
  const words = (text: string): string => text.replace(/\s+/g, " ").trim();
  t.equal(
    words(withAutopath("kubernetes c.l {\n pods insecure\n}")),
    "autopath @kubernetes kubernetes c.l { pods verified }",
  );
  t.equal(
    words(withAutopath("kubernetes c.l {\n ttl 5\n}")),
    "autopath @kubernetes kubernetes c.l { pods verified ttl 5 }",
  );
  t.equal(words(withAutopath("kubernetes c.l")), "autopath @kubernetes kubernetes c.l { pods verified }");
  t.equal(words(withSearchpath("kubernetes c.l", ["x.y"])), "searchpath { extra x.y } kubernetes c.l");
  t.end();
});

void t.test("the heaviest of any number of names", (t) => {
  const heavy = new HeavyNames(10);
  const random = seededRandom(1);
  for (let i = 0; i < 30_000; i++)
    heavy.add(random() < 0.5 ? `often${String(Math.floor(random() * 3))}` : `once${String(i)}`, 1);
  const top = heavy.top(3);
  t.same(top.map(({ name }) => name).toSorted(), ["often0", "often1", "often2"]);
  t.ok(
    top.every(({ weight }) => weight > 3000 && weight <= 5300),
    "never too much",
  );
  t.ok(heavy.top(1000).length <= 21, "bounded");
  t.end();
});

void t.test("quantiles", (t) => {
  t.same(quantiles([4, 1, 3, 2]), { mean: 2.5, p50: 2, p90: 4, p99: 4, max: 4 });
  t.same(quantiles([]), { mean: 0, p50: 0, p90: 0, p99: 0, max: 0 });
  t.end();
});

void t.test("a bar on a terminal, and nothing elsewhere", (t) => {
  let now = 0;
  const written: string[] = [];
  const out = { isTTY: true, write: (text: string) => written.push(text) };
  const bar = progressBar(out, () => now);
  bar.show(0.01, "x");
  t.same(written, [], "short works need none");
  now = 2000;
  bar.show(0.5, "half");
  now = 2010;
  bar.show(0.51, "too soon");
  bar.end();
  t.equal(written.length, 2);
  t.match(written[0], /\[#{15} {15}\] half, 2 s left/);
  const silent: string[] = [];
  const pipe = progressBar({ write: (text: string) => silent.push(text) }, () => now);
  now = 9000;
  pipe.show(0.5, "x");
  pipe.end();
  t.same(silent, []);
  t.end();
});
