/** Query logs as flows: of a server that runs in this process, of files in CoreDNS's format, of files that grow. */
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSocketlessServer, encodeMessage, nameOf } from "clusterdns";
import t from "tap";
import { observeDnsLog, readPieces } from "../../src/cli/observe-sources.ts";
import { readArguments } from "../../src/flow/arguments.ts";
import { createDnsLog } from "../../src/flow/dns-log.ts";
import { loadText } from "../../src/model/load.ts";

const MANIFESTS = `apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop, labels: { app: web } }
spec: { nodeName: node-1, containers: [{ name: web }] }
status: { phase: Running, podIP: 10.244.0.7, podIPs: [{ ip: 10.244.0.7 }, { ip: "fd00::7" }] }
`;
const LINE =
  '[INFO] 10.244.0.7:50759 - 29008 "A IN api.shop.svc.cluster.local. udp 41 false 4096" NXDOMAIN qr,aa,rd 68 0.002s';

t.test("lines of CoreDNS's log", (t) => {
  const log = createDnsLog(loadText(MANIFESTS));
  const [request, response] = log.flows(`2026-04-14T09:15:23.456Z ${LINE}`);
  t.match(request, {
    time: "2026-04-14T09:15:23.454Z",
    flow: {
      l7: { type: "REQUEST", dns: { query: "api.shop.svc.cluster.local.", qtypes: ["A"] } },
      source: { namespace: "shop", pod_name: "web" },
      l4: { UDP: { source_port: 50759, destination_port: 53 } },
      destination_service: { name: "kube-dns", namespace: "kube-system" },
    },
  });
  t.match(response, {
    time: "2026-04-14T09:15:23.456Z",
    flow: {
      is_reply: true,
      l7: { type: "RESPONSE", latency_ns: "2000000", dns: { rcode: 3 } },
      destination: { pod_name: "web" },
      source_service: { name: "kube-dns" },
    },
  });
  t.equal(log.flows(LINE)[0]?.time, undefined, "a line without a time has none");
  t.equal(
    log.flows(LINE, 1_000_000_000n)[1]?.time,
    "1970-01-01T00:00:01Z",
    "but for the one that it is given",
  );
  const v6 = LINE.replace("10.244.0.7:", "[fd00::7]:").replace("udp", "tcp");
  t.match(log.flows(v6)[0], {
    flow: { IP: { source: "fd00::7", ipVersion: "IPv6" }, source: { pod_name: "web" }, l4: { TCP: {} } },
  });
  t.match(log.flows(`[pod/coredns-1/coredns] ${LINE}`).length, 2, "with kubectl's prefix");
  t.match(
    log.flows(LINE.replace("10.244.0.7", "192.0.2.1"))[0],
    { flow: { source: { identity: 9 } } },
    "somebody outside",
  );
  for (const line of [
    "",
    "[INFO] plugin/reload: Running configuration",
    ".:53",
    "[ERROR] plugin/errors: 2 a. A: timeout",
  ])
    t.same(log.flows(line), []);
  t.end();
});

t.test("the log of a server in this process", async (t) => {
  const log = createDnsLog(loadText(MANIFESTS));
  const seen: string[] = [];
  const server = createSocketlessServer({
    corefile: '.:53 {\n log\n template IN A example.org {\n answer "{{ .Name }} 60 IN A 192.0.2.1"\n }\n}',
    log: (_, text) =>
      seen.push(...log.flows(text).map(({ flow }) => `${flow!.source?.pod_name ?? ""} ${flow!.Summary}`)),
  });
  await server.listen();
  t.teardown(() => server.close());
  const question = { name: nameOf("www.example.org."), type: 1, class: 1 };
  const message = encodeMessage({
    id: 7,
    flags: 256,
    question,
    opt: undefined,
    answer: [],
    authority: [],
    additional: [],
  }).bytes;
  await server.exchange(message, { address: "10.244.0.7", port: 40_000 });
  t.same(seen, ["web DNS Query www.example.org. A", " DNS Answer  TTL: 0 (Query www.example.org. A)"]);
});

t.test("a file that grows", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "netsim-observe-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const [manifests, file] = [join(dir, "k8s.yaml"), join(dir, "log")];
  writeFileSync(manifests, MANIFESTS);
  writeFileSync(file, `${LINE}\n${LINE}\n`);
  const lines: string[] = [];
  const options = readArguments(
    [manifests, "--dns-log", file, "--follow", "--last", "2", "--first", "0"],
    0n,
  );
  let step = 0;
  for await (const { out } of observeDnsLog(options, false)) {
    lines.push(...out.split("\n").filter((l) => l !== ""));
    if (lines.length === 2 && step === 0) {
      step = 1;
      appendFileSync(file, LINE.slice(0, 40));
      appendFileSync(file, `${LINE.slice(40)}\n`);
    } else if (lines.length === 4 && step === 1) {
      step = 2;
      renameSync(file, `${file}.1`);
      writeFileSync(file, `${LINE.replace("NXDOMAIN", "SERVFAIL")}\n`);
    } else if (lines.length === 6) break;
  }
  t.match(
    lines.slice(0, 2),
    [/^N\/A: .* dns-request/, /^N\/A: .* dns-response/],
    "the last two of what was there",
  );
  t.match(
    lines[2],
    /^[A-Z][a-z]{2} .*shop\/web:50759 .* dns-request clusterdns FORWARDED/,
    "what came then, at its time",
  );
  t.match(lines[5], /Server Failure/, "the file that took its place");
});

t.test("flows of a file that grows", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "netsim-observe-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const file = join(dir, "flows.jsonl");
  writeFileSync(file, "one\n");
  const text: string[] = [];
  for await (const piece of readPieces("--input-file", file, true)) {
    text.push(piece);
    if (text.length === 2) writeFileSync(file, "x\n");
    if (piece === "x\n") break;
  }
  t.same(text, ["one\n", "", "x\n"], "from its beginning where it was cut short; an empty piece is a pause");
});
