/** Many connections at once, the cost of one, and eBPF's way, which has no rules to record. */
import t from "tap";
import { costCurves } from "../../src/service/curve.ts";
import { ebpfPlane } from "../../src/service/ebpf/connect.ts";
import { ebpfProgram } from "../../src/service/ebpf/program.ts";
import { MODES, serviceProxy } from "../../src/service/index.ts";
import { chooser, destinationOf, outcomes, seeded, spread } from "../../src/service/spread.ts";
import { from, lab, nodeA } from "./support.ts";

const cluster = lab();

t.test("every way has its probability, and they sum to one", (t) => {
  for (const mode of MODES) {
    const proxy = serviceProxy(cluster, "node-a", mode);
    for (const [address, ways] of [
      ["10.96.10.11", 4],
      ["10.96.10.12", 3],
      ["10.96.10.14", 1],
    ] as const) {
      const found =
        proxy === undefined ? [] : outcomes(proxy.plane("IPv4"), from("10.244.1.99", address, 80));
      const sum = found.reduce((total, { probability }) => total + probability, 0);
      t.equal(found.length, ways, `${mode}: ${address}`);
      t.ok(Math.abs(sum - 1) < 1e-9);
      for (const { probability } of found) t.ok(Math.abs(probability - 1 / ways) < 1e-8);
      t.ok(found.every(({ connection }) => connection.service !== undefined && connection.steps.length > 0));
    }
  }
  t.equal(serviceProxy(cluster, "node-x"), undefined);
  t.end();
});

t.test("the spread of many connections is what the probabilities say", (t) => {
  const to = from("10.244.1.99", "10.96.10.11", 80);
  for (const mode of ["iptables", "nftables", "ebpf"] as const) {
    const plane = serviceProxy(cluster, "node-a", mode)?.plane("IPv4");
    const tally = plane === undefined ? new Map<string, number>() : spread(plane, to, 4000, seeded(11)).tally;
    t.equal(tally.size, 4);
    const chi = [...tally.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    t.ok(chi < 16.3, `${mode}: ${[...tally.values()].join()}`);
  }
  t.end();
});

t.test("chance is determined by its seed", (t) => {
  const numbers = (seed: number) => Array.from({ length: 5 }, seeded(seed));
  t.same(numbers(1), numbers(1));
  t.notSame(numbers(1), numbers(2));
  t.equal(chooser(() => 0.999999)([0.2, 0.8]), 1);
  t.equal(chooser(() => 0.1)([0.2, 0.8]), 0);
  t.end();
});

t.test("iptables' cost grows with the Services, the others' does not", (t) => {
  const sizes = [10, 100, 1000];
  const curves = costCurves(sizes);
  const [ten, hundred, thousand] = curves.iptables.map(({ rules }) => rules) as [number, number, number];
  const slope = (thousand - hundred) / 900;
  t.ok(slope > 0.35 && slope < 0.65, `about half of the Services are walked past: ${slope} a Service`);
  t.ok(Math.abs((hundred - ten) / 90 - slope) < 0.1, "in a straight line");
  for (const mode of ["nftables", "ipvs", "ebpf"] as const) {
    const [first, ...rest] = curves[mode];
    for (const cost of rest) t.match(cost, { rules: first?.rules, lookups: first?.lookups }, mode);
  }
  t.end();
});

t.test("eBPF", (t) => {
  const node = nodeA(cluster, "IPv4");
  const plane = ebpfPlane(ebpfProgram(cluster, node, { algorithm: "maglev", tableSize: 251 }));
  const one = (source: string, destination: string, port: number, sourcePort = 40000) =>
    plane.connect(from(source, destination, port, sourcePort), { choose: () => 0, now: 0 });
  const POD = "10.244.1.99";
  const CLIENT = "172.18.0.100";
  const NODE = "172.18.0.2";
  t.match(one(POD, "10.96.10.11", 80), { verdict: "forwarded", source: POD, rules: 0, translated: true });
  t.match(
    one("10.244.1.11", "10.96.10.14", 80),
    { source: "10.244.1.11" },
    "no hairpin: the socket knows its peer",
  );
  t.match(one(CLIENT, "10.96.10.11", 80), { translated: false }, "cluster IPs are not for the outside");
  t.match(one(POD, "10.96.10.21", 80), { verdict: "rejected" });
  t.match(one(CLIENT, NODE, 30082), { verdict: "dropped" }, "policy Local without an endpoint here");
  t.match(one(POD, NODE, 30082), { verdict: "forwarded" }, "which pods are not asked about");
  t.match(one(CLIENT, "198.51.100.12", 80), { verdict: "dropped" }, "outside the source ranges");
  t.match(
    one("127.0.0.1", "127.0.0.1", 30080),
    { verdict: "forwarded", source: NODE },
    "NodePorts on the loopback",
  );

  const flows = Array.from({ length: 400 }, (_, index) => one(CLIENT, NODE, 30080, 20000 + index));
  for (const { destination, source, masqueraded } of flows) {
    const remote = destination.address.startsWith("10.244.2.");
    t.equal(masqueraded, remote);
    t.equal(source, remote ? NODE : CLIENT, "a client keeps its address where its endpoint is on the node");
  }
  t.equal(new Set(flows.map(destinationOf)).size, 4);
  const again = Array.from({ length: 400 }, (_, index) => one(CLIENT, NODE, 30080, 20000 + index));
  t.same(again.map(destinationOf), flows.map(destinationOf), "a flow's backend is in its hash");
  t.equal(
    new Set(
      Array.from({ length: 40 }, (_, index) => one(CLIENT, NODE, 30092, 20000 + index)).map(destinationOf),
    ).size,
    1,
    "affinity leaves the source port out",
  );
  t.end();
});
