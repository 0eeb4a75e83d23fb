/** Captures of traces and pings, read by tcpdump and tshark, which know nothing of the simulator. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { createCamera, film } from "../../src/packet/film.ts";
import { echo, PROTOCOL } from "../../src/packet/transport.ts";
import type { Tunnel } from "../../src/packet/path.ts";
import { captureTrace, createListener } from "../../src/packet/capture.ts";
import { finder, networkOf } from "../../src/cli/network.ts";
import { loadObjects } from "../../src/model/load.ts";
import { trace } from "../../src/trace/trace.ts";
import { netsim } from "../cli/support.ts";
import { labPath } from "./support.ts";

const dir = mkdtempSync(join(tmpdir(), "netsim-pcap-"));
// Other programs are waited for, on machines that may be busy.
t.setTimeout(240_000);
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

const has = (program: string): boolean => spawnSync(program, ["--version"]).error === undefined;
const skipped = ["tcpdump", "tshark"].filter((p) => !has(p));
const options = skipped.length > 0 ? { skip: `no ${skipped.join(" and no ")} on this machine` } : {};

const metadata = (name: string, labels = {}) => ({ name, namespace: "default", labels });
const node = (name: string, address: string, podCIDR: string) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name },
  spec: { podCIDR },
  status: { addresses: [{ type: "InternalIP", address }] },
});
const pod = (name: string, nodeName: string, podIP: string, port: number) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: metadata(name, { app: name }),
  spec: { nodeName, containers: [{ name: "app", image: "app", ports: [{ containerPort: port }] }] },
  status: { phase: "Running", podIP, conditions: [{ type: "Ready", status: "True" }] },
});
const service = (name: string, clusterIP: string, port: number, targetPort: number, protocol = "TCP") => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: metadata(name),
  spec: { clusterIP, selector: { app: name }, ports: [{ port, targetPort, protocol }] },
});
const dns = (object: ReturnType<typeof pod> | ReturnType<typeof service>) => ({
  ...object,
  metadata: {
    ...object.metadata,
    namespace: "kube-system",
    labels: { app: "kube-dns", "k8s-app": "kube-dns" },
  },
});
const pool = (spec: object) => ({
  apiVersion: "crd.projectcalico.org/v1",
  kind: "IPPool",
  metadata: { name: "default-ipv4-ippool" },
  spec: { cidr: "10.244.0.0/16", natOutgoing: true, ...spec },
});
const felix = (spec: object) => ({
  apiVersion: "crd.projectcalico.org/v1",
  kind: "FelixConfiguration",
  metadata: { name: "default" },
  spec,
});
const cluster = [
  node("node-1", "172.18.0.2", "10.244.1.0/24"),
  node("node-2", "172.18.0.3", "10.244.2.0/24"),
  pod("web", "node-1", "10.244.1.10", 8080),
  pod("api", "node-2", "10.244.2.10", 8080),
  service("api", "10.96.1.1", 80, 8080),
  service("empty", "10.96.1.2", 80, 8080),
  dns(pod("kube-dns", "node-2", "10.244.2.53", 53)),
  dns(service("kube-dns", "10.96.0.10", 53, 53, "UDP")),
];
const policy = (type: "Ingress" | "Egress", app: string) => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: metadata(`deny-${app}`),
  spec: {
    podSelector: { matchLabels: { app } },
    policyTypes: [type],
    ...(type === "Egress" && { egress: [{ ports: [{ port: 53, protocol: "UDP" }] }] }),
  },
});

const write = (name: string, objects: readonly object[]): string => {
  const file = join(dir, `${name}.json`);
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
  return file;
};

const FIELDS = [
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
type Field = (typeof FIELDS)[number];
/** A packet as tshark reads it; a field that it has several times is joined with commas, outermost first. */
type Row = Readonly<Record<Field, string>>;

const CHECKS = [
  "ip.check_checksum:TRUE",
  "udp.check_checksum:TRUE",
  "tcp.check_checksum:TRUE",
  "sctp.checksum:crc-32c",
];

