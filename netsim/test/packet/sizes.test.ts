/** Sizes of headers, MTU chains, black holes and TCP's segments. */
import t from "tap";
import { fitOf, outcomes } from "../../src/packet/fit.ts";
import { boxText, layersOf } from "../../src/packet/layers.ts";
import type { Tunnel } from "../../src/packet/path.ts";
import { createSender } from "../../src/packet/sender.ts";
import { transfer } from "../../src/packet/tcp.ts";
import { overheadOf, roomIn, wrap } from "../../src/packet/tunnel.ts";
import { LAB, labPath, outer, type Lab } from "./support.ts";

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

t.test("a way that ends early, and one that is none", (t) => {
  const path = labPath(LAB);
  const cut = { ...path, links: path.links.slice(0, 5), lost: "the router has no route" };
  const sent = createSender(cut).send(100, "do");
  t.equal(sent.outcome, "lost");
  t.equal(sent.journey?.sightings.length, 5, "it is seen up to there");
  t.equal(fitOf(cut).largest, 0);
  const itself = { ...path, destination: path.source, links: [] };
  t.equal(createSender(itself).send(100, "do").outcome, "delivered", "a pod to itself");
  t.end();
});
