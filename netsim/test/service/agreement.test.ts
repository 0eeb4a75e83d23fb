/** iptables and nftables say the same in different words: every way in, from everywhere, in both families. */
import t from "tap";
import type { Cluster } from "../../src/model/types.ts";
import { iptablesPlane } from "../../src/service/iptables/connect.ts";
import { iptablesProgram } from "../../src/service/iptables/program.ts";
import { nftablesPlane } from "../../src/service/nftables/connect.ts";
import { nftablesProgram } from "../../src/service/nftables/program.ts";
import type { DataPlane } from "../../src/service/packet.ts";
import { packet } from "../../src/service/packet.ts";
import { destinationOf, outcomes } from "../../src/service/spread.ts";
import { fixture, lab, nodeA } from "./support.ts";

const SOURCES = {
  IPv4: { pod: "10.244.1.99", elsewhere: "10.244.2.99", outside: "172.18.0.100" },
  IPv6: { pod: "fd00:10:244:1::99", elsewhere: "fd00:10:244:2::99", outside: "2001:db8::100" },
};

/** Shares by destination and seen source, to six digits. */
function ways(
  plane: DataPlane,
  source: string,
  address: string,
  port: number,
  protocol: "TCP" | "UDP" | "SCTP",
) {
  const to = packet(source, address, port, protocol);
  const shares = new Map<string, number>();
  for (const { probability, connection } of to === undefined ? [] : outcomes(plane, to)) {
    const served = connection.verdict === "forwarded" || connection.verdict === "local";
    const key = `${destinationOf(connection)}${served ? ` from ${connection.source}` : ""}`;
    shares.set(key, (shares.get(key) ?? 0) + probability);
  }
  return [...shares].map(([key, share]) => `${key}: ${share.toFixed(6)}`).sort();
}

let compared = 0;

function compare(name: string, cluster: Cluster): void {
  for (const family of ["IPv4", "IPv6"] as const) {
    t.test(`${name}, ${family}`, (t) => {
      const node = nodeA(cluster, family);
      const program = iptablesProgram(cluster, node);
      const [iptables, nftables] = [iptablesPlane(program), nftablesPlane(nftablesProgram(cluster, node))];
      const own = node.address?.text;
      for (const { port, endpoints } of program.plans) {
        const outside = [...port.externalIPs, ...port.loadBalancerIPs].map(({ text }) => text);
        const frontends: [string, number][] = [port.clusterIP.text, ...outside].map((text) => [
          text,
          port.port,
        ]);
        if (port.nodePort !== 0 && own !== undefined) frontends.push([own, port.nodePort]);
        const itself = endpoints.reachable.find(({ nodeName }) => nodeName === "node-a")?.address;
        for (const source of [...Object.values(SOURCES[family]), own, itself]) {
          for (const [address, at] of frontends) {
            // The one difference on these ways: iptables lets the node's own packets to such an address out.
            if (source === own && !endpoints.any && outside.includes(address)) continue;
            if (source === undefined) continue;
            const [left, right] = [iptables, nftables].map((plane) =>
              ways(plane, source, address, at, port.protocol),
            );
            t.same(right, left, `${port.name}: ${source} to ${address}:${at}`);
            compared++;
          }
        }
      }
      t.end();
    });
  }
}

compare("fixture", fixture());
compare("lab", lab());

t.test("there was something to compare", (t) => {
  t.ok(compared > 500, `${compared} ways`);
  t.end();
});

t.test("where they are known to differ", (t) => {
  const cluster = lab();
  const node = nodeA(cluster, "IPv4");
  const planes = [
    iptablesPlane(iptablesProgram(cluster, node)),
    nftablesPlane(nftablesProgram(cluster, node)),
  ];
  const verdicts = (source: string, address: string, port: number) =>
    planes.map((plane) => ways(plane, source, address, port, "TCP")[0]?.replace(/ from.*|: 1\.0+$/g, ""));
  const pod = "10.244.1.99";
  t.same(
    verdicts(pod, "10.96.10.11", 8888),
    ["10.96.10.11:8888", "rejected"],
    "another port of a cluster IP",
  );
  t.same(verdicts(pod, "10.96.99.99", 80), ["10.96.99.99:80", "dropped"], "an address of no Service");
  t.same(verdicts("172.18.0.2", "198.51.100.15", 80), ["198.51.100.15:80", "rejected"]);
  const [iptables, nftables] = planes.map((plane) => ways(plane, "127.0.0.1", "127.0.0.1", 30080, "TCP"));
  t.equal(iptables?.length, 4, "NodePorts on the loopback");
  t.same(nftables, ["127.0.0.1:30080 from 127.0.0.1: 1.000000"]);
  t.end();
});
