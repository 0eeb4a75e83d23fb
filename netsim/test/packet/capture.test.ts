/** Captures of traces through every encapsulation. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { createCamera, film } from "../../src/packet/film.ts";
import type { Tunnel } from "../../src/packet/path.ts";
import { echo, PROTOCOL } from "../../src/packet/transport.ts";
import { cilium, cluster, felix, flannel, pool, weave } from "./manifests.ts";
import { content, dir, inPod, numbers, options, sound, traced, type Row } from "./reading.ts";
import { labPath } from "./support.ts";

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
