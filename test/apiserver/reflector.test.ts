/** How the client of an API server lists, watches and recovers, against answers that a real server gives but rarely. */
import t, { type Test } from "tap";
import { setTimeout as sleep } from "node:timers/promises";
import { type ClusterFollower, follow, until } from "../support/cluster-follower.ts";
import {
  bookmark,
  type FakeApiServer,
  type FakeRequest,
  refuse,
  send,
  sendList,
  service,
  startFakeApiServer,
} from "../support/fake-apiserver.ts";

const QUIET = { probe: 600_000, behind: 600_000, silence: 600_000, still: 600_000 };

/** A fake server, and an index of its Services; both end with the test. */
async function setUp(
  test: Test,
  answer: (request: FakeRequest) => void,
  options: Partial<Parameters<typeof follow>[0]> = {},
  labels?: string,
): Promise<{ api: FakeApiServer; follower: ClusterFollower }> {
  const api = await startFakeApiServer(answer);
  test.teardown(() => api.close());
  const access = { kind: "endpoint", url: api.url } as const;
  const follower = follow({ access, timings: QUIET, ...options }, ["Service"], labels);
  test.teardown(() => follower.watch.close());
  return { api, follower };
}

const names = ({ index }: ClusterFollower): string[] =>
  [...index.servicesIn("shop")].filter(([, { service }]) => service !== undefined).map(([name]) => name);
const added = (name: string, version: number) => ({ type: "ADDED", object: service(name, version) });
const deleted = (name: string, version: number) => ({ type: "DELETED", object: service(name, version) });
const isInitial = ({ query }: FakeRequest): boolean => query["sendInitialEvents"] === "true";

t.test("a watch list is listed when its bookmark comes, and goes on as a watch", async (t) => {
  let stream: FakeRequest | undefined;
  const { api, follower } = await setUp(t, (request) => {
    stream = request;
    send(request, added("web", 3), added("db", 4));
  });
  await until(() => stream !== undefined, 5000, "a request");
  await sleep(50);
  t.equal(follower.index.synced, false, "objects alone are no complete list");
  send(stream!, bookmark(5, true));
  await follower.synced();
  t.same(names(follower), ["web", "db"]);
  send(stream!, deleted("web", 6), added("cache", 7));
  await until(() => names(follower).includes("cache"), 1000, "the change");
  t.same(names(follower), ["db", "cache"]);
  t.equal(follower.health("Service").resourceVersion, "7");
  t.equal(api.asked.length, 1);
});

t.test("what is deleted while the list streams in is not there after it", async (t) => {
  const { follower } = await setUp(t, (request) => {
    send(request, added("web", 1), added("db", 2), added("old", 3), deleted("db", 4));
    send(request, deleted("old", 5), added("old", 6), bookmark(7, true));
  });
  await follower.synced();
  await sleep(50);
  t.same(names(follower), ["web", "old"], "one was deleted and made anew");
});

t.test("a watch that ends is resumed from the last version", async (t) => {
  const streams: FakeRequest[] = [];
  const { api, follower } = await setUp(t, (request) => {
    streams.push(request);
    if (isInitial(request)) send(request, added("web", 3), bookmark(9, true));
    else send(request, added("late", 20));
  });
  await follower.synced();
  await sleep(1100);
  send(streams[0]!, bookmark(15));
  streams[0]!.response.end();
  await until(() => names(follower).includes("late"), 2000, "the second watch");
  t.match(api.asked[1], /resourceVersion=15/);
  t.equal(api.asked.length, 2);
});

for (const how of ["an event", "a response"]) {
  t.test(`410 as ${how}: everything is listed anew, and what is gone is removed`, async (t) => {
    let lists = 0;
    const { follower } = await setUp(t, (request) => {
      if (isInitial(request)) {
        send(
          request,
          ...(lists++ === 0 ? [added("web", 3), added("db", 4)] : [added("db", 4), added("new", 40)]),
        );
        send(request, bookmark(lists * 100, true));
        if (lists === 1) {
          if (how === "an event") send(request, { type: "ERROR", object: { code: 410, message: "too old" } });
          else request.response.end();
        }
      } else refuse(request, 410, "too old resource version");
    });
    await follower.synced();
    await until(() => !names(follower).includes("web"), 5000, "the end of the second list");
    t.same(names(follower), ["db", "new"]);
    t.equal(follower.health("Service").error, undefined);
  });
}

t.test("a server without watch lists is asked for pages, then for a watch", async (t) => {
  const { api, follower } = await setUp(t, (request) => {
    const { query } = request;
    if (isInitial(request)) return refuse(request, 422, "sendInitialEvents: Forbidden");
    if (query["watch"]) return send(request, added("late", 60));
    if (query["continue"] === undefined) return sendList(request, 50, [service("web", 3)], "more");
    sendList(request, 50, [service("db", 4)]);
  });
  await follower.synced();
  await until(() => names(follower).includes("late"), 2000, "the watch");
  t.same(names(follower), ["web", "db", "late"]);
  t.match(api.asked.slice(1), [
    "services?limit=500",
    "services?continue=more&limit=500",
    /resourceVersion=50/,
  ]);
});

t.test("a list of pages whose continuation has expired begins again", async (t) => {
  let expired = false;
  const { follower } = await setUp(t, (request) => {
    const { query } = request;
    if (query["watch"]) return isInitial(request) ? refuse(request, 422, "no") : send(request);
    if (query["continue"] === undefined)
      return sendList(request, 50, [service(expired ? "new" : "gone", 3)], "more");
    if (!expired) {
      expired = true;
      return refuse(request, 410, "The provided continue parameter is too old");
    }
    sendList(request, 50, []);
  });
  await follower.synced();
  t.same(names(follower), ["new"]);
});

