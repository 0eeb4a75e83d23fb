/** Captures as tcpdump and tshark read them, which know nothing of the simulator. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { finder, networkOf } from "../../src/cli/network.ts";
import { loadObjects } from "../../src/model/load.ts";
import { captureTrace, createListener } from "../../src/packet/capture.ts";
import { trace } from "../../src/trace/trace.ts";

export const dir = mkdtempSync(join(tmpdir(), "netsim-pcap-"));
// Other programs are waited for, on machines that may be busy.
t.setTimeout(240_000);
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

const has = (program: string): boolean => spawnSync(program, ["--version"]).error === undefined;
const missing = ["tcpdump", "tshark"].filter((p) => !has(p));
/** Of tests that need both readers. */
export const options = missing.length > 0 ? { skip: `no ${missing.join(" and no ")} on this machine` } : {};

export const write = (name: string, objects: readonly object[]): string => {
  const file = join(dir, `${name}.json`);
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
  return file;
};

export const FIELDS = [
  "frame.number",
  "frame.interface_name",
  "frame.len",
  "_ws.malformed",
  "ip.len",
  "ip.src",
  "ip.dst",
  "ip.proto",
  "ip.frag_offset",
  "ip.flags.mf",
  "ip.checksum.status",
  "ipv6.plen",
  "udp.checksum.status",
  "udp.dstport",
  "icmp.type",
  "icmp.code",
  "icmp.checksum.status",
  "icmpv6.checksum.status",
  "tcp.flags",
  "tcp.dstport",
  "tcp.checksum.status",
  "tcp.analysis.lost_segment",
  "tcp.analysis.ack_lost_segment",
  "sctp.chunk_type",
  "sctp.checksum.status",
  "vxlan.vni",
  "wg.type",
  "dns.flags.response",
  "dns.flags.rcode",
  "dns.qry.name",
  "dns.a",
  "http.request.method",
  "http.request.uri",
  "http.host",
  "http.response.code",
] as const;
export type Field = (typeof FIELDS)[number];
/** A packet as tshark reads it; a field that it has several times is joined with commas, outermost first. */
export type Row = Readonly<Record<Field, string>>;

export const CHECKS = [
  "ip.check_checksum:TRUE",
  "udp.check_checksum:TRUE",
  "tcp.check_checksum:TRUE",
  "sctp.checksum:crc-32c",
];

export function packets(file: string): readonly Row[] {
  const args = [
    "-r",
    file,
    "-T",
    "fields",
    ...CHECKS.flatMap((c) => ["-o", c]),
    ...FIELDS.flatMap((f) => ["-e", f]),
  ];
  const { stdout, status, stderr } = spawnSync("tshark", args, { encoding: "utf8", timeout: 60_000 });
  if (status !== 0) throw new Error(`tshark: ${stderr}`);
  return stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const cells = line.split("\t");
      return Object.fromEntries(FIELDS.map((f, i) => [f, cells[i] ?? ""])) as Row;
    });
}

export const pick = (rows: readonly Row[], ...fields: readonly Field[]): string[][] =>
  rows.map((r) => fields.map((f) => r[f]));
export const numbers = (list: string): number[] => list.split(",").map(Number);
export const inPod =
  (node: string) =>
  (r: Row): boolean =>
    r["frame.interface_name"].startsWith(`${node}/`) && r["frame.interface_name"].includes("(pod ");
export const isTcp = (r: Row): boolean => r["tcp.flags"] !== "" && r["icmp.type"] === "";

