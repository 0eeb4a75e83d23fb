/** The machine's own glibc asks our server, and the model asks the same. */
import { execFileSync, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import t from "tap";
import { root } from "../support/paths.ts";
import { cases, type Outcome } from "./getent-cases.ts";

t.setTimeout(120_000);

/** Undefined where the machine has all that is needed. */
function whyNot(): string | undefined {
  for (const [program, argv, why] of [
    ["unshare", ["-n", "-m", "true"], "no network and mount namespaces of our own (unshare -n -m)"],
    ["ip", ["-V"], "no ip program"],
    ["getent", ["--version"], "no getent"],
  ] as const) {
    try {
      const out = execFileSync(program, argv, { stdio: ["ignore", "pipe", "pipe"] }).toString();
      if (program === "getent" && !/GLIBC|GNU libc/.test(out)) return "getent is not glibc's";
    } catch {
      return why;
    }
  }
  return undefined;
}

const skip = whyNot() ?? false;

/** More than fits 512 octets, and less than glibc's first buffer, which when it is too small makes it ask all over again. */
const LARGE = Array.from(
  { length: 20 },
  (_, i) => `    answer "{{ .Name }} 60 IN AAAA 2001:db8::${String(i + 1)}"`,
).join("\n");

const COREFILE = `.:53 {
  bind 10.96.0.10
  recorder
  kubernetes cluster.local
  template IN A example.com {
    match ^(api|a[.]b[.]c[.]d[.]e)[.]example[.]com[.]$
    answer "{{ .Name }} 60 IN A 192.0.2.7"
    fallthrough
  }
  template IN AAAA example.com {
    match ^(api|a[.]b[.]c[.]d[.]e)[.]example[.]com[.]$
    answer "{{ .Name }} 60 IN AAAA 2001:db8::7"
    fallthrough
  }
  template IN AAAA example.com {
    match ^large[.]example[.]com[.]$
${LARGE}
    fallthrough
  }
  template IN ANY . {
    rcode NXDOMAIN
  }
}
`;

void t.test("getent ahosts and its model ask the same", { skip }, async (t) => {
  const inside = fileURLToPath(
    new URL(import.meta.url.endsWith(".ts") ? "getent-inside.ts" : "getent-inside.js", import.meta.url),
  );
  const argv = ["-n", "-m", process.execPath, inside, COREFILE, join(root, "examples/cluster")];
  const child = spawn("unshare", argv, { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const status = await new Promise((done) => child.on("close", done));
  t.equal(status, 0, err);
  const outcomes = out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Outcome);
  t.equal(outcomes.length, cases.flatMap(({ names }) => names).length, "all cases came to an end");
  for (const { conf, name, glibc, model } of outcomes) {
    const title = `${name} under ${conf.split("\n").slice(2, 3).join("")}`;
    t.ok(glibc.asked.length > 0, title);
    t.same(glibc.asked, model.asked, `${title}: names, types, transports and sockets, in order`);
    t.same(glibc.found, model.found, `${title}: the addresses`);
  }
  const [first] = outcomes
    .filter(({ name, conf }) => name === "api.example.com" && conf.endsWith("ndots:5\n"))
    .slice(1);
  t.equal(first!.glibc.asked.length, 8, "8 queries for an external name, by the real glibc");
  const large = outcomes.find(({ name }) => name === "large.example.com.")!;
  t.ok(
    large.glibc.asked.some(({ proto }) => proto === "tcp"),
    "a long answer is asked for again over TCP",
  );
});