t.test("no change is lost where a stream breaks off inside a line", async (t) => {
  let watches = 0;
  const { api, follower } = await setUp(t, (request) => {
    if (isInitial(request)) return (send(request, bookmark(10, true)), void request.response.end());
    if (watches++ > 0) return send(request, added("db", 12));
    send(request, added("web", 11));
    request.response.write(JSON.stringify(added("db", 12)).slice(0, 40));
    setTimeout(() => request.response.destroy(), 20);
  });
  await until(() => names(follower).includes("db"), 5000, "the change that broke off");
  t.same(names(follower), ["web", "db"]);
  t.match(api.asked[2], /resourceVersion=11/);
});

t.test("an error in the same chunk as a change does not lose the change", async (t) => {
  let watches = 0;
  const { follower } = await setUp(t, (request) => {
    if (isInitial(request)) return (send(request, bookmark(10, true)), void request.response.end());
    const events = [added("web", 11), ...(watches++ === 0 ? [{ type: "ERROR", object: { code: 500 } }] : [])];
    request.response.write(events.map((event) => JSON.stringify(event) + "\n").join(""));
  });
  await until(() => names(follower).includes("web"), 5000, "the change before the error");
});

t.test("what is no JSON is an error, not an end", async (t) => {
  let asked = 0;
  const { follower } = await setUp(t, (request) => {
    if (asked++ === 0) return void request.response.end("<html>a proxy's page</html>\n");
    send(request, added("web", 3), bookmark(4, true));
  });
  await follower.synced();
  t.match(follower.logs, [/^services: .*JSON/]);
});

t.test("an event of another shape is an error like others", async (t) => {
  let lists = 0;
  const { follower } = await setUp(t, (request) => {
    if (lists++ === 0)
      return send(request, added("web", 3), { type: "ADDED", object: {} }, bookmark(4, true));
    send(request, added("db", 3), bookmark(4, true));
  });
  await follower.synced();
  t.same(names(follower), ["db"], "the list that broke does not count");
  t.equal(follower.logs.length, 1);
});

t.test("refusals: told in the server's words, with its Retry-After, and once", async (t) => {
  let refusedAt = 0;
  let againAt = 0;
  const { follower } = await setUp(t, (request) => {
    if (refusedAt === 0) {
      refusedAt = performance.now();
      return refuse(request, 429, "the server has received too many requests", { "retry-after": "1" });
    }
    againAt ||= performance.now();
    send(request, bookmark(4, true));
  });
  await follower.synced();
  t.ok(againAt - refusedAt >= 990, `came back after ${Math.round(againAt - refusedAt)} ms`);
  t.same(follower.logs, ["services: the server has received too many requests (429)"]);
  t.equal(follower.health("Service").error, undefined, "over");
});

t.test("a server that ends every watch at once is not asked in a tight loop", async (t) => {
  const { api, follower } = await setUp(t, (request) => {
    send(request, bookmark(4, true));
    request.response.end();
  });
  await follower.synced();
  await sleep(1500);
  t.ok(api.asked.length >= 2 && api.asked.length < 12, `${api.asked.length} requests in 1.5 s`);
});

t.test("labels select on the server", async (t) => {
  const { api, follower } = await setUp(
    t,
    (request) => send(request, bookmark(4, true)),
    {},
    "app in (a,b),tier=web",
  );
  await follower.synced();
  t.equal(new URLSearchParams(api.asked[0]!.split("?")[1]).get("labelSelector"), "app in (a,b),tier=web");
});

t.test("requests a second are limited, and the wait is told", async (t) => {
  const limited: number[] = [];
  const observer = {
    request: () => {},
    limited: (_method: string, _host: string, seconds: number) => limited.push(seconds),
  };
  const api = await startFakeApiServer((request) => send(request, bookmark(4, true)));
  t.teardown(() => api.close());
  const limits = { qps: 5, burst: 1 };
  const follower = follow({ access: { kind: "endpoint", url: api.url }, timings: QUIET, limits, observer });
  t.teardown(() => follower.watch.close());
  const started = performance.now();
  await follower.synced();
  t.ok(performance.now() - started >= 390, "three requests at 5 a second, one of them at once");
  t.same(
    limited.map((seconds) => Math.round(seconds * 10)),
    [0, 2, 4],
  );
});

t.test("requests are counted by code, host and method; watches have no duration", async (t) => {
  const seen: unknown[][] = [];
  const observer = { request: (...what: unknown[]) => seen.push(what), limited: () => {} };
  const { api, follower } = await setUp(
    t,
    (request) => {
      if (isInitial(request)) return refuse(request, 422, "no");
      if (request.query["watch"]) return send(request);
      sendList(request, 4, []);
    },
    { observer },
  );
  await follower.synced();
  await until(() => seen.length === 3, 1000, "three requests");
  const host = new URL(api.url).host;
  t.match(seen, [
    ["422", "GET", host, undefined],
    ["200", "GET", host, Number],
    ["200", "GET", host, undefined],
  ]);
});

t.test("close ends it: the thread is gone, and nothing comes any more", async (t) => {
  let stream: FakeRequest | undefined;
  const { follower } = await setUp(t, (request) => send((stream = request), bookmark(4, true)));
  await follower.synced();
  await follower.watch.close();
  await until(() => stream!.response.closed, 2000, "the connection closed");
  await follower.watch.close();
  t.same(names(follower), []);
});
