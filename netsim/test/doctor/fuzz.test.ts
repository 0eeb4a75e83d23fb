/** Whatever the input is like, each check comes to its end; and none needs Node. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import t from "tap";
import { random } from "../../bench/generate.ts";
import { doctor } from "../../src/doctor/doctor.ts";
import { follow } from "../../src/doctor/follow.ts";
import { doctorMarkdown } from "../../src/doctor/report/markdown.ts";
import { doctorSarif } from "../../src/doctor/report/sarif.ts";
import { doctorText } from "../../src/doctor/report/text.ts";
import { loadObjects } from "../../src/model/load.ts";
import { broken, folders, netsim, read } from "./support.ts";

const ROUNDS = 250;
const ODD: readonly unknown[] = [
  null,
  "",
  "x",
  "10.0.0.0/8",
  "::1",
  -1,
  0,
  70000,
  1.5,
  true,
  [],
  {},
  [null],
  [[]],
  { a: 1 },
  "a\nb",
  "*",
];

/** A copy in which some values are others: odd ones, or ones from elsewhere in it. */
function mutated(value: unknown, next: () => number, chance: number): unknown {
  if (next() < chance) return ODD[Math.floor(next() * ODD.length)];
  if (Array.isArray(value)) {
    const list = value.map((v) => mutated(v, next, chance));
    return next() < chance ? [...list, ...list] : list;
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([k, v]): [string, unknown][] =>
      next() < chance / 2 ? [] : [[k, mutated(v, next, chance)]],
    ),
  );
}

t.test(`${ROUNDS} damaged clusters`, async (t) => {
  const next = random(7);
  const names = folders();
  let findings = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const [a = "", b = ""] = [names, names].map((list) => list[Math.floor(next() * list.length)]);
    const objects = [a, b].flatMap((name) => loadAll(read(broken(name).cluster)));
    const damaged = mutated(objects, next, 0.02);
    const diagnosis = await doctor(loadObjects(Array.isArray(damaged) ? damaged : [damaged]), {
      flows: 1000,
    });
    findings += diagnosis.findings.length;
    if (diagnosis.failures.length > 0)
      t.fail(`round ${round} (${a}, ${b}): ${JSON.stringify(diagnosis.failures)}`);
    t.ok(doctorText(diagnosis) + doctorMarkdown(diagnosis) + JSON.stringify(doctorSarif(diagnosis)));
    follow(diagnosis.findings, () => undefined);
  }
  t.ok(findings > ROUNDS, "there was something to find");
});

t.test("the checks use nothing of Node's", (t) => {
  const dir = join(netsim, "src/doctor");
  const files = readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts"));
  t.ok(files.length > 40);
  for (const file of files) t.notMatch(readFileSync(join(dir, file), "utf8"), /from "node:/, file);
  t.end();
});
