/** `clusterdns ndots audit`: a log of known cost, and everything that may be in a log. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { createServer } from "node:http";
import { loadAll } from "js-yaml";
import t from "tap";
import { generateLog, RTT } from "../../bench/ndots-log.ts";
import type { AuditDocument } from "../../src/cli/ndots-audit.ts";
import { newSighting, readLogLine } from "../../src/ndots/audit/log-line.ts";
import { KIND } from "../../src/ndots/walk/walks.ts";
import { root } from "../support/paths.ts";
import { file, json, ndots, refuses } from "./cli.ts";

const data = (name: string): string => join(root, "test/ndots/data", name);
const LOOKUPS = 20_000;

t.setTimeout(300_000);

const lines: string[] = [];
const { objects, truth } = await generateLog(LOOKUPS, 7, (line) => lines.push(line));
const log = file("queries.log", lines.join("\n") + "\n");
const manifests = file("cluster.json", JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));

void t.test("20,000 lookups of known cost: the waste of each workload", async (t) => {
  const document = await json<AuditDocument>("audit", log, "--manifests", manifests, "--rtt", String(RTT));
  t.equal(document.read.read, lines.length);
  t.equal(document.read.skipped, 0);
  t.ok(Object.keys(truth).length >= 8);
  for (const [key, { queries, wasted, waited_ms }] of Object.entries(truth)) {
    const found = document.workloads.find(
      ({ namespace, kind, name }) => `${namespace}/${kind}/${name}` === key,
    )!;
    t.equal(found.queries, queries, `${key}: queries`);
    t.ok(Math.abs(found.wasted - wasted) <= 0.02 * wasted, `${key}: ${found.wasted}, in truth ${wasted}`);
    // What the log adds is the time in the server.
    t.ok(found.latency_ms >= 0.98 * waited_ms, `${key}: waited`);
    t.ok(found.latency_ms <= 1.1 * waited_ms + 100, `${key}: waited`);
  }
  const sum = Object.values(truth).reduce((all, { wasted }) => all + wasted, 0);
  t.ok(Math.abs(document.wasted - sum) <= 0.02 * sum);
  t.ok(Math.abs(document.cpu_ms - document.wasted * 0.019) < 1, "19 us each");
  t.same(document.node_domains.toSorted(), ["cloud.internal", "zone.cloud.internal"], "learned");
  t.equal(document.outside[0]!.name, "api.example.com");
});

void t.test("without manifests: namespaces by the names, pods by their addresses", async (t) => {
  const document = await json<AuditDocument>("audit", log, "--top", "100");
  for (const name of ["shop", "payments", "batch"]) {
    const wasted = Object.entries(truth)
      .filter(([key]) => key.startsWith(`${name}/`))
      .reduce((sum, [, one]) => sum + one.wasted, 0);
    const found = document.namespaces.find(({ namespace }) => namespace === name)!;
    t.ok(Math.abs(found.wasted - wasted) <= 0.02 * wasted, name);
  }
  t.ok(document.workloads.every(({ kind, name }) => kind === "" && name.startsWith("10.244.")));
  t.same(document.patches, [], "nothing to patch is known");
});

void t.test("dnsConfig patches", async (t) => {
  const { status, out } = await ndots("audit", log, "--manifests", manifests, "--patch", "-");
  t.equal(status, 0);
  interface Body {
    kind: string;
    apiVersion: string;
    metadata: { name: string; namespace: string };
    spec: { template: { spec: { dnsConfig: { options: { name: string; value: string }[] } } } };
  }
  const bodies = loadAll(out) as Body[];
  const ndotsOf = Object.fromEntries(
    bodies.map(({ metadata, spec }) => [
      `${metadata.namespace}/${metadata.name}`,
      spec.template.spec.dnsConfig.options.find(({ name }) => name === "ndots")!.value,
    ]),
  );
  t.equal(ndotsOf["shop/web"], "2", "it looks up SERVICE.NAMESPACE, of one dot");
  t.equal(ndotsOf["batch/crawler"], "2", "never below 2");
  t.equal(ndotsOf["batch/report"], "3", "its search list finds web.shop.svc, of two dots");
  t.notOk("payments/settle" in ndotsOf, "it has ndots:2 already");
  t.notOk("shop/mailer" in ndotsOf, "nothing to gain");
  t.notOk("payments/probe" in ndotsOf, "what is gone is not searched for");
  t.ok(bodies.every(({ apiVersion, kind }) => apiVersion === "apps/v1" && kind === "Deployment"));
  t.match(out, /^# Deployment \S+: ndots 5 to \d saves \d+ of \d+ needless queries\n/);
});

void t.test("options that a workload has stay", async (t) => {
  const deployment = {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db", namespace: "shop" },
    spec: {
      selector: { matchLabels: { app: "db" } },
      template: {
        spec: {
          containers: [],
          dnsConfig: {
            options: [
              { name: "single-request" },
              { name: "ndots", value: "5" },
              { name: "timeout", value: "1" },
            ],
          },
        },
      },
    },
  };
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "db-0", namespace: "shop", labels: { app: "db" } },
    status: { podIP: "10.244.9.9" },
  };
  const cluster = file("db.yaml", [deployment, pod].map((one) => JSON.stringify(one)).join("\n---\n"));
  const steps = ["shop.svc.cluster.local.", "svc.cluster.local.", "cluster.local.", ""];
  const walk = steps.map((domain) =>
    line(`www.example.com.${domain}`, domain === "" ? "NOERROR" : "NXDOMAIN", "10.244.9.9"),
  );
  const { patches } = await json<AuditDocument>(
    "audit",
    file("db.log", walk.join("\n")),
    "--manifests",
    cluster,
  );
  t.equal(patches.length, 1);
  t.match(patches[0]!.body, {
    kind: "StatefulSet",
    spec: {
      template: {
        spec: {
          dnsConfig: {
            options: [
              { name: "single-request" },
              { name: "timeout", value: "1" },
              { name: "ndots", value: "2" },
            ],
          },
        },
      },
    },
  });
});

const line = (name: string, rcode: string, client: string, type = "A"): string =>
  `[INFO] ${client}:41122 - 3401 "${type} IN ${name} udp 61 false 512" ${rcode} qr,aa,rd 154 0.0005s`;

void t.test("lines as CoreDNS wrote them", async (t) => {
  const sighting = newSighting();
  const recorded = readFileSync(data("coredns.log"), "utf8").trimEnd().split("\n");
  t.ok(recorded.length >= 10);
  for (const one of recorded) t.ok(readLogLine(one, sighting), one);
  t.ok(readLogLine(recorded[0]!, sighting));
  t.same(sighting, {
    address: "127.0.0.1",
    name: "www.corp.example.",
    kind: KIND.A,
    negative: false,
    ms: 0.199207,
  });
  t.ok(readLogLine(recorded[3]!, sighting));
  t.match(sighting, { kind: KIND.OTHER, negative: true });
});

void t.test("what stands around a line, and what is none", async (t) => {
  const sighting = newSighting();
  const plain = line("api.Example.com.", "NXDOMAIN", "[fd00::1:7]", "AAAA");
  for (const one of [
    plain,
    `2026-11-22T10:11:12.123456789Z ${plain}`,
    `[pod/coredns-5d8f7-x2k4p/coredns] ${plain}`,
    `2026-11-22T10:11:12.123456789Z stdout F ${plain}`,
    JSON.stringify({ level: 30, time: "2026-11-22T10:11:12Z", msg: plain.slice("[INFO] ".length) }),
    `${plain} "0"`,
    `${plain}\r`,
  ]) {
    t.ok(readLogLine(one, sighting), one);
    t.same(sighting, {
      address: "fd00::1:7",
      name: "api.example.com.",
      kind: KIND.AAAA,
      negative: true,
      ms: 0.5,
    });
  }
  for (const one of [
    "",
    " - ",
    "[INFO] plugin/reload: Running configuration SHA512 = abc",
    "[ERROR] plugin/errors: 2 example.com. A: read udp 10.0.0.1:1->10.0.0.2:53: i/o timeout",
    'a:1 - "',
    'a:1 - 2 "A IN x',
    'a:1 - 2 "A IN x. udp 1 false 512" NOERROR',
    'a:1 - 2 "A IN x. udp 1 false 512" NOERROR qr 1 soon',
    "x".repeat(500),
  ])
    t.notOk(readLogLine(one, sighting), JSON.stringify(one));
});

void t.test("compressed, without a last line end, and with noise", async (t) => {
  const noisy = [lines[0]!, "noise", "", ...lines.slice(1, 2000), "\0".repeat(100_000)].join("\n");
  const plain = await json<AuditDocument>("audit", file("noisy.log", noisy));
  t.match(plain, { queries: 2000, read: { read: 2003, skipped: 3 } });
  const zipped = await json<AuditDocument>("audit", file("noisy.log.gz", gzipSync(noisy)));
  t.same({ ...zipped }, { ...plain });
  const twice = await json<AuditDocument>(
    "audit",
    file("a.log", lines.slice(0, 1000).join("\n")),
    file("b.log", lines.slice(1000, 2000).join("\n")),
  );
  t.equal(twice.wasted, plain.wasted, "several files are one log");
});

void t.test("captures of the same minute, over three kinds of links", async (t) => {
  const documents: AuditDocument[] = [];
  for (const name of ["ethernet.pcap", "sll.pcap", "sll2.pcap"]) {
    const document = await json<AuditDocument>("audit", data(name));
    documents.push(document);
    t.match(document, { queries: 13, wasted: 8, read: { read: 26, skipped: 0 } }, name);
    const [glibc, dig] = document.workloads;
    t.match(glibc, { namespace: "shop", name: "10.96.0.10", queries: 10, wasted: 6 });
    t.match(dig, { namespace: "shop", name: "fd00::7", queries: 3, wasted: 2 });
    t.ok(document.latency_ms > 5 && document.latency_ms < 60, "from packets' times");
  }
  t.equal(new Set(documents.map(({ wasted }) => wasted)).size, 1);
});

void t.test("a running server's document", async (t) => {
  const summary = await json<AuditDocument>("audit", log, "--manifests", manifests);
  const server = createServer((request, response) => {
    response.writeHead(request.url === "/ndots" ? 200 : 404);
    response.end(
      request.url === "/bad" ? "{}" : JSON.stringify({ ...summary, patches: undefined, read: undefined }),
    );
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const url = `http://127.0.0.1:${String(port)}`;
  const document = await json<AuditDocument>("audit", "--url", `${url}/ndots`, "--manifests", manifests);
  t.equal(document.wasted, summary.wasted);
  t.same(document.patches, summary.patches);
  await refuses(t, ["audit", "--url", `${url}/nowhere`], /HTTP 404/);
  const gone = createServer();
  await new Promise<void>((done) => gone.listen(0, "127.0.0.1", done));
  const { port: closed } = gone.address() as { port: number };
  await new Promise((done) => gone.close(done));
  await refuses(t, ["audit", "--url", `http://127.0.0.1:${String(closed)}/ndots`], /\/ndots: .*ECONNREFUSED/);
});

void t.test("for people", async (t) => {
  const { out } = await ndots("audit", log, "--manifests", manifests);
  t.match(out, /\d+ needless \(\d+\.\d %\): \d+\.\d s of CPU, \d+\.\d s of waiting\n/);
  t.match(out, /\nBy namespace\n {2}namespace +queries +needless +part +CPU +waited\n {2}batch /);
  t.match(out, /\n {2}batch +Deployment\/crawler +\d+ +\d+ +\d+\.\d % /);
  t.match(
    out,
    /\nNames outside, by needless queries on the way to them\n {2}name +needless\n {2}api\.example\.com +\d+\n/,
  );
});

void t.test("input that is no use", async (t) => {
  await refuses(t, ["audit"], /nothing to read/);
  await refuses(t, ["audit", join(root, "no-such.log")], /ENOENT/);
  await refuses(t, ["audit", log, "--cpu", "much"], /--cpu much: not a number/);
  await refuses(t, ["audit", log, "--frobnicate"], /see clusterdns ndots audit --help/);
  await refuses(t, ["audit", log, "--patch", join(root, "no/dir/x.yaml")], /ENOENT/);
  const { status, out } = await ndots("audit", "--help");
  t.equal(status, 0);
  t.match(out, /^Usage: clusterdns ndots audit/);
});
