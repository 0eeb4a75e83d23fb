/** Captures of connections that are stopped or have no HTTP, and of pings. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { netsim } from "../cli/support.ts";
import { cilium, cluster, felix, metadata, policy, pool } from "./manifests.ts";
import { content, dir, inPod, isTcp, options, pick, sound, traced, write } from "./reading.ts";

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
    seen.every((i) => /^node-1\/(eth0 \(pod 10.244.1.10\)|cali)/.test(i)),
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

t.test("sizes in a capture are the model's", options, (t) => {
  const networks: readonly (readonly [string, readonly object[]])[] = [
    ["vxlan", [pool({ vxlanMode: "Always" })]],
    ["ipip", [pool({ ipipMode: "Always" })]],
    ["wireguard", [pool({}), felix({ wireguardEnabled: true })]],
  ];
  for (const [name, objects] of networks) {
    const file = join(dir, `sizes-${name}.pcapng`);
    const manifest = write(`sizes-${name}`, [...cluster, ...objects]);
    const args = ["-c", "1", "-M", "do", "-s", "1301", "--json", "--pcap", file];
    const { stdout } = netsim(["ping", "default/web", "default/api", manifest, ...args]);
    const { echoes } = JSON.parse(stdout) as { echoes: { wire: { name: string; octets: number }[][] }[] };
    const modelled = echoes[0]?.wire.map((layers) => layers.reduce((sum, l) => sum + l.octets, 0));
    // Request and answer, each once on the cable.
    const seen = sound(t, file).filter((r) => r["frame.interface_name"] === "wire");
    t.same(
      seen.map((r) => Number(r["frame.len"]) - 14),
      [...(modelled ?? []), ...(modelled ?? [])],
      name,
    );
  }
  t.end();
});
