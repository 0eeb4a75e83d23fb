/** Never silently stale: watches that stand still are found out and healed, and quiet ones are left alone. */
import t, { type Test } from "tap";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { kubeconfigText, noApiServer, startApiServer } from "../support/apiserver.ts";
import { apply, type Manifest } from "../support/apiserver-load.ts";
import { type ClusterFollower, DNS_KINDS, follow, until } from "../support/cluster-follower.ts";
import {
  bookmark,
  type FakeRequest,
  refuse,
  send,
  sendList,
  service,
  startFakeApiServer,
} from "../support/fake-apiserver.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

t.setTimeout(120_000);

const FAST = { probe: 50, behind: 200, silence: 1000, still: 1000 };
const added = (name: string, version: number) => ({ type: "ADDED", object: service(name, version) });
const knows = ({ index }: ClusterFollower, name: string): boolean =>
  index.find("shop", name)?.service !== undefined;

interface Fake {
  /** The store's newest version, as a list says it. */
  newest: number;
  /** What a watch from a known version brings: the second one, which compares, and those after. */
  compare: (request: FakeRequest) => void;
  probe?: (request: FakeRequest) => void;
  objects: object[];
}

async function setUp(t: Test, fake: Fake, timings = FAST) {
  const lists: FakeRequest[] = [];
  const compared: FakeRequest[] = [];
  const api = await startFakeApiServer((request) => {
    const { query } = request;
    if (query["sendInitialEvents"]) {
      lists.push(request);
      send(request, ...fake.objects, bookmark(fake.newest, true));
    } else if (query["watch"]) {
      compared.push(request);
      fake.compare(request);
    } else if (fake.probe) fake.probe(request);
    else sendList(request, fake.newest, []);
  });
  t.teardown(() => api.close());
  const limits = { qps: 1000, burst: 1000 };
  const follower = follow({ access: { kind: "endpoint", url: api.url }, timings, limits }, ["Service"]);
  t.teardown(() => follower.watch.close());
  await follower.synced();
  return { follower, lists, compared, health: () => follower.health("Service") };
}

t.test("a kind in which nothing happens is not taken for a frozen one", async (t) => {
  // Other kinds' changes count the same version up: here by one for every question.
  const fake: Fake = {
    newest: 100,
    objects: [added("web", 9)],
    probe: (request) => sendList(request, ++fake.newest, []),
    compare: (request) => {
      send(request, bookmark(fake.newest));
      request.response.end();
    },
  };
  const { follower, lists, compared, health } = await setUp(t, fake);
  await sleep(1500);
  t.equal(health().staleSince, undefined);
  t.ok(Date.now() - health().heardAt! < 1000);
  t.same([lists.length, follower.logs], [1, []]);
  t.ok(compared.length >= 2, "looked at from time to time");
  t.equal(compared.at(-1)!.query["resourceVersion"] === "100", false, "from where the last look ended");
});

t.test("a change that only a second watch brings: frozen, listed anew, healed", async (t) => {
  const fake: Fake = { newest: 100, objects: [], compare: (request) => send(request, added("web", 103)) };
  const { follower, lists, health } = await setUp(t, fake);
  await sleep(120);
  t.equal(health().staleSince, undefined);
  fake.newest = 105;
  fake.objects = [added("web", 103)];
  await until(() => knows(follower, "web"), 3000, "healed");
  t.equal(lists.length, 2);
  t.match(follower.logs, [
    /^services: the watch has not reached version 105 within .*: answers may be out of date$/,
  ]);
  await until(() => health().staleSince === undefined, 1000, "no longer stale");
  t.match(health(), { error: undefined, resourceVersion: "105" });
  t.match(follower.logs[1], "services: up to date again");
});

t.test("a change that both watches bring in the end is none that was missed", async (t) => {
  const fake: Fake = { newest: 100, objects: [], compare: (request) => send(request, added("web", 103)) };
  const { follower, lists } = await setUp(t, fake);
  fake.compare = (request) => {
    send(lists[0]!, added("web", 103));
    setTimeout(() => send(request, added("web", 103), bookmark(105)), 100);
  };
  fake.newest = 105;
  await until(() => knows(follower, "web"), 3000, "the change");
  await sleep(300);
  t.same([lists.length, follower.logs], [1, []]);
});

t.test("a server whose own cache of the kind stands still is not believed", async (t) => {
  const fake: Fake = {
    newest: 100,
    objects: [],
    compare: (request) => {
      send(request, bookmark(100));
      request.response.end();
    },
  };
  const { follower, lists } = await setUp(t, fake);
  fake.newest = 200;
  await until(() => lists.length === 2, 4000, "a new list");
  t.match(follower.logs, [/not reached version 200/]);
});

