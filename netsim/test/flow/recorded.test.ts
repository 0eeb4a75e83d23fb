/** What Hubble printed and let through, byte for byte. `NETSIM_RECORDED` names a folder whose `hubble/` has more of it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { DATA, linesOf, observed, records } from "./support.ts";

interface Printed {
  readonly line?: number;
  readonly options: string;
  readonly out: string;
  readonly stderr?: string;
  readonly rc?: number;
}

interface Filtered {
  readonly args: readonly string[];
  readonly request?: { readonly whitelist?: object[]; readonly blacklist?: object[] };
  readonly passes?: readonly number[];
  readonly error?: string;
  readonly inputFileError?: string;
  readonly stdout?: string;
}

interface CommandLine {
  readonly args: readonly string[];
  readonly status: number;
  readonly out?: string;
  readonly stderr?: string;
}

interface Cel {
  readonly expression: string;
  readonly passes?: readonly number[];
  readonly error?: string;
}

interface Event {
  readonly event: object;
  readonly kind: "agent" | "debug";
  readonly options: string;
  readonly out: Readonly<Record<string, string>>;
}

const more = join(process.env["NETSIM_RECORDED"] ?? "", "hubble");
const folder = process.env["NETSIM_RECORDED"] !== undefined && existsSync(more) ? more : DATA;
const flows = linesOf(join(folder, "flows.jsonl"));
const split = (options: string): string[] => options.split(" ").filter((word) => word !== "");

t.test("single lines, in every form", async (t) => {
  for (const { line = 0, options, out, stderr = "" } of records<Printed>(join(folder, "printer.jsonl"))) {
    const got = await observed([flows[line - 1] ?? ""], split(options));
    t.equal(got.out, out, `${line}: ${options}`);
    t.equal(got.err, stderr);
  }
});

t.test("the whole file in one run: columns, separators, lost events, nodes that go", async (t) => {
  for (const { options, out, stderr = "", rc } of records<Printed>(join(folder, "printer-stream.jsonl"))) {
    const got = await observed(flows, split(options));
    t.equal(got.out, out, options);
    t.equal(got.err, stderr.replace(/^time=.*\n/gm, ""), `${options}: standard error`);
    t.equal(got.status, rc, options);
  }
});

t.test("command lines: the filters made of them, and the flows that pass", async (t) => {
  const only = flows.filter((line) => line.startsWith('{"flow"'));
  for (const c of records<Filtered>(join(folder, "filters.jsonl"))) {
    const got = await observed(only, c.passes === undefined ? c.args : [...c.args, "-o", "json"]);
    const name = c.args.join(" ");
    if (c.passes !== undefined) {
      const uuids = got.out.split("\n").filter((line) => line !== "");
      const numbers = uuids.map((line) => Number(/"uuid":"[^"]*?(\d{12})"/.exec(line)?.[1]));
      t.same(numbers, c.passes, name);
    }
    if (c.request !== undefined && got.options !== undefined) {
      t.same(got.options.filters.allow, c.request.whitelist ?? [], `${name}: allow`);
      t.same(got.options.filters.deny, c.request.blacklist ?? [], `${name}: deny`);
    }
    const error = c.error ?? c.inputFileError;
    // Of a CEL expression's error only the first line was kept.
    const said = c.args.includes("--cel-expression") ? got.err.replace(/\n[^]*/, "\n") : got.err;
    t.equal(said, error === undefined ? "" : `${error}\n`, `${name}: standard error`);
    if (c.stdout !== undefined) t.equal(got.out, c.stdout, name);
  }
});

t.test("summaries and kinds of events as Hubble's parser has them", async (t) => {
  for (const { flow, compact } of records<{ flow: object; compact: string }>(join(folder, "decode.jsonl"))) {
    const { out } = await observed([JSON.stringify({ flow })], []);
    t.equal(out.trimEnd(), compact.trimEnd());
  }
});