function packets(file: string): readonly Row[] {
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

const pick = (rows: readonly Row[], ...fields: readonly Field[]): string[][] =>
  rows.map((r) => fields.map((f) => r[f]));
const numbers = (list: string): number[] => list.split(",").map(Number);
const inPod =
  (node: string) =>
  (r: Row): boolean =>
    r["frame.interface_name"].startsWith(`${node}/`) && r["frame.interface_name"].includes("(pod)");
const isTcp = (r: Row): boolean => r["tcp.flags"] !== "" && r["icmp.type"] === "";

/** What any capture must be: well-formed, with right checksums and lengths, for both readers. */
function sound(t: Tap, file: string): readonly Row[] {
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

type Tap = Pick<typeof t, "equal" | "ok" | "same">;

/** What `netsim trace --pcap` does, without a process of its own. */
async function traced(name: string, objects: readonly object[], to: string): Promise<string> {
  const file = join(dir, `${name}.pcapng`);
  const loaded = loadObjects(objects);
  const heard = createListener();
  const result = await trace(loaded, "default/web", to, { listener: heard.listener });
  writeFileSync(file, captureTrace(result, heard, finder(networkOf(loaded, {}))));
  return file;
}

const encapsulations = [
  { name: "vxlan", objects: [pool({ vxlanMode: "Always" })], overhead: 50, device: /vxlan/ },
  { name: "ipip", objects: [pool({ ipipMode: "Always" })], overhead: 20, device: /tunl0/ },
] as const;

for (const { name, objects, overhead, device } of encapsulations)
  t.test(`a trace over ${name}`, options, async (t) => {
    const rows = sound(t, await traced(name, [...cluster, ...objects], "http://api/orders?x=1"));
    const isIn = (r: Row): boolean =>
      name === "vxlan" ? r["vxlan.vni"] !== "" : numbers(r["ip.proto"])[0] === 4;
    const wired = rows.filter(isIn).map((r) => numbers(r["ip.len"]));
    t.ok(wired.length > 10, "there are encapsulated packets");
    t.same(
      [...new Set(wired.map(([o, i]) => o! - i!))],
      [overhead],
      "outer and inner length differ by the headers",
    );
    t.ok(
      rows.some((r) => !isIn(r) && device.test(r["frame.interface_name"])),
      "the tunnel's device has the packets without their outer headers",
    );
    content(t, rows);
    t.end();
  });

/** DNS, the handshake, the request and its answer, on the devices where they are to be seen. */
function content(t: Tap, rows: readonly Row[], path = "/orders?x=1"): void {
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

t.test("a trace over WireGuard", options, async (t) => {
  const objects = [pool({}), felix({ wireguardEnabled: true })];
  const rows = sound(t, await traced("wireguard", [...cluster, ...objects], "http://api/orders?x=1"));
  content(t, rows);
  const sealed = rows.filter((r) => r["wg.type"] !== "" && r["frame.interface_name"] === "node-1/eth0");
  const plain = rows.filter((r) => r["frame.interface_name"].startsWith("node-1/wireguard"));
  t.ok(plain.length > 10 && sealed.length === plain.length, "each packet is sealed");
  t.same(
    sealed.map((r) => Number(r["ip.len"])),
    plain.map((r) => 60 + Math.ceil(Number(r["ip.len"]) / 16) * 16),
    "20 + 8 + 16 octets before, 16 behind, padded to 16 (the protocol's own specification)",
  );
  t.same([...new Set(sealed.map((r) => r["wg.type"]))], ["4"], "data messages");
  t.end();
});

const configMap = (name: string, data: object) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "kube-system" },
  data,
});
const weave = {
  apiVersion: "apps/v1",
  kind: "DaemonSet",
  metadata: { name: "weave-net", namespace: "kube-system" },
  spec: {
    selector: { matchLabels: { name: "weave-net" } },
    template: {
      metadata: { labels: { name: "weave-net" } },
      spec: { hostNetwork: true, containers: [{ name: "weave", image: "weaveworks/weave-kube:2.8.1" }] },
    },
  },
};
const flannel = (type: string) =>
  configMap("kube-flannel-cfg", {
    "net-conf.json": JSON.stringify({ Network: "10.244.0.0/16", Backend: { Type: type } }),
  });
const cilium = (data: object) => configMap("cilium-config", { "routing-mode": "tunnel", ...data });

/** Octets between a packet of the connection in the pod and around it, on the card: 50 (RFC 7348, 8926), 60, both. */
const others: readonly (readonly [string, readonly object[], number])[] = [
  ["flannel", [flannel("vxlan")], 50],
  ["flannel-wireguard", [flannel("wireguard")], 60],
  ["cilium-geneve", [cilium({ "tunnel-protocol": "geneve" })], 50],
  ["cilium-wireguard", [cilium({ "tunnel-protocol": "vxlan", "enable-wireguard": "true" })], 110],
  ["weave", [weave], 50],
  ["bridge", [], 0],
];

