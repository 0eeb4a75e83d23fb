/** Traces as text, JSON and pictures, from the command line. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { traceHtml, traceSvg } from "../../src/trace/picture.ts";
import { traceText } from "../../src/trace/text.ts";
import { netsim } from "../cli/support.ts";
import { example, guide } from "./support.ts";

const dir = mkdtempSync(join(tmpdir(), "netsim-trace-"));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
const files = [example("09-network-policy/production.yaml"), example("11-debugging/mistakes/no-dns.yaml")];
const denied = () =>
  guide(
    ["09-network-policy/production", "11-debugging/mistakes/no-dns"],
    "production/backend",
    "postgres:5432",
  );

t.test("JSON by the contract", (t) => {
  const { status, stdout } = netsim([
    "trace",
    "production/backend",
    "http://backend-service:8080/",
    ...files,
    "--json",
  ]);
  t.equal(status, 0, "whatever the verdict");
  const trace = JSON.parse(stdout) as { verdict: string; reason: string; hops: Record<string, unknown>[] };
  t.match(trace, { verdict: "deny", reason: "dns-egress-denied" });
  for (const hop of trace.hops)
    for (const key of ["layer", "what", "rule", "object", "file", "line"]) t.ok(key in hop, key);
  t.match(trace.hops[0], {
    layer: "dns",
    object: "NetworkPolicy production/backend-egress",
    line: 2,
    rule: "no rule matches",
  });
  t.end();
});

t.test("text", async (t) => {
  const trace = await denied();
  const plain = traceText(trace, { color: false, width: 80 });
  t.notMatch(plain, /\u001b/);
  t.match(plain, /^deny dns-egress-denied: /m);
  t.match(plain, /^ {4}\+ - \{to: /m, "the line to change, whole");
  const long = plain
    .split("\n")
    .filter((l) => l.length > 80 && !l.startsWith("    +") && !l.includes(".yaml"));
  t.same(long, [], "nothing else is wider than the terminal");
  t.match(traceText(trace, { color: true, width: 80 }), /\u001b\[31mDENY\u001b\[0m/);
  const { stdout } = netsim(["trace", "production/backend", "postgres:5432", ...files]);
  t.notMatch(stdout, /\u001b/, "no colours into a pipe");
  t.match(
    netsim(["trace", "production/backend", "postgres:5432", ...files, "--color", "always"]).stdout,
    /\u001b/,
  );
});

t.test("pictures", async (t) => {
  const svg = traceSvg(await denied());
  t.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  t.notMatch(svg, /(href|src)=|url\(/, "nothing from elsewhere");
  t.equal(svg.match(/<g>/g)?.length, svg.match(/<\/g>/g)?.length);
  const evil = await guide(
    ["09-network-policy/production"],
    "production/backend",
    "http://x<script>alert(1)</script>/",
  );
  t.notMatch(traceHtml(evil), /<script/);
  const [image, page] = [join(dir, "t.svg"), join(dir, "t.html")];
  const { status } = netsim([
    "trace",
    "production/backend",
    "production/redis",
    ...files,
    "--svg",
    image,
    "--html",
    page,
  ]);
  t.equal(status, 0);
  t.match(readFileSync(image, "utf8"), /egress-denied/);
  t.match(readFileSync(page, "utf8"), /^<!doctype html>[^]*<svg/);
});

t.test("options", (t) => {
  const run = (...args: string[]) => netsim(["trace", ...args]);
  const pods = example("09-network-policy/production.yaml");
  const json = (...args: string[]) =>
    JSON.parse(run("production/frontend", ...args, pods, "--json").stdout) as Record<string, unknown>;
  t.match(json("backend-service", "--mode", "ebpf"), { verdict: "allow", mode: "ebpf", to: { port: 8080 } });
  t.match(json("backend-service", "--resolver", "musl"), { lookup: { resolver: "musl-1.2.5" } });
  t.match(json("production/backend:1", "--port", "8080/UDP"), { to: { port: 8080, protocol: "UDP" } });
  t.match(json("api.example.com:443", "--record", "api.example.com=192.0.2.7"), {
    to: { address: "192.0.2.7" },
  });
  t.match(json("backend-service", "--ip-family", "6"), { verdict: "unroutable", reason: "no-common-family" });
  const faults: [string[], RegExp][] = [
    [[], /needs FROM, TO and FILES/],
    [["production/ghost", "x:1", pods], /FROM production\/ghost: unknown-source/],
    [["production/frontend", "production/ghost:1", pods], /TO production\/ghost:1: unknown-destination/],
    [["production/frontend", "x:1", pods, "--resolver", "none"], /there are glibc/],
    [["production/frontend", "x:1", pods, "--mode", "none"], /--mode must be/],
    [["production/frontend", "x:1", pods, "--record", "nonsense"], /--record/],
    [["production/frontend", "x:1", "/nowhere.yaml"], /nowhere\.yaml/],
  ];
  for (const [args, message] of faults) t.match(run(...args), { status: 2, stderr: message });
  t.end();
});
