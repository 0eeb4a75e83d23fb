import fc from "fast-check";
import t from "tap";
import { compareNames, fromLabels, lower, nameOf, nameText } from "../../src/dns/name.ts";
import { canonicalOrder, floorOf } from "../../src/zone/order.ts";
import { names } from "./zones.ts";

function sorted(all: Parameters<typeof canonicalOrder>[0]): ReturnType<typeof names> {
  const work = canonicalOrder(all);
  for (;;) {
    const step = work.next();
    if (step.done === true) return [...step.value];
  }
}

t.test("the order of RFC 4034 §6.1", async (t) => {
  const order = names(
    "example.",
    "a.example.",
    "yljkjljk.a.example.",
    "z.a.example.",
    "zabc.a.example.",
    "z.example.",
    "\\001.z.example.",
    "*.z.example.",
    "\\200.z.example.",
  );
  t.same(sorted([...order].reverse()).map(nameText), order.map(nameText));
});

const label = fc
  .array(fc.constantFrom(0, 1, 2, 45, 97, 98, 255), { minLength: 1, maxLength: 4 })
  .map((bytes) => String.fromCharCode(...bytes));
const name = fc.array(label, { maxLength: 4 }).map((labels) => lower(fromLabels(labels)));

t.test("any names are sorted as they compare, whatever is in their labels", async () => {
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 40 }), (all) => {
      const expected = [...all].sort(compareNames);
      const order = sorted(all);
      return order.length === expected.length && order.every((one, i) => one === expected[i]);
    }),
  );
});

t.test("more names than are sorted at once", async (t) => {
  const all = Array.from({ length: 5000 }, (_, i) => nameOf(`h${(i * 7919) % 5000}.${i % 7}.example.`));
  const work = canonicalOrder(all);
  let pauses = 0;
  let step = work.next();
  for (; step.done !== true; step = work.next()) pauses++;
  t.same(step.value, [...all].sort(compareNames));
  t.ok(pauses > 20, "with pauses in between");
  t.same(sorted([]), []);
});

t.test("the name itself or the last one before it", async (t) => {
  const order = names("example.", "b.example.", "d.b.example.", "f.example.");
  for (const [asked, floor] of [
    ["example.", "example."],
    ["a.example.", "example."],
    ["b.example.", "b.example."],
    ["z.c.b.example.", "b.example."],
    ["e.example.", "d.b.example."],
    ["z.example.", "f.example."],
  ] as const)
    t.equal(nameText(floorOf(order, nameOf(asked))!), floor, asked);
  t.equal(floorOf(order, nameOf("a.")), undefined);
});
