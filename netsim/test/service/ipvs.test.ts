/** IPVS: the schedulers as the kernel's documentation describes them, ipvsadm's text, what a connection meets. */
import t from "tap";
import { parseAddress, type Address } from "../../src/service/address.ts";
import { ipvsPlane } from "../../src/service/ipvs/connect.ts";
import { ipvsadm } from "../../src/service/ipvs/ipvsadm.ts";
import { ipvsProgram } from "../../src/service/ipvs/program.ts";
import { scheduler, SCHEDULER_NAMES, type Load, type RealServer } from "../../src/service/ipvs/scheduler.ts";
import { proxyNode } from "../../src/service/node.ts";
import { outcomes, spread, seeded } from "../../src/service/spread.ts";
import { loadObjects } from "../../src/model/load.ts";
import type { Node } from "../../src/model/types.ts";
import { from, lab, nodeA } from "./support.ts";

const address = (text: string) => parseAddress(text) as Address;

function servers(...weights: number[]): RealServer[] {
  return weights.map((weight, index) => ({ address: `10.0.0.${index + 1}`, port: 80, weight }));
}

/** Who gets each of `count` connections that stay open, as letters. */
function turns(
  name: string,
  weights: number[],
  count: number,
  loads = weights.map((): Load => ({ active: 0, inactive: 0 })),
): string {
  const next = scheduler(name);
  const request = { source: address("192.0.2.1"), destination: address("10.96.0.1"), choose: () => 0 };
  let letters = "";
  for (let i = 0; i < count; i++) {
    const index = next?.(servers(...weights), loads, request);
    if (index === undefined) return `${letters}-`;
    (loads[index] as Load).active++;
    letters += String.fromCharCode(65 + index);
  }
  return letters;
}

t.test("schedulers", (t) => {
  t.same([...SCHEDULER_NAMES].sort(), ["dh", "lc", "nq", "rr", "sed", "sh", "wlc", "wrr"]);
  t.equal(scheduler("mh"), undefined);
  for (const name of SCHEDULER_NAMES) {
    t.equal(turns(name, [], 1), "-", `${name}: nobody there`);
    t.equal(turns(name, [0], 1), "-", `${name}: nobody who may`);
  }
  t.equal(turns("rr", [1, 1, 1], 7), "ABCABCA");
  t.equal(turns("rr", [1, 0, 1], 4), "ACAC", "a weight of 0 is passed over");
  // The example of the Linux Virtual Server project's page on weighted round-robin.
  t.equal(turns("wrr", [4, 3, 2], 9), "AABABCABC");
  t.equal(turns("wrr", [1, 1], 4), "ABAB");
  t.equal(turns("lc", [1, 9], 4), "ABAB", "weights do not count");
  t.equal(
    turns("lc", [1, 1], 2, [
      { active: 2, inactive: 0 },
      { active: 1, inactive: 255 },
    ]),
    "BA",
  );
  t.equal(
    turns("lc", [1, 1], 1, [
      { active: 1, inactive: 1 },
      { active: 1, inactive: 0 },
    ]),
    "B",
    "inactive ones count a little",
  );
  t.equal(turns("wlc", [1, 3], 8), "ABBBABBB");
  // ip_vs_sed(4): (active + 1) / weight; a fast server is asked although another is idle.
  t.equal(turns("sed", [1, 3], 4), "BBAB");
  t.equal(turns("nq", [1, 3], 4), "ABBB", "never queue while another is idle");
  t.end();
});

