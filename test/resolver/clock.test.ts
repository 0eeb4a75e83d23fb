import t from "tap";
import { realClock, seededRandom, until, virtualClock } from "../../src/resolver/clock.ts";

void t.test("virtual time jumps from event to event, in order", async (t) => {
  const clock = virtualClock();
  const seen: string[] = [];
  await clock.run(async () => {
    clock.at(20, () => seen.push("20"));
    clock.at(10, () => seen.push("10 first"));
    clock.at(10, () => seen.push("10 second"));
    const callOff = clock.at(15, () => seen.push("called off"));
    callOff();
    await until(clock, 12);
    seen.push(`awake at ${String(clock.now())}`);
    clock.at(5, () => seen.push(`late, at ${String(clock.now())}`));
    await until(clock, 30);
  });
  t.same(seen, ["10 first", "10 second", "awake at 12", "late, at 12", "20"]);
  t.equal(clock.now(), 30);
});

void t.test("what happens at one time has all happened before anybody looks", async (t) => {
  const clock = virtualClock();
  const arrived: number[] = [];
  let first: number | undefined;
  await clock.run(async () => {
    const waiter = until(clock, 5).then(() => {
      first = arrived.length;
    });
    clock.at(5, () => arrived.push(1));
    clock.at(5, () => arrived.push(2));
    await waiter;
  });
  t.equal(first, 2);
});

void t.test("time stands still for real work that is held", async (t) => {
  const clock = virtualClock();
  const at = await clock.run(async () => {
    clock.at(1000, () => undefined);
    await clock.hold(new Promise((done) => setTimeout(done, 20)));
    return clock.now();
  });
  t.equal(at, 0);
});

void t.test("a wait that nothing ends is an error, not a hang", async (t) => {
  await t.rejects(
    virtualClock().run(() => new Promise<never>(() => undefined)),
    /no event will wake/,
  );
  await t.rejects(
    virtualClock().run(async () => Promise.reject(new Error("as thrown"))),
    /as thrown/,
  );
});

void t.test("the real clock", async (t) => {
  const start = realClock.now();
  const callOff = realClock.at(start, () => t.fail("was called off"));
  callOff();
  await until(realClock, start + 15);
  t.ok(realClock.now() - start >= 13.5, "not early, but for the rounding of the timer's own clock");
});

void t.test("a seed's numbers", async (t) => {
  const draw = (seed: number): number[] => Array.from({ length: 1000 }, seededRandom(seed));
  t.same(draw(7), draw(7), "repeat");
  t.notSame(draw(7), draw(8));
  const numbers = draw(1);
  t.ok(numbers.every((x) => x >= 0 && x < 1));
  const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  t.ok(Math.abs(mean - 0.5) < 0.05, "spread evenly");
});
