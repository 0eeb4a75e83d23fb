import t from "tap";
import { createBackoff, createGate, createLimiter, pause } from "../../src/cluster/apiserver/limits.ts";
import { timingsFor, TIMINGS } from "../../src/cluster/apiserver/freshness.ts";

t.test("the limiter lets a burst through, then the rate, and saves up to a burst again", async (t) => {
  let now = 0;
  const limiter = createLimiter({ qps: 100, burst: 3, maxInflight: 0 }, () => now);
  const { signal } = new AbortController();
  const waits = await Promise.all(Array.from({ length: 5 }, () => limiter(signal)));
  t.same(waits, [0, 0, 0, 0.01, 0.02]);
  now = 30;
  t.equal(await limiter(signal), 0, "the debt of two is paid, and one is left");
  t.equal(await limiter(signal), 0.01);
  now = 10_000;
  t.same(await Promise.all([1, 2, 3, 4].map(() => limiter(signal))), [0, 0, 0, 0.01]);
});

t.test("without numbers the limiter has client-go's: 5 a second, 10 at once", async (t) => {
  const limiter = createLimiter({ qps: 0, burst: 0, maxInflight: 0 }, () => 0);
  const abort = new AbortController();
  const waits = Array.from({ length: 11 }, () => limiter(abort.signal));
  t.same(await Promise.all(waits.slice(0, 10)), new Array(10).fill(0));
  abort.abort(new Error("enough"));
  await t.rejects(waits[10]!, { message: "enough" }, "the eleventh waits, and can be called off");
});

t.test("the gate lets so many in, the others in their order", async (t) => {
  const enter = createGate(2);
  const order: number[] = [];
  const leaves = await Promise.all([enter(), enter()]);
  const later = [3, 4].map(async (n) => {
    const leave = await enter();
    order.push(n);
    return leave;
  });
  leaves[0]!();
  leaves[0]!();
  await later[0];
  t.same(order, [3], "who leaves twice does not let two in");
  leaves[1]!();
  await later[1];
  t.same(order, [3, 4]);
});

t.test("the time between attempts doubles up to a limit, and begins anew after a success", (t) => {
  const backoff = createBackoff(() => 0.5);
  t.same(
    [1, 2, 3, 4, 5, 6].map(() => backoff.next(false)),
    [200, 400, 800, 1600, 2000, 2000],
  );
  t.equal(backoff.next(true), 12_800, "a server that refuses is left alone for longer");
  t.equal(backoff.next(true), 20_000);
  backoff.reset();
  t.equal(backoff.next(false), 200);
  t.same(
    [createBackoff(() => 0).next(false), createBackoff(() => 1).next(false)],
    [100, 300],
    "with a jitter",
  );
  t.end();
});

t.test("a pause ends early when it is called off", async (t) => {
  const abort = new AbortController();
  const long = pause(60_000, abort.signal);
  abort.abort(new Error("over"));
  await t.rejects(long, { message: "over" });
  await t.rejects(pause(1, abort.signal), { message: "over" });
});

t.test(
  "silence is noticed within 15 s; a limit of requests makes the clock slower, so that it does not look like silence",
  (t) => {
    t.ok(TIMINGS.silence + 1000 < 15_000);
    t.ok(TIMINGS.probe + TIMINGS.behind < 15_000);
    t.same(timingsFor(TIMINGS, 0, 4), TIMINGS);
    t.same(timingsFor(TIMINGS, 5, 4), TIMINGS);
    t.same(timingsFor(TIMINGS, 0.5, 4), { ...TIMINGS, probe: 16_000, silence: 48_000, still: 160_000 });
    t.end();
  },
);
