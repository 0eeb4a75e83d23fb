/** ping's lines, and the command. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { createNetwork } from "../../src/cni/network.ts";
import { pathBetween } from "../../src/cni/paths.ts";
import { loadFiles } from "../../src/model/load.ts";
import { fitOf } from "../../src/packet/fit.ts";
import { ping, sweep } from "../../src/packet/ping.ts";
import { netsim } from "../cli/support.ts";
import { example } from "../trace/support.ts";
import { LAB, labPath, type Lab } from "./support.ts";

t.setTimeout(240_000);
const dir = mkdtempSync(join(tmpdir(), "netsim-ping-"));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

/** Of iputils 20221126 in such a network on Linux 6.18; times left out. */
const PINGS: readonly {
  lab?: Partial<Lab>;
  size: number;
  hint: "do" | "want";
  count: number;
  lines: readonly string[];
}[] = [
  {
    size: 1422,
    hint: "do",
    count: 2,
    lines: [
      "PING 10.2.0.2 (10.2.0.2) 1422(1450) bytes of data.",
      "1430 bytes from 10.2.0.2: icmp_seq=1 ttl=62",
      "1430 bytes from 10.2.0.2: icmp_seq=2 ttl=62",
      "",
      "--- 10.2.0.2 ping statistics ---",
      "2 packets transmitted, 2 received, 0% packet loss",
    ],
  },
  {
    size: 1423,
    hint: "do",
    count: 3,
    lines: [
      "PING 10.2.0.2 (10.2.0.2) 1423(1451) bytes of data.",
      "From 10.1.0.1 icmp_seq=1 Frag needed and DF set (mtu = 1450)",
      "ping: local error: message too long, mtu=1450",
      "ping: local error: message too long, mtu=1450",
      "",
      "--- 10.2.0.2 ping statistics ---",
      "3 packets transmitted, 0 received, +3 errors, 100% packet loss",
    ],
  },
  {
    size: 1473,
    hint: "want",
    count: 1,
    lines: [
      "PING 10.2.0.2 (10.2.0.2) 1473(1501) bytes of data.",
      "1481 bytes from 10.2.0.2: icmp_seq=1 ttl=62",
      "",
      "--- 10.2.0.2 ping statistics ---",
      "1 packets transmitted, 1 received, 0% packet loss",
    ],
  },
  {
    lab: { innerFamily: 6 },
    size: 1403,
    hint: "do",
    count: 2,
    lines: [
      "PING fd12::2(fd12::2) 1403 data bytes",
      "From fd11::1 icmp_seq=1 Packet too big: mtu=1450",
      "ping: local error: message too long, mtu: 1450",
      "",
      "--- fd12::2 ping statistics ---",
      "2 packets transmitted, 0 received, +2 errors, 100% packet loss",
    ],
  },
  {
    lab: { innerFamily: 6, podMtu: 1450 },
    size: 1402,
    hint: "do",
    count: 1,
    lines: [
      "PING fd12::2(fd12::2) 1402 data bytes",
      "1410 bytes from fd12::2: icmp_seq=1 ttl=62",
      "",
      "--- fd12::2 ping statistics ---",
      "1 packets transmitted, 1 received, 0% packet loss",
    ],
  },
  {
    lab: { style: "bridged" },
    size: 1472,
    hint: "do",
    count: 2,
    lines: [
      "PING 10.1.0.3 (10.1.0.3) 1472(1500) bytes of data.",
      "",
      "--- 10.1.0.3 ping statistics ---",
      "2 packets transmitted, 0 received, 100% packet loss",
    ],
  },
];

t.test("what ping prints", (t) => {
  for (const { lab, size, hint, count, lines } of PINGS)
    t.same(ping(labPath({ ...LAB, ...lab }), { size, discovery: hint, count }).lines, lines);
  t.end();
});