for (const [name, objects, overhead] of others)
  t.test(`a trace over ${name}`, options, async (t) => {
    const rows = sound(t, await traced(name, [...cluster, ...objects], "http://api/"));
    const own = rows.find((r) => inPod("node-2")(r) && Number(r["tcp.flags"]) === 2);
    const seconds = rows.filter((r) => r["frame.interface_name"] === "node-2/eth0");
    const octets = seconds.map((r) => numbers(r["ip.len"])[0]!);
    const bare = Number(own?.["ip.len"]);
    const sealed = name.includes("wireguard")
      ? Math.ceil((bare + overhead - 60) / 16) * 16 + 60
      : bare + overhead;
    t.ok(octets.includes(sealed), `the SYN of ${bare} octets comes to node 2 as a packet of ${sealed}`);
    t.end();
  });

t.test("what is stopped is seen up to there, and no further", options, async (t) => {
  const vxlan = pool({ vxlanMode: "Always" });
  const dropped = sound(
    t,
    await traced("ingress", [...cluster, vxlan, policy("Ingress", "api")], "http://api/"),
  );
  const places = dropped.filter(isTcp).map((r) => r["frame.interface_name"]);
  t.same(
    places.filter((p) => /^node-2/.test(p)),
    ["node-2/eth0", "node-2/vxlan.calico"],
    "the SYN comes out of the tunnel",
  );
  t.same(
    dropped.filter((r) => isTcp(r) && Number(r["tcp.flags"]) !== 2),
    [],
    "nobody answers",
  );

  const held = sound(t, await traced("egress", [...cluster, vxlan, policy("Egress", "web")], "http://api/"));
  const seen = held.filter(isTcp).map((r) => r["frame.interface_name"]);
  t.equal(seen.length, 2, "the SYN is seen at both ends of the pod's veth pair");
  t.ok(
    seen.every((i) => /^node-1\/(eth0 \(pod\)|cali)/.test(i)),
    "and does not leave its node",
  );

  const refused = sound(t, await traced("reject", [...cluster, vxlan], "http://empty/"));
  t.same(
    pick(
      refused.filter((r) => r["icmp.type"] !== "" && inPod("node-1")(r)),
      "icmp.type",
      "icmp.code",
      "tcp.dstport",
    ),
    [["3", "3", "80"]],
    "port unreachable, about the SYN to port 80",
  );
  t.end();
});

t.test("Cilium's proxies", options, async (t) => {
  const l7 = {
    apiVersion: "cilium.io/v2",
    kind: "CiliumNetworkPolicy",
    metadata: metadata("l7"),
    spec: {
      endpointSelector: { matchLabels: { app: "api" } },
      ingress: [
        {
          fromEndpoints: [{ matchLabels: { app: "web" } }],
          toPorts: [
            {
              ports: [{ port: "8080", protocol: "TCP" }],
              rules: { http: [{ method: "GET", path: "/open" }] },
            },
          ],
        },
      ],
    },
  };
  const names = {
    apiVersion: "cilium.io/v2",
    kind: "CiliumNetworkPolicy",
    metadata: metadata("names"),
    spec: {
      endpointSelector: { matchLabels: { app: "web" } },
      egress: [
        {
          toEndpoints: [{ matchLabels: { "k8s:io.kubernetes.pod.namespace": "kube-system" } }],
          toPorts: [
            {
              ports: [{ port: "53", protocol: "UDP" }],
              rules: { dns: [{ matchName: "elsewhere.example" }] },
            },
          ],
        },
      ],
    },
  };
  const config = cilium({ "tunnel-protocol": "vxlan" });
  const refused = sound(t, await traced("l7", [...cluster, config, l7], "http://api/closed"));
  t.same([...new Set(pick(refused, "http.response.code").map(String))], ["", "403"]);
  t.same(
    refused.filter((r) => inPod("node-2")(r) && isTcp(r)),
    [],
    "the pod itself sees nothing of it",
  );
  const closed = sound(t, await traced("tls", [...cluster, config, l7], "https://api:80/open"));
  t.ok(
    closed.some((r) => inPod("node-1")(r) && (Number(r["tcp.flags"]) & 4) !== 0),
    "TLS, which the proxy cannot read, is answered with RST",
  );
  const asked = sound(t, await traced("dns", [...cluster, config, names], "http://api/"));
  t.same(
    [...new Set(pick(asked, "dns.flags.rcode").map(String))].sort(),
    ["", "5"],
    "REFUSED by the DNS proxy",
  );
  t.ok(
    asked.every((r) => r["frame.interface_name"].startsWith("node-1/")),
    "and no query leaves the node",
  );
  t.end();
});