t.test("one of several servers whose cache is behind the others', but moves, is believed", async (t) => {
  let cache = 100;
  const fake: Fake = {
    newest: 100,
    objects: [],
    probe: (request) => sendList(request, (fake.newest += 10), []),
    compare: (request) => {
      send(request, bookmark(++cache));
      request.response.end();
    },
  };
  const { follower, lists, compared } = await setUp(t, fake);
  await sleep(2500);
  t.ok(compared.length > 4);
  t.same([lists.length, follower.logs], [1, []]);
});

t.test("a store that went back (restored from a backup) is listed anew", async (t) => {
  const fake: Fake = { newest: 100, objects: [added("web", 90)], compare: () => {} };
  const { follower, lists } = await setUp(t, fake);
  fake.newest = 60;
  fake.objects = [added("db", 50)];
  await until(() => knows(follower, "db") && !knows(follower, "web"), 3000, "the old state");
  t.equal(lists.length, 2);
  t.match(follower.logs, [/the store went back from version 100 to 60/]);
});

t.test("silence: stale since the last word, and new connections", async (t) => {
  const fake: Fake = { newest: 100, objects: [], compare: () => {} };
  const { follower, lists, health } = await setUp(t, fake);
  fake.probe = () => {};
  const heard = Date.now();
  await until(() => health().staleSince !== undefined, 3000, "noticed");
  t.ok(Math.abs(health().staleSince! - heard) < 500);
  t.match(health().error, /^services: no answer for \d+ s$/);
  await until(() => lists.length === 2, 1000, "asked anew");
  delete fake.probe;
  await until(() => health().staleSince === undefined, 3000, "healed");
  t.equal(follower.logs.at(-1), "services: up to date again");
});

t.test("refused questions: stale after a while, but a watch that works goes on", async (t) => {
  const fake: Fake = { newest: 100, objects: [], compare: () => {} };
  const { follower, lists, health } = await setUp(t, fake);
  fake.probe = (request) => refuse(request, 429, "too many requests");
  await until(() => health().staleSince !== undefined, 5000, "noticed");
  t.match(health().error, /too many requests/);
  send(lists[0]!, added("web", 101));
  await until(() => knows(follower, "web"), 1000, "the watch goes on");
  t.equal(lists.length, 1);
  delete fake.probe;
  fake.newest = 101;
  await until(() => health().staleSince === undefined, 3000, "confirmed again");
});

t.test("a thread that ended is replaced, and brings everything anew", async (t) => {
  const workers: Worker[] = [];
  const { postMessage } = Worker.prototype;
  t.teardown(() => Object.assign(Worker.prototype, { postMessage }));
  Worker.prototype.postMessage = function (this: Worker, ...args: Parameters<Worker["postMessage"]>) {
    if (!workers.includes(this)) workers.push(this);
    return postMessage.apply(this, args);
  };
  const fake: Fake = { newest: 100, objects: [added("web", 9)], compare: () => {} };
  const { follower, lists } = await setUp(t, fake);
  fake.objects = [added("db", 9)];
  await workers[0]!.terminate();
  t.ok(knows(follower, "web"), "answers go on");
  await until(() => knows(follower, "db") && !knows(follower, "web"), 5000, "the list of the second thread");
  t.same([workers.length, lists.length], [2, 2]);
});

t.test("packets that are dropped before a real API server", { skip: noApiServer }, async (t) => {
  const api = await startApiServer();
  t.teardown(() => api.close());
  const proxy = await startTcpProxy(api.port);
  t.teardown(() => proxy.close());
  const file = join(api.dir, "proxied");
  writeFileSync(file, kubeconfigText(`https://127.0.0.1:${proxy.port}`, api.caFile, api.token));
  const follower = follow({ access: { kind: "kubeconfig", file } });
  t.teardown(() => follower.watch.close());
  await follower.synced();
  const make = (name: string): Promise<void> => {
    const spec = { ports: [{ port: 80 }] };
    return apply(api, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "default" },
      spec,
    } as Manifest);
  };
  const there = (name: string): boolean => follower.index.find("default", name)?.service !== undefined;
  const stale = (): boolean[] => DNS_KINDS.map((kind) => follower.health(kind).staleSince !== undefined);

  proxy.freezeOpen();
  await make("behind-a-frozen-watch");
  const healed = await until(() => there("behind-a-frozen-watch"), 30_000, "healed");
  t.ok(healed <= 15_000, `the open connections dead: healed after ${(healed / 1000).toFixed(1)} s`);

  await until(() => !stale().includes(true), 10_000, "up to date");
  proxy.freeze();
  await make("behind-a-dead-network");
  const noticed = await until(() => !stale().includes(false), 30_000, "noticed");
  t.ok(noticed <= 15_000, `the network dead: noticed after ${(noticed / 1000).toFixed(1)} s`);
  t.notOk(there("behind-a-dead-network"));
  proxy.thaw();
  await until(() => there("behind-a-dead-network") && !stale().includes(true), 15_000, "healed");
});
