/** Whether clusters can be in one mesh: names, ids, ranges, datapaths (Cilium 1.20: pkg/clustermesh/types; ClusterMesh's requirements). */
import t from "tap";
import { clusterText, meshOf } from "./support.ts";

const codes = (texts: Readonly<Record<string, string>>) =>
  meshOf(texts).findings.map((f) => `${f.severity} ${f.code}`);

t.test("names and ids", (t) => {
  t.same(codes({ a: clusterText("a", { net: 1 }), b: clusterText("b", { net: 2 }) }), []);
  const one = (name: string, id: number, config = "") =>
    codes({ [name]: clusterText(name, { net: 1, id, config }), b: clusterText("b", { net: 2, config }) });
  t.same(one("a", 255), []);
  t.same(one("a", 256), ["error cluster-id"]);
  t.same(one("a", 511, '  max-connected-clusters: "511"'), []);
  t.same(one("a", 512, '  max-connected-clusters: "511"'), ["error cluster-id"]);
  t.same(
    one("a", 3, '  max-connected-clusters: "300"'),
    ["error max-connected-clusters", "error max-connected-clusters"],
    "255 and 511 alone are possible",
  );
  t.same(one("a", 0), ["error cluster-id"]);
  t.same(one("a", 2), ["error cluster-id"], "the same id twice");
  t.same(one("default", 1), ["error cluster-name"], "the name that every cluster has");
  t.same(one("a".repeat(32), 1), []);
  t.same(one("a".repeat(33), 1), ["error cluster-name"]);
  t.same(one("Frankfurt", 1), ["error cluster-name"]);
  t.same(one("a.b", 1), ["error cluster-name"]);
  const mixed = {
    a: clusterText("a", { net: 1, config: '  max-connected-clusters: "511"' }),
    b: clusterText("b", { net: 2 }),
  };
  t.same(codes(mixed), ["error max-connected-clusters"]);
  t.match(meshOf({ a: clusterText("east", { net: 1 }), b: clusterText("b", { net: 2 }) }).findings[0], {
    message: /a is called so here, and east/,
  });
  t.end();
});

t.test("ranges that overlap, with file and line", (t) => {
  const pools = (cidr: string) => `  cluster-pool-ipv4-cidr: ${cidr}`;
  const ab = (a: string, b: string, more = { a: "", b: "" }) =>
    meshOf({
      a: clusterText("a", { net: 1, config: a, more: more.a }),
      b: clusterText("b", { net: 2, config: b, more: more.b }),
    });
  t.same(ab(pools("10.1.0.0/16"), pools("10.2.0.0/16")).findings, []);
  const { findings } = ab(pools("10.0.0.0/8"), pools("10.2.0.0/16"));
  t.match(findings, [
    {
      severity: "error",
      code: "pods-overlap",
      message: /^pod CIDR 10\.0\.0\.0\/8 of a and pod CIDR 10\.2\.0\.0\/16 of b overlap/,
      places: [
        { cluster: "a", object: "ConfigMap kube-system/cilium-config", file: "a.yaml", line: 8 },
        { cluster: "b", file: "b.yaml", line: 8 },
      ],
    },
  ]);
  t.equal(findings.length, 1, "what is part of it is not told again");
  const nodes = ab("", "", {
    a: "",
    b: "apiVersion: v1\nkind: Node\nmetadata: { name: n }\nstatus: { addresses: [{ type: InternalIP, address: 192.168.1.1 }, { type: InternalIP, address: 10.1.0.77 }] }\n",
  });
  t.same(
    nodes.findings.map((f) => f.code),
    ["nodes-pods-overlap", "nodes-overlap"],
  );
  const kubeadm = (pods: string, services: string) => `apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
networking: { podSubnet: ${pods}, serviceSubnet: "${services}" }
---
`;
  const same = ab("", "", {
    a: kubeadm("10.1.0.0/16", "10.96.0.0/16"),
    b: kubeadm("10.2.0.0/16", "10.96.0.0/12"),
  });
  t.match(same.findings, [{ severity: "info", code: "services-overlap" }], "cluster IPs may be the same");
  const cross = ab("", "", { a: kubeadm("10.1.0.0/16", "10.2.0.0/24"), b: "" });
  t.match(cross.findings, [{ severity: "error", code: "pods-services-overlap" }]);
  const v6 = ab("", "", {
    a: kubeadm('"10.1.0.0/16,fd00:1::/48"', "10.96.0.0/16"),
    b: kubeadm('"10.2.0.0/16,fd00:1:0:1::/64"', "10.97.0.0/16"),
  });
  t.match(v6.findings, [{ code: "pods-overlap", message: /fd00:1::\/48 of a/ }]);
  t.end();
});

t.test("datapaths", (t) => {
  const pair = (a: string, b: string) =>
    meshOf({
      a: clusterText("a", { net: 1, config: a }),
      b: clusterText("b", { net: 2, config: b }),
    }).findings.map((f) => f.message);
  t.same(pair("", "  tunnel-protocol: vxlan"), [], "the default");
  t.match(pair("", "  tunnel-protocol: geneve"), [/tunnel-protocol is vxlan in a and geneve in b/]);
  t.match(pair('  enable-wireguard: "true"', ""), [/encryption is wireguard in a and none in b/]);
  const native = meshOf({
    a: clusterText("a", { net: 1 }).replace("routing-mode: tunnel", "routing-mode: native"),
    b: clusterText("b", { net: 2 }),
  });
  t.match(native.findings, [{ code: "datapath", message: /routing-mode is native in a and tunnel in b/ }]);
  const calico = meshOf({
    a: clusterText("a", { net: 1 }),
    b: clusterText("b", {
      net: 2,
      bare: true,
      more: "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: { name: p }\nspec: { cidr: 10.2.0.0/16 }\n",
    }),
  });
  t.match(calico.findings, [
    { severity: "error", code: "no-cilium", places: [{ cluster: "b", object: "IPPool p" }] },
  ]);
  const unknown = meshOf({ a: clusterText("a", { net: 1 }), b: clusterText("b", { net: 2, bare: true }) });
  t.match(unknown.findings, [{ severity: "info", code: "no-cilium-config" }]);
  t.end();
});
