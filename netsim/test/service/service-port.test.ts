/** What kube-proxy reads from Services and Nodes. */
import t from "tap";
import { loadObjects } from "../../src/model/load.ts";
import type { Cluster, IPFamily, Node } from "../../src/model/types.ts";
import { proxyNode } from "../../src/service/node.ts";
import { proxiedPorts } from "../../src/service/service-port.ts";
import { fixture, threeNodes } from "./support.ts";

t.test("what a service port takes from its Service", (t) => {
  const first = (spec: object, status: object = {}) => {
    const [port] = proxiedPorts(
      loadObjects([
        {
          apiVersion: "v1",
          kind: "Service",
          metadata: { name: "s", namespace: "d" },
          spec: { clusterIP: "10.96.0.1", ports: [{ port: 80 }], ...spec },
          status,
        },
      ]),
      "IPv4",
    );
    return port;
  };
  t.match(first({}), { name: "d/s", protocol: "TCP", affinity: 0, nodePort: 0 });
  t.match(first({ sessionAffinity: "ClientIP" }), { affinity: 10800 });
  const ranges = (loadBalancerSourceRanges: string[]) =>
    first({ loadBalancerSourceRanges })?.sourceRanges.map(({ text }) => text);
  t.same(ranges(["10.0.0.0/8", "2001:db8::/32", "192.0.2.77/24"]), ["10.0.0.0/8", "192.0.2.0/24"]);
  t.same(ranges(["10.0.0.0/8", "0.0.0.0/0"]), [], "everybody");
  const local = { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 31000 };
  t.match(first(local), { healthCheckNodePort: 31000, externalLocal: true });
  t.match(first({ ...local, externalTrafficPolicy: "Cluster" }), { healthCheckNodePort: 0 });
  t.match(first({ ...local, type: "NodePort" }), { healthCheckNodePort: 0 });
  const ingress = [
    { ip: "203.0.113.1" },
    { ip: "203.0.113.2", ipMode: "Proxy" },
    { hostname: "x" },
    { ip: "2001:db8::1" },
  ];
  t.same(
    first(
      { type: "LoadBalancer", allocateLoadBalancerNodePorts: false },
      { loadBalancer: { ingress } },
    )?.loadBalancerIPs.map(({ text }) => text),
    ["203.0.113.1"],
  );
  t.end();
});

t.test("both families of a dual-stack Service", (t) => {
  const dual = loadObjects([
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "s", namespace: "d" },
      spec: {
        clusterIP: "fd00::1",
        clusterIPs: ["fd00::1", "10.96.0.1"],
        ipFamilies: ["IPv6", "IPv4"],
        externalIPs: ["198.51.100.1", "2001:DB8:0::1"],
        ports: [{ port: 80 }],
      },
    },
  ]);
  const of = (family: IPFamily) =>
    proxiedPorts(dual, family).map(({ clusterIP, externalIPs }) => [clusterIP.text, externalIPs[0]?.text]);
  t.same(of("IPv4"), [["10.96.0.1", "198.51.100.1"]]);
  t.same(of("IPv6"), [["fd00::1", "2001:db8::1"]]);
  t.end();
});

t.test("who is a pod, where nobody says so", (t) => {
  const block = (of: Cluster, family: IPFamily = "IPv4") =>
    proxyNode(of, of.nodes[0] as Node, family).clusterCIDR?.text;
  t.equal(block(fixture()), "10.244.0.0/22", "what covers the nodes' blocks");
  t.equal(block(fixture(), "IPv6"), "fd00:10:244::/62");
  const apart = loadObjects(
    threeNodes.map((node, index) => ({
      ...node,
      spec: { podCIDR: index === 0 ? "10.0.0.0/24" : "192.168.0.0/24" },
    })),
  );
  t.equal(block(apart), "10.0.0.0/24", "the node's own, where the cover would swallow the nodes");
  t.equal(block(loadObjects([{ ...threeNodes[0], spec: {} }])), undefined);
  t.end();
});