/** What any capture must be: well-formed, with right checksums and lengths, for both readers. */
export function sound(t: Tap, file: string): readonly Row[] {
  const shown = spawnSync("tcpdump", ["-nn", "-v", "-r", file], { encoding: "utf8", timeout: 60_000 });
  t.equal(shown.status, 0, shown.stderr);
  t.ok(shown.stdout.length > 0, "tcpdump reads packets");
  t.same(
    shown.stdout.split("\n").filter((l) => /bad|wrong|incorrect|invalid|truncated|missing|\[\|/i.test(l)),
    [],
    "tcpdump has nothing against them",
  );
  const rows = packets(file);
  const statuses = FIELDS.filter((f) => f.endsWith("checksum.status"));
  // 0 is tshark's "Bad", 1 "Good".
  const wrong = rows.filter(
    (r) => r["_ws.malformed"] !== "" || statuses.some((f) => r[f].split(",").includes("0")),
  );
  t.same(wrong, [], "tshark finds nothing malformed and no bad checksum");
  t.ok(
    rows.some((r) => statuses.some((f) => r[f].includes("1"))),
    "and has looked at checksums",
  );
  // In a frame with both families either may be the outer one.
  const lengths = (r: Row): number[] => [
    ...(r["ip.len"] === "" ? [] : [numbers(r["ip.len"])[0]!]),
    ...(r["ipv6.plen"] === "" ? [] : [numbers(r["ipv6.plen"])[0]! + 40]),
  ];
  t.same(
    rows.filter((r) => !lengths(r).includes(Number(r["frame.len"]) - 14)),
    [],
    "each frame holds what its header says",
  );
  return rows;
}

export type Tap = Pick<typeof t, "equal" | "ok" | "same">;

/** What `netsim trace --pcap` does, without a process of its own. */
export async function traced(name: string, objects: readonly object[], to: string): Promise<string> {
  const file = join(dir, `${name}.pcapng`);
  const loaded = loadObjects(objects);
  const heard = createListener();
  const result = await trace(loaded, "default/web", to, { listener: heard.listener });
  writeFileSync(file, captureTrace(result, heard, finder(networkOf(loaded, {}))));
  return file;
}

/** DNS, the handshake, the request and its answer, on the devices where they are to be seen. */
export function content(t: Tap, rows: readonly Row[], path = "/orders?x=1"): void {
  const atWeb = rows.filter(inPod("node-1"));
  const atApi = rows.filter(inPod("node-2"));
  const questions = atWeb.filter((r) => /^(0|False)$/.test(r["dns.flags.response"]));
  t.ok(
    questions.some((r) => r["dns.qry.name"] === "api.default.svc.cluster.local"),
    "the search list's first name",
  );
  t.ok(
    questions.every((r) => r["ip.dst"] === "10.96.0.10"),
    "the pod asks the Service's address",
  );
  const answers = atWeb.filter((r) => r["dns.a"] !== "");
  t.same(pick(answers, "dns.a", "ip.src"), [["10.96.1.1", "10.96.0.10"]], "and is answered by it");
  const server = atApi.filter(isTcp);
  t.same(
    pick(server.slice(0, 1), "ip.src", "ip.dst", "tcp.dstport"),
    [["10.244.1.10", "10.244.2.10", "8080"]],
    "the server sees its own address and port",
  );
  t.same(
    pick(atWeb.filter(isTcp).slice(0, 1), "ip.dst", "tcp.dstport"),
    [["10.96.1.1", "80"]],
    "the client sees the Service's",
  );
  const flags = server.map((r) => Number(r["tcp.flags"]));
  t.same([flags.slice(0, 3), flags.at(-1)], [[0x02, 0x12, 0x10], 0x10], "SYN, SYN-ACK, ACK, ... ACK");
  // tshark takes what it saw on another device for a retransmission, and reads it once.
  const asked = rows.filter((r) => r["http.request.method"] !== "");
  t.same(
    [...new Set(pick(asked, "http.request.method", "http.request.uri", "http.host").map(String))],
    [`GET,${path},api`],
  );
  t.same([...new Set(pick(rows, "http.response.code").map(String))], ["", "200"], "one request, one answer");
  const gaps = rows.filter((r) => r["tcp.analysis.lost_segment"] + r["tcp.analysis.ack_lost_segment"] !== "");
  t.same(gaps, [], "sequence numbers add up");
}