t.test("command lines in rare forms", async (t) => {
  const lines = linesOf(join(DATA, "flows.jsonl")).slice(0, 12);
  for (const { args, status, out, stderr = "" } of records<CommandLine>(join(DATA, "command-lines.jsonl"))) {
    // That there is a file counts for one of the options.
    const got = await observed(lines, ["--input-file", "flows.jsonl", ...args]);
    const name = args.join(" ");
    t.equal(got.status, status, name);
    t.equal(got.err, stderr, name);
    if (out !== undefined) t.equal(got.out, out, name);
  }
});

t.test("lines that are hardly JSON of a flow", async (t) => {
  for (const { line, out } of records<{ line: string; out: string }>(join(DATA, "lines.jsonl"))) {
    const got = await observed([line], ["-o", "json"]);
    t.equal(got.out, out === "" ? "" : `${out}\n`, line);
  }
});

t.test("CEL expressions", async (t) => {
  const lines = linesOf(join(DATA, "flows.jsonl"));
  for (const { expression, passes, error } of records<Cel>(join(DATA, "cel.jsonl"))) {
    const got = await observed(lines, ["-o", "json", "--cel-expression", expression]);
    const numbers = got.out.match(/"uuid":"[^"]*?\d{12}"/g) ?? [];
    t.same(
      numbers.map((uuid) => Number(uuid.slice(-13, -1))),
      passes ?? [],
      expression,
    );
    // Hubble tells of all errors at once; the first is enough.
    if (error !== undefined) t.ok(got.err !== "" && `${error}\n`.startsWith(got.err), expression);
    t.equal(got.status, error === undefined ? 0 : 1);
  }
  const broken = await observed(lines, ["--cel-expression", "1 +"]);
  t.match(
    broken,
    { status: 1, err: /^error compiling CEL expression: ERROR: <input>:1:4: / },
    "syntax errors in other words",
  );
});

t.test("agent and debug events", async (t) => {
  const cases = records<Event>(join(DATA, "agent-debug.jsonl"));
  t.ok(cases.length >= 11);
  for (const { event, kind, options, out } of cases)
    for (const [output, text] of Object.entries(out)) {
      const got = await observed(
        [JSON.stringify(event)],
        [`${kind}-events`, ...split(options), "-o", output],
      );
      t.equal(got.out, text, `${output}: ${text.split("\n")[0]}`);
    }
  const lines = cases.filter(({ kind }) => kind === "agent").map(({ event }) => JSON.stringify(event));
  const last = await observed(lines, ["agent-events", "--last", "2"]);
  t.equal(last.out.split("\n").length, 3, "--last holds of events, too");
});

t.test("what cannot be used is said", async (t) => {
  const { out, err } = await observed(
    ["no flow", '{"flow":{"uuid":"a","news":1}}', '{"flow":{"l4":{"TCP":{},"UDP":{}}}}', "", '{"flow":[]}'],
    ["-o", "json"],
  );
  t.equal(out, '{"flow":{"uuid":"a"}}\n', "fields that are not known are left out");
  t.equal(err.trim().split("\n").length, 4, err);
});

t.test("JSON is Go's: 64 bits, enums by number, times with zones, text that is safe in HTML", async (t) => {
  const line =
    `{"flow":{"socketCookie":"18446744073709551615","verdict":2,"auth_type":77,"isReply":false,"Summary":"<a>&\u2028\\u0001",
    "IP":{},"labels":null,"time":"2026-01-02T03:04:05.120+02:00","drop_reason":0}}`.replace("\n", "");
  const { out } = await observed([line.replace('"labels":null,', "")], ["-o", "jsonpb"]);
  t.equal(
    out,
    '{"flow":{"time":"2026-01-02T01:04:05.120Z","verdict":"DROPPED","auth_type":77,"IP":{},"is_reply":false,' +
      '"socket_cookie":"18446744073709551615","Summary":"\\u003ca\\u003e\\u0026\\u2028\\u0001"}}\n',
  );
});

t.test("text of flows cannot drive the terminal", async (t) => {
  const line = JSON.stringify({ flow: { Summary: "\u001b[2J\r\u001b[31m" } });
  const plain = await observed([line], []);
  t.match(plain.out, "(^[[2J\\r^[[31m)");
});
