/** `netsim museum` as it is called. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { EXHIBITS } from "../../src/museum/index.ts";
import { netsim } from "../cli/support.ts";

interface Told {
  readonly id: string;
  readonly ok: boolean;
  readonly steps: readonly string[];
  readonly broken: { readonly on: string; readonly facts: Readonly<Record<string, unknown>> };
  readonly mended: { readonly on: string };
  readonly threads: readonly { readonly cite: string }[];
  readonly assertions: readonly { readonly holds: boolean }[];
}

t.test("the list", (t) => {
  const { status, stdout } = netsim(["museum"]);
  t.equal(status, 0);
  for (const { id, year } of EXHIBITS) t.match(stdout, new RegExp(`^  ${id} +${year}  \\S`, "m"));
  const listed = JSON.parse(netsim(["museum", "--json"]).stdout) as readonly Told[];
  t.same(
    listed.map(({ id }) => id),
    EXHIBITS.map(({ id }) => id),
  );
  t.end();
});

t.test("one, as a story and as data", (t) => {
  const { status, stdout } = netsim(["museum", "selector-or"]);
  t.equal(status, 0);
  t.match(stdout, /^One hyphen lets a whole namespace in \(2017\)\n/);
  t.match(stdout, /Fails on\n.*two peers/);
  t.match(stdout, /Passes on\n.*one peer/);
  t.match(stdout, /kubernetes\/kubernetes#50451/);
  t.ok(
    stdout.split("\n").every((line) => line.length <= 120),
    "lines that fit",
  );
  const told = JSON.parse(netsim(["museum", "selector-or", "--json"]).stdout) as Told;
  t.match(told, { id: "selector-or", ok: true });
  t.match(told.broken.facts, {
    admitted: ["frontend/web", "frontend/batch", "frontend/debug", "backend/impostor"],
  });
  t.ok(told.assertions.every(({ holds }) => holds));
  const two = JSON.parse(
    netsim(["museum", "selector-or", "rewrite-target", "--json"]).stdout,
  ) as readonly Told[];
  t.same(
    two.map(({ id }) => id),
    ["selector-or", "rewrite-target"],
  );
  t.end();
});

t.test("all of them", (t) => {
  const { status, stdout } = netsim(["museum", "--all"]);
  t.equal(status, 0);
  for (const { id } of EXHIBITS) t.match(stdout, new RegExp(`^ok +${id} `, "m"));
  t.match(stdout, new RegExp(`^${EXHIBITS.length} exhibits in [\\d.]+ s: all as reported$`, "m"));
  t.end();
});

t.test("pages", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "museum-"));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  t.equal(netsim(["museum", "--pages", directory]).status, 0);
  t.equal(readdirSync(directory).length, EXHIBITS.length + 1);
  t.end();
});

t.test("what cannot be used", (t) => {
  t.match(netsim(["museum", "atlantis"]), {
    status: 2,
    stderr: /no exhibit "atlantis": netsim museum lists them/,
  });
  t.match(netsim(["museum", "--al"]), { status: 2 });
  t.match(netsim(["help", "museum"]), { status: 0, stdout: /--all/ });
  t.end();
});