t.test("source and destination hashing", (t) => {
  const three = servers(1, 1, 1);
  const idle = three.map((): Load => ({ active: 0, inactive: 0 }));
  const at = (name: string, source: string, destination: string, among = three) =>
    scheduler(name)?.(among, idle, {
      source: address(source),
      destination: address(destination),
      choose: () => 0,
    });
  const clients = Array.from({ length: 254 }, (_, index) => `192.0.2.${index + 1}`);
  const spreadOf = (among: RealServer[]) => {
    const counts = among.map(() => 0);
    for (const client of clients) {
      const index = at("sh", client, "10.96.0.1", among) ?? 0;
      t.equal(at("sh", client, "10.96.9.9", among), index);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    return counts;
  };
  for (const count of spreadOf(three)) t.ok(count > 50, `${count} of 254 clients`);
  const [light = 0, heavy = 0] = spreadOf(servers(1, 3));
  t.ok(heavy > 2 * light, `weight 3 has ${heavy}, weight 1 has ${light}`);
  t.equal(at("dh", "192.0.2.1", "10.96.0.1"), at("dh", "192.0.2.99", "10.96.0.1"), "dh: whoever asks");
  const byTarget = new Set(
    Array.from({ length: 50 }, (_, index) => at("dh", "192.0.2.1", `10.96.0.${index + 1}`)),
  );
  t.equal(byTarget.size, 3);
  // hash_32(ntohl(address), 8): the upper 8 bits of address * 0x61c88647.
  t.equal(at("dh", "192.0.2.1", "0.0.0.1"), (0x61c88647 >>> 24) % 3);
  t.end();
});

t.test("ipvsadm's text is that of the IPVS mode's own documentation", (t) => {
  const cluster = loadObjects([
    {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: "n" },
      status: { addresses: [{ type: "InternalIP", address: "192.168.0.1" }] },
    },
    ...dns(
      "kubernetes",
      "10.0.0.1",
      [{ name: "https", port: 443 }],
      [{ name: "https", port: 6443 }],
      ["192.168.0.1"],
      {
        sessionAffinity: "ClientIP",
      },
    ),
    ...dns(
      "dns",
      "10.0.0.10",
      [
        { name: "dns", port: 53, protocol: "UDP" },
        { name: "dns-tcp", port: 53 },
      ],
      [
        { name: "dns", port: 53, protocol: "UDP" },
        { name: "dns-tcp", port: 53 },
      ],
      ["172.17.0.10", "172.17.0.9"],
    ),
  ]);
  const program = ipvsProgram(cluster, proxyNode(cluster, cluster.nodes[0] as Node, "IPv4"));
  t.equal(
    ipvsadm(program.servers).replace(/ +$/gm, ""),
    `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.0.0.1:443 rr persistent 10800
  -> 192.168.0.1:6443             Masq    1      0          0
TCP  10.0.0.10:53 rr
  -> 172.17.0.9:53                Masq    1      0          0
  -> 172.17.0.10:53               Masq    1      0          0
UDP  10.0.0.10:53 rr
  -> 172.17.0.9:53                Masq    1      0          0
  -> 172.17.0.10:53               Masq    1      0          0
`,
  );
  t.end();
});

t.test("what a connection meets", (t) => {
  const cluster = lab();
  const plane = ipvsPlane(ipvsProgram(cluster, nodeA(cluster, "IPv4")));
  const first = (source: string, destination: string, port: number) => {
    const [way] = outcomes(plane, from(source, destination, port));
    return way?.connection;
  };
  const POD = "10.244.1.99";
  const CLIENT = "172.18.0.100";
  const NODE = "172.18.0.2";
  t.match(first(POD, "10.96.10.11", 80), { verdict: "forwarded", source: POD, service: "lab/web:http" });
  t.match(first(CLIENT, "10.96.10.11", 80), { verdict: "forwarded", source: NODE, masqueraded: true });
  t.match(first(NODE, "10.96.10.11", 80), { verdict: "forwarded", source: NODE });
  t.match(first("10.244.1.11", "10.96.10.14", 80), { source: NODE, masqueraded: true }, "hairpin");
  t.match(first(POD, "10.96.10.11", 8888), { verdict: "rejected" }, "another port of a virtual address");
  t.match(first(POD, "10.96.10.21", 80), { verdict: "rejected" }, "no servers");
  t.match(first(CLIENT, NODE, 30081), { source: CLIENT }, "policy Local keeps the client's address");
  t.match(first(CLIENT, "198.51.100.12", 80), { verdict: "dropped" }, "outside the source ranges");
  t.match(first(NODE, "198.51.100.12", 80), { verdict: "dropped" }, "the node too");
  t.match(first(NODE, "198.51.100.13", 80), { verdict: "forwarded" });
  t.match(
    first("127.0.0.1", "127.0.0.1", 30080),
    { verdict: "local", translated: false },
    "not on the loopback",
  );

  const { tally } = spread(plane, from(POD, "10.96.10.11", 80), 400, seeded(3));
  t.same([...tally.values()], [100, 100, 100, 100], "round robin");
  plane.reset();
  const sticky = spread(plane, from(POD, "10.96.10.16", 80), 50, seeded(3), 3);
  t.equal(sticky.tally.size, 1, "persistent");
  plane.reset();
  const paused = spread(plane, from(POD, "10.96.10.16", 80), 50, seeded(3), 5);
  t.equal(paused.tally.size, 4, "not after a pause longer than its timeout");
  t.end();
});

t.test("least connections counts what is open", (t) => {
  const cluster = lab();
  const node = { ...nodeA(cluster, "IPv4"), scheduler: "lc" };
  const plane = ipvsPlane(ipvsProgram(cluster, node));
  const to = from("10.244.1.99", "10.96.10.13", 80);
  const situation = { choose: () => 0, now: 0 };
  const open = plane.connect(to, situation);
  const second = plane.connect(to, situation);
  t.not(second.destination.address, open.destination.address);
  plane.close(to, open);
  t.equal(
    plane.connect(to, situation).destination.address,
    open.destination.address,
    "the one that was closed is idle",
  );
  t.end();
});

function dns(
  name: string,
  clusterIP: string,
  ports: object[],
  targets: object[],
  addresses: string[],
  more: object = {},
): object[] {
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "d" },
      spec: { clusterIP, ports, ...more },
    },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name, namespace: "d", labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      endpoints: addresses.map((each) => ({ addresses: [each] })),
      ports: targets,
    },
  ];
}
