/** `netsim doctor` as it is called: exit codes, formats, options, files that follow the advice. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { netsim } from "../cli/support.ts";
import { broken, netsim as package_ } from "./support.ts";

// Each is a process of its own, and the machine may have others.
t.setTimeout(300_000);

const file = (name: string): string => broken(name).cluster;

t.test("exit codes", (t) => {
  const cases: [readonly string[], number][] = [
    [[file("healthy")], 0],
    [[file("dns-egress")], 1],
    [[file("ndots"), "--fail-on", "error"], 0],
    [[file("corefile-no-loop")], 0],
    [[file("corefile-no-loop"), "--fail-on", "note"], 1],
    [[file("dns-egress"), "--fail-on", "never"], 0],
    [[file("dns-egress"), "--skip", "dns-egress"], 0],
    [[], 2],
    [["no-such-file.yaml"], 2],
    [[file("healthy"), "--only", "no-such-check"], 2],
    [[file("healthy"), "--format", "xml"], 2],
    [[file("healthy"), "--flows", "many"], 2],
    [[file("healthy"), "--sysctl", file("healthy")], 2],
  ];
  for (const [args, status] of cases) {
    const result = netsim(["doctor", ...args]);
    t.equal(result.status, status, `${args.slice(1).join(" ")}: ${result.stderr}`);
    if (status === 2) t.match(result.stderr, /^netsim doctor: .+\n$/, "one line says why");
  }
  t.end();
});

t.test("formats", (t) => {
  const run = (format: string): string => netsim(["doctor", file("mtu"), "--format", format]).stdout;
  t.match(run("text"), /^error {4}Pods' packets are too large/);
  t.match(JSON.parse(run("json")), { findings: [{ id: "NS/mtu" }] });
  t.match(JSON.parse(run("sarif")), {
    version: "2.1.0",
    runs: [{ results: [{ ruleId: "NS/mtu", level: "error" }] }],
  });
  t.match(run("markdown"), /^## netsim doctor\n/);
  t.end();
});

t.test("standard input, a node's parameters, a rate", (t) => {
  const text = readFileSync(file("dns-egress"), "utf8");
  t.match(
    netsim(["doctor", "-", "--severity", "error"], text).stdout,
    /\(standard input\):\d+ NetworkPolicy shop\/web-egress/,
  );
  const { cluster, sysctls } = broken("sysctl-backlog");
  t.match(
    netsim(["doctor", cluster, "--sysctl", sysctls]).stdout,
    /net\.core\.somaxconn = 4096, below 65535/,
  );
  t.match(
    netsim(["doctor", file("conntrack-size"), "--flows", "2000"]).stdout,
    /2000 new connections a second need 240000 entries/,
  );
  t.match(netsim(["doctor", file("mtu"), "--nic", "9000"]).stdout, /nothing found/);
  t.end();
});

t.test("--fix writes files that are healthy", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "netsim-doctor-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const text = readFileSync(file("dns-egress"), "utf8");
  writeFileSync(join(dir, "broken.yaml"), text);
  const { status, stderr } = netsim(["doctor", join(dir, "broken.yaml"), "--fix", join(dir, "mended")]);
  t.equal(status, 1, "what was found was found");
  t.match(stderr, /--fix: 1 finding mended in 1 file below .*mended, 0 left to you/);
  t.equal(readFileSync(join(dir, "broken.yaml"), "utf8"), text, "the input is as it was");
  const healed = netsim(["doctor", join(dir, "mended")]);
  t.equal(healed.status, 0, healed.stdout);
  t.match(healed.stdout, /^nothing found by \d+ checks\n$/);
  t.end();
});

t.test("the example's seven faults, mended at once", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "netsim-doctor-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const shop = join(package_, "examples/doctor/shop.yaml");
  writeFileSync(join(dir, "shop.yaml"), readFileSync(shop));
  const found = JSON.parse(netsim(["doctor", shop, "--format", "json"]).stdout) as {
    findings: { id: string }[];
  };
  t.same(found.findings.map((f) => f.id).sort(), [
    "NS/dns-egress",
    "NS/external-name-address",
    "NS/name-unknown",
    "NS/ndots",
    "NS/policy-pod-selector-alone",
    "NS/probe-port",
    "NS/service-port",
  ]);
  const { stderr } = netsim(["doctor", join(dir, "shop.yaml"), "--fix", join(dir, "mended")]);
  t.match(stderr, /7 findings mended in 1 file below .*, 0 left to you/);
  const healed = netsim(["doctor", join(dir, "mended")]);
  t.match(healed.stdout, /^nothing found/);
  t.equal(healed.status, 0);
  t.end();
});

t.test("the root's example cluster: what it lacks on purpose is told, and nothing else", (t) => {
  const { stdout } = netsim(["doctor", join(package_, "../examples/cluster"), "--format", "json"]);
  const { findings } = JSON.parse(stdout) as { findings: { id: string; at: { object: string } }[] };
  t.same(
    findings.map((f) => `${f.id} ${f.at.object}`),
    ["NS/dual-stack Service shop/web", "NS/service-selector Service shop/cart"],
    "a Service without pods, and a dual-stack one with IPv4 endpoints",
  );
  t.end();
});
