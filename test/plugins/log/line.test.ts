import fc from "fast-check";
import t from "tap";
import { fromLabels, nameText, ROOT } from "../../../src/dns/name.ts";
import { Line } from "../../../plugins/log/line.ts";

const made = (write: (line: Line) => void): string => {
  const line = new Line();
  write(line);
  return line.take();
};

t.test("numbers and durations", async (t) => {
  for (const value of [0, 9, 10, 99, 100, 65_535, 1_000_000_007])
    t.equal(
      made((line) => line.number(value)),
      String(value),
    );
  const durations: readonly (readonly [number, string])[] = [
    [0, "0s"],
    [0.000066649, "0.000066649s"],
    [0.5, "0.5s"],
    [0.1, "0.1s"],
    [1, "1s"],
    [12.000000001, "12.000000001s"],
    [1e-10, "0s"],
    [0.9999999999, "1s"],
  ];
  for (const [seconds, text] of durations)
    t.equal(
      made((line) => line.duration(seconds)),
      text,
    );
});

t.test("names as everywhere else", async (t) => {
  t.equal(
    made((line) => line.name(ROOT)),
    ".",
  );
  const label = fc.string({
    minLength: 1,
    maxLength: 63,
    unit: fc.nat(255).map((c) => String.fromCharCode(c)),
  });
  fc.assert(
    fc.property(fc.array(label, { minLength: 1, maxLength: 4 }), (labels) => {
      const name = fromLabels(labels);
      return made((line) => line.name(name)) === nameText(name);
    }),
  );
});

t.test("texts of any letters, in a line longer than its buffer", async (t) => {
  const line = new Line();
  const parts = Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? "größe " : "x".repeat(i)));
  for (const part of parts) line.text(part);
  t.equal(line.take(), parts.join(""));
  line.text("the next");
  t.equal(line.take(), "the next");
});
