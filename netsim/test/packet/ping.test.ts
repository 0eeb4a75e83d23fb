/** Sizes of headers, ping's lines, MTU chains and TCP's segments. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { createNetwork } from "../../src/cni/network.ts";
import { pathBetween } from "../../src/cni/paths.ts";
import { loadFiles } from "../../src/model/load.ts";
import { fitOf, outcomes } from "../../src/packet/fit.ts";
import { boxText, layersOf } from "../../src/packet/layers.ts";
import type { Tunnel } from "../../src/packet/path.ts";
import { ping, sweep } from "../../src/packet/ping.ts";
import { createSender } from "../../src/packet/sender.ts";
import { transfer } from "../../src/packet/tcp.ts";
import { overheadOf, roomIn, wrap } from "../../src/packet/tunnel.ts";
import { example } from "../trace/support.ts";
import { netsim } from "../cli/support.ts";
import { labPath, outer, type Lab } from "./support.ts";

t.setTimeout(240_000);
const dir = mkdtempSync(join(tmpdir(), "netsim-ping-"));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

const LAB: Lab = {
  style: "routed",
  underlayMtu: 1500,
  middleLinkMtu: 1500,
  underlayFamily: 4,
  innerFamily: 4,
  vxlanMtu: 1450,
  podMtu: 1500,
};

t.test("what the headers cost", (t) => {
  const cost = (tunnel: Partial<Tunnel>, family: 4 | 6 = 4) =>
    overheadOf({ kind: "vxlan", ...outer(family), ...tunnel });
  t.equal(cost({}), 20 + 8 + 8 + 14, "VXLAN: RFC 7348 figure 1");
  t.equal(cost({}, 6), 40 + 8 + 8 + 14, "VXLAN over IPv6: figure 2");
  t.equal(
    cost({ kind: "geneve", options: 12 }),
    20 + 8 + 8 + 12 + 14,
    "Geneve with options: RFC 8926 section 3.1",
  );
  t.equal(cost({ kind: "ipip" }), 20, "IP in IP: RFC 2003 section 3");
  t.equal(cost({ kind: "wireguard" }), 60, "WireGuard, as its documentation counts");
  t.equal(cost({ kind: "wireguard" }, 6), 80, "WireGuard over IPv6");
  t.equal(
    cost({ kind: "esp", mode: "transport" }),
    8 + 8 + 2 + 16,
    "ESP around a payload: RFC 4303 figure 1",
  );
  t.equal(cost({ kind: "esp" }), 20 + 8 + 8 + 2 + 16, "ESP around a packet");
  t.end();
});

t.test("padding", (t) => {
  const wireguard: Tunnel = { kind: "wireguard", ...outer(4) };
  const sealed = (octets: number) => wrap(wireguard, octets, 1420).octets;
  t.same([sealed(1), sealed(16), sealed(17)], [76, 76, 92], "to 16 octets");
  t.same(
    [sealed(1408), sealed(1409), sealed(1420)],
    [1468, 1480, 1480],
    "but not past the device's MTU of 1420",
  );
  t.equal(roomIn(wireguard, 1480, 1420), 1420);
  const esp: Tunnel = { kind: "esp", ...outer(4) };
  for (let octets = 20; octets < 40; octets++) {
    const { after } = wrap(esp, octets);
    const trailer = after.reduce((sum, l) => sum + l.octets, 0) - 16;
    t.equal(
      (octets + trailer) % 4,
      0,
      "ESP: pad length and next header end on 4 octets (RFC 4303 section 2.4)",
    );
    t.ok(trailer >= 2 && trailer < 6);
  }
  for (let mtu = 1300; mtu < 1340; mtu++) {
    const room = roomIn(esp, mtu);
    t.ok(wrap(esp, room).octets <= mtu && wrap(esp, room + 1).octets > mtu, "the room is all there is");
  }
  t.end();
});

t.test("layers add up to the packet, whatever is around it", (t) => {
  const kinds: Partial<Tunnel>[] = [
    {},
    { kind: "geneve", options: 8 },
    { kind: "ipip" },
    { kind: "wireguard" },
    { kind: "esp" },
    { kind: "esp", mode: "transport" },
    { kind: "sleeve", encrypted: true },
    { kind: "fastdp" },
  ];
  for (const tunnel of kinds)
    for (const innerFamily of [4, 6] as const)
      for (const size of [0, 56, 1400, 1600]) {
        const path = labPath({ ...LAB, innerFamily, middleLinkMtu: 1400, tunnel });
        const content = { source: path.source, destination: path.destination, protocol: "ICMP" } as const;
        const { journey } = createSender(path).send(size + (innerFamily === 4 ? 28 : 48), "dont");
        for (const { frame } of journey?.sightings ?? []) {
          const layers = layersOf(frame, content);
          const sum = layers.reduce((all, l) => all + l.octets, 0);
          if (sum !== frame.octets) t.equal(sum, frame.octets, boxText(layers));
        }
        t.ok((journey?.sightings.length ?? 0) > 2);
      }
  t.end();
});

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

t.test("black holes", (t) => {
  const fit = (lab: Partial<Lab>) => fitOf(labPath({ ...LAB, ...lab }));
  t.equal(fit({}).blackHole, undefined, "routes answer");
  // The next two as recorded: data/laboratory.jsonl.
  t.same(
    fit({ style: "bridged" }).blackHole,
    { from: 1455, to: 1500 },
    "bridges are silent beyond a VLAN tag's room",
  );
  t.same(
    fit({ underlayFamily: 6, middleLinkMtu: 1400, vxlanMtu: 1430, podMtu: 1430 }).blackHole,
    { from: 1331, to: 1430 },
    "an outer IPv6 packet is fragmented by nobody, and the pod is not told",
  );
  const path = labPath(LAB);
  t.same(outcomes(path, 1500, "do"), ["recv:EMSGSIZE", "EMSGSIZE", "EMSGSIZE", "EMSGSIZE"]);
  const blocked = { blackHole: true };
  t.same(outcomes(path, 1500, "do", blocked), ["lost", "lost", "lost", "lost"], "RFC 2923 section 2.1");
  t.same(fitOf(path, blocked).blackHole, { from: 1451, to: 1500 });
  t.end();
});

t.test("TCP", (t) => {
  const path = labPath(LAB);
  const blocked = () => createSender(path, { blackHole: true });
  t.match(transfer(path, 1000), { offered: 1460, mssAtConnect: 1448, mssAfter: 1398, received: 1000 });
  t.match(transfer(path, 1000, blocked()), { mssAtConnect: 1448, mssAfter: 1448, received: 0 }, "it hangs");
  t.match(
    transfer(path, 1000, blocked(), { clamp: "pmtu" }),
    { offered: 1410, mssAtConnect: 1398, received: 1000 },
    "clamped to the VXLAN device's MTU",
  );
  t.match(transfer(path, 1000, blocked(), { clamp: 1300 }), { offered: 1300, received: 1000 });
  t.end();
});

t.test("the least path MTU that ICMP may teach", (t) => {
  // RFC 1191 lets routers say 68; Linux takes no less than 552 and no longer sets DF. IPv6 stops at 1280 (RFC 8201 section 4).
  const narrow = labPath({ ...LAB, vxlanMtu: 400, tunnel: null, middleLinkMtu: 400 });
  const sender = createSender(narrow);
  t.equal(sender.send(1000, "want").outcome, "recv:EMSGSIZE");
  t.equal(sender.pathMtu(), 552);
  t.equal(
    sender.send(1000, "want").outcome,
    "delivered",
    "fragments of 552 without DF, fragmented again on the way",
  );
  const six = createSender(labPath({ ...LAB, innerFamily: 6, tunnel: null, middleLinkMtu: 1000 }));
  t.equal(six.send(1200, "do").outcome, "recv:EMSGSIZE");
  t.equal(six.pathMtu(), 1280);
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
