/** Every exhibit fails as its threads report, is mended as they report, soon, and the same way each time. */
import t from "tap";
import { EXHIBITS, show, type Shown } from "../../src/museum/index.ts";
import { names } from "./expected-names.ts";
import { edge, nodes, policy, services } from "./expected-rest.ts";
import type { Expected } from "./support.ts";

const EXPECTED: Expected = { ...names, ...services, ...policy, ...edge, ...nodes };
/** Of computing time: what else the machine does must not count. */
const MOST_MS = 1000;
const MOST_ALL_MS = 30_000;

t.test("the collection", (t) => {
  t.ok(EXHIBITS.length >= 25, "at least 25");
  t.equal(new Set(EXHIBITS.map(({ id }) => id)).size, EXHIBITS.length, "each id once");
  t.same(Object.keys(EXPECTED).sort(), EXHIBITS.map(({ id }) => id).sort(), "something is expected of each");
  for (const { id, threads, year } of EXHIBITS) {
    t.match(id, /^[a-z0-9]+(-[a-z0-9]+)*$/);
    t.ok(year >= 2014 && year <= 2026, `${id} is of ${year}`);
    t.ok(threads.length > 0, `${id} cites`);
    for (const { cite, title, found } of threads) {
      t.match(cite, /^([\w.-]+\/[\w.-]+#\d+|https:\/\/\S+)$/, `${id}: ${cite} can be looked up`);
      t.ok(title.length > 5 && found.length > 20, `${cite} is told`);
    }
  }
  t.end();
});

const used = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

t.test("each shows what was reported", async (t) => {
  const begun = used();
  for (const exhibit of EXHIBITS) {
    const start = used();
    const shown = await show(exhibit);
    const ms = used() - start;
    await t.test(exhibit.id, (t) => {
      const { broken, mended, assertions, steps } = shown.evidence;
      t.ok(ms < MOST_MS, `under a second: ${Math.round(ms)} ms`);
      t.ok(assertions.length >= 2 && steps.length >= 2, "it tells and states something");
      for (const { text, holds } of assertions) t.ok(holds, text);
      t.ok(shown.ok);
      const expected = EXPECTED[exhibit.id] ?? [];
      t.ok(expected.length > 0);
      for (const [text, isSo] of expected)
        t.ok(isSo(broken.facts, mended.facts), text, { broken: broken.facts, mended: mended.facts });
      for (const [name, value] of Object.entries({ ...broken.facts, ...mended.facts }))
        t.ok(typeof value !== "number" || Number.isFinite(value), `${name} is measured`);
      t.end();
    });
  }
  t.ok(used() - begun < MOST_ALL_MS, "all of them in half a minute");
});

t.test("twice is the same", async (t) => {
  for (const exhibit of EXHIBITS) {
    const [one, other] = [await exhibit.run(), await exhibit.run()];
    t.same(other, one, exhibit.id);
  }
});

t.test("an exhibit whose failure does not happen is no exhibit", async (t) => {
  const [real] = EXHIBITS;
  const shown: Shown = await show({
    ...real!,
    run: async () => {
      const evidence = await real!.run();
      return { ...evidence, assertions: [...evidence.assertions, { text: "pigs fly", holds: false }] };
    },
  });
  t.notOk(shown.ok);
});