t.test("the guide's MTUs of section 12", (t) => {
  const files = ["cluster", "overlay-vxlan", "overlay-ipip"].map((f) => example(`02-pod-to-pod/${f}.yaml`));
  const [cluster = "", vxlan = "", ipip = ""] = files;
  const sealed = join(dir, "wireguard.json");
  const metadata = { name: "default" };
  const spec = { wireguardEnabled: true };
  writeFileSync(
    sealed,
    JSON.stringify({ apiVersion: "crd.projectcalico.org/v1", kind: "FelixConfiguration", metadata, spec }),
  );
  const largest = (mtu: number, ...more: string[]) => {
    const network = createNetwork(loadFiles([cluster, ...more]), { mtu });
    const way = pathBetween(network, "default/pod-a", "default/pod-c");
    return typeof way === "string" ? way : fitOf(way.path).largest;
  };
  t.same([largest(1500, vxlan), largest(9000, vxlan)], [1450, 8950], "VXLAN");
  t.same([largest(1500, ipip), largest(9000, ipip)], [1480, 8980], "IP in IP");
  t.equal(largest(9000, vxlan, sealed), 8940, "WireGuard");
  t.end();
});

t.test("a sweep has every size once", (t) => {
  const runs = sweep(labPath(LAB), 0, 1480, { discovery: "dont", count: 2 });
  t.same(
    runs.map((r) => [r.from, r.to, r.sent, r.wire, r.received]),
    [
      [0, 1422, 1, 1, 1],
      [1423, 1472, 1, 2, 2],
      [1473, 1480, 2, 3, 3],
    ],
  );
  t.end();
});

t.test("the command", (t) => {
  const files = ["cluster", "overlay-vxlan"].map((f) => example(`02-pod-to-pod/${f}.yaml`));
  const run = (...args: string[]) => netsim(["ping", "default/pod-a", "default/pod-c", ...files, ...args]);
  const plain = run("-M", "do", "-s", "1472", "-c", "1");
  t.equal(plain.status, 0, plain.stderr);
  t.match(plain.stdout, /^PING 10\.1\.2\.3 \(10\.1\.2\.3\) 1472\(1500\) bytes of data\.$/m);
  t.match(
    plain.stdout,
    /^ping: local error: message too long, mtu=1450$/m,
    "the guide's check of section 11",
  );
  t.match(plain.stdout, /ping -M do -s 1422\b/, "VXLAN's 50 octets and 28 of IP and ICMP");
  const asked = run("-s", "1422", "-M", "do", "--json");
  const json = JSON.parse(asked.stdout) as {
    lines: string[];
    fit: { largest: number; pingSize: number; chain: { device: string; mtu: number }[] };
    tcp: { mssAfter: number };
  };
  t.match(json, { fit: { largest: 1450, pingSize: 1422 }, tcp: { mssAfter: 1398 } });
  t.equal(json.lines.filter((l) => l.includes("icmp_seq")).length, 3);
  t.match(run("--sweep", "-c", "1", "-M", "do").stdout, /^0-1422 +reply +1 +1 +1$/m);

  const big = write("big.json", { veth_mtu: "1500" });
  const hole = run(big, "-M", "do", "-s", "1472", "-c", "2", "--black-hole");
  t.match(hole.stdout, /2 packets transmitted, 0 received, 100% packet loss/);
  t.match(hole.stdout, /PMTU black hole/);
  t.match(hole.stdout, /TCP connects and then hangs/);
  t.match(run(big, "--black-hole", "--clamp-mss", "pmtu").stdout, /TCP offers an MSS of 1410/);

  t.match(
    run("--wire-mtu", "1400", "-s", "1422", "-M", "do", "-c", "1").stdout,
    /there are 2 between the nodes/,
  );
  const routed = netsim(["ping", "default/pod-a", "default/pod-c", files[0]!, "--cni", "calico", "-c", "1"]);
  t.match(routed, {
    status: 0,
    stdout: /1 packets transmitted, 0 received, 100% packet loss\n\n.*no route to 10\.1\.2\.3/,
  });
  t.match(netsim(["ping", "default/pod-a", "default/pod-a", files[0]!]).stdout, /3 received, 0% packet loss/);
  t.equal(run("-s", "huge").status, 2);
  t.match(run("-M", "maybe"), { status: 2, stderr: /do, dont, want, probe/ });
  t.match(netsim(["ping", "default/nobody", "default/pod-c", ...files]), {
    status: 2,
    stderr: /FROM default\/nobody/,
  });
  t.end();
});

/** Pods' devices larger than the tunnel. */
function write(name: string, data: object): string {
  const file = join(dir, name);
  const metadata = { name: "calico-config", namespace: "kube-system" };
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata, data }));
  return file;
}