t.test("UDP, SCTP and connections to the outside", options, async (t) => {
  const objects = [...cluster, pool({ vxlanMode: "Always" })];
  sound(t, await traced("udp", objects, "default/api:8080/UDP"));
  const sctp = sound(t, await traced("sctp", objects, "default/api:8080/SCTP"));
  t.ok(
    sctp.some((r) => r["sctp.chunk_type"] === "1" && r["sctp.checksum.status"] === "1"),
    "an INIT, its CRC32c right",
  );
  const out = sound(t, await traced("outside", objects, "203.0.113.9:443"));
  const sources = out.filter((r) => Number(r["tcp.flags"]) === 2).map((r) => r["ip.src"]);
  t.same(
    [sources[0], sources.at(-1)],
    ["10.244.1.10", "172.18.0.2"],
    "the node's address takes the pod's place",
  );
  t.end();
});

t.test("the command writes the same capture each time", options, (t) => {
  const manifest = write("command", [...cluster, pool({ vxlanMode: "Always" })]);
  const files = [1, 2].map((n) => join(dir, `command-${n}.pcapng`));
  for (const file of files) {
    const { status, stderr } = netsim(["trace", "default/web", "http://api/", manifest, "--pcap", file]);
    t.equal(status, 0, stderr);
  }
  const [first, second] = files.map((file) => readFileSync(file));
  t.ok(first!.equals(second!));
  content(t, sound(t, files[0]!), "/");
  t.equal(netsim(["trace", "default/web", "http://api/", manifest, "--pcap", "/nowhere/x"]).status, 2);
  t.end();
});

t.test("a ping that is too big for one packet", options, (t) => {
  const file = join(dir, "ping.pcapng");
  const manifest = write("ping", [...cluster, pool({ vxlanMode: "Always" })]);
  const args = [
    "ping",
    "default/web",
    "default/api",
    manifest,
    "--pcap",
    file,
    "-M",
    "dont",
    "-s",
    "1472",
    "-c",
    "1",
  ];
  t.equal(netsim(args).status, 0);
  const arrived = sound(t, file).filter((r) => inPod("node-2")(r) && r["ip.dst"] === "10.244.2.10");
  t.same(
    pick(arrived, "ip.len", "ip.frag_offset", "ip.flags.mf").map((r) => r.map(Number)),
    [
      [1444, 0, 1],
      [76, 1424 / 8, 0],
    ],
    "the sender's fragments",
  );
  t.end();
});

/** Every kind, inside and outside of both families: lengths by RFC 7348, 8926, 2003, 4303, the WireGuard and Weave protocols. */
t.test("all encapsulations", options, (t) => {
  const camera = createCamera();
  const kinds: readonly (readonly [Partial<Tunnel>, over4: number])[] = [
    [{ kind: "vxlan" }, 50],
    [{ kind: "vxlan", port: 8472 }, 50],
    [{ kind: "geneve" }, 50],
    [{ kind: "geneve", options: 8 }, 58],
    [{ kind: "ipip" }, 20],
    [{ kind: "wireguard" }, 60],
    [{ kind: "esp" }, 20 + 16 + 2 + 16],
    [{ kind: "esp", port: 4500 }, 20 + 8 + 16 + 2 + 16],
    [{ kind: "sleeve" }, 20 + 8 + 6 + 14 + 14],
    [{ kind: "sleeve", encrypted: true }, 20 + 8 + 6 + 2 + 16 + 14 + 14],
    [{ kind: "fastdp" }, 50],
  ];
  const expected: number[] = [];
  for (const [tunnel, over4] of kinds)
    for (const innerFamily of [4, 6] as const)
      for (const underlayFamily of [4, 6] as const) {
        const path = labPath({
          style: "routed",
          underlayMtu: 1500,
          middleLinkMtu: 1500,
          underlayFamily,
          innerFamily,
          vxlanMtu: 1400,
          podMtu: 1400,
          tunnel,
        });
        const ends = { source: path.source, destination: path.destination };
        const protocol = innerFamily === 4 ? PROTOCOL.icmp : PROTOCOL.icmpv6;
        film(camera, path, { protocol, write: (e) => echo(false, 1, 1, 90, e) }, () => ends);
        const inner = (innerFamily === 4 ? 20 : 40) + 8 + 90;
        const padding =
          tunnel.kind === "wireguard"
            ? Math.ceil(inner / 16) * 16 - inner
            : tunnel.kind === "esp"
              ? (4 - ((inner + 2) % 4)) % 4
              : 0;
        expected.push(inner + over4 + padding + (underlayFamily === 6 ? 20 : 0) + 14);
        camera.wait(1_000_000n);
      }
  const file = join(dir, "all.pcapng");
  writeFileSync(file, camera.file());
  const onRouter = sound(t, file).filter((r) => r["frame.interface_name"] === "router");
  t.same(
    onRouter.map((r) => Number(r["frame.len"])),
    expected,
    "lengths on the wire",
  );
  t.end();
});
