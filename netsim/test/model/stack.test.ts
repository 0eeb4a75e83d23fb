/** Address families and ranges: what the cluster is configured with, what a Service asks for, and what it is given. */
import t from "tap";
import { loadObjects } from "../../src/model/load.ts";
import { subnetsOf } from "../../src/model/stack.ts";
import type { Cluster } from "../../src/model/types.ts";
import { parseAddress, parsePrefix, contains } from "../../src/select/cidr.ts";
import { allocate } from "../../src/service/allocate.ts";
import { trace } from "../../src/trace/trace.ts";
import { pod, service } from "../policy/make.ts";

const V4 = "10.100.0.0/16";
const V6 = "fd00:10:100::/112";
const component = (name: string, ...command: string[]) =>
  pod(`kube-system/${name}-node-1`, {}, "172.18.0.2", {
    spec: { hostNetwork: true, containers: [{ name, command }] },
  });
const serviceCIDR = (name: string, ...cidrs: string[]) => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "ServiceCIDR",
  metadata: { name },
  spec: { cidrs },
});
const kubeadm = (networking: object) => ({
  apiVersion: "kubeadm.k8s.io/v1beta4",
  kind: "ClusterConfiguration",
  networking,
});
const configMap = (text: string) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "kubeadm-config", namespace: "kube-system" },
  data: { ClusterConfiguration: text },
});

t.test("where the ranges are written", (t) => {
  const services = (...objects: object[]) => {
    const { others, pods } = loadObjects(objects);
    return subnetsOf(others, pods).services;
  };
  t.same(services(serviceCIDR("more", "10.9.0.0/24"), serviceCIDR("kubernetes", V6, V4)), [
    V6,
    V4,
    "10.9.0.0/24",
  ]);
  t.same(services(kubeadm({ serviceSubnet: `${V4},${V6}` })), [V4, V6]);
  t.same(services(configMap(`networking:\n  serviceSubnet: ${V4}, ${V6}\n`)), [V4, V6]);
  t.same(services(configMap("networking: [")), [], "a broken text says nothing");
  t.same(services(component("kube-apiserver", "kube-apiserver", `--service-cluster-ip-range=${V6}`)), [V6]);
  t.same(services(component("kube-apiserver", "kube-apiserver", "--service-cluster-ip-range", V4)), [V4]);
  t.same(
    services(
      kubeadm({ serviceSubnet: "10.1.0.0/16" }),
      component("kube-apiserver", `--service-cluster-ip-range=${V4}`),
    ),
    [V4],
    "what runs is believed more than what it was installed with",
  );
  t.same(
    services({ apiVersion: "kind.x-k8s.io/v1alpha4", kind: "Cluster", networking: { serviceSubnet: V4 } }),
    [V4],
  );
  const { others, pods } = loadObjects([
    component("kube-controller-manager", "kube-controller-manager", "--cluster-cidr=10.7.0.0/16,fd07::/48"),
  ]);
  t.same(subnetsOf(others, pods).pods, ["10.7.0.0/16", "fd07::/48"]);
  t.end();
});

const specOf = ({ services }: Cluster, name = "s") => services.find((s) => s.metadata.name === name)?.spec;
const within = (cidr: string, ip = "") => contains(parsePrefix(cidr)!, parseAddress(ip)!);

t.test("families and addresses of a Service", (t) => {
  const dealt = (spec: object, ...more: object[]) =>
    specOf(
      allocate(
        loadObjects([...more, service("x/s", { selector: { app: "a" }, ports: [{ port: 80 }], ...spec })]),
      ).cluster,
    )!;
  const dual = kubeadm({ serviceSubnet: `${V4},${V6}` });
  const six = kubeadm({ serviceSubnet: V6 });

  t.same(dealt({}).ipFamilies, ["IPv4"]);
  t.ok(within("10.96.0.0/16", dealt({}).clusterIP), "kubeadm's range where nothing is said");
  t.same(dealt({}, dual).ipFamilies, ["IPv4"], "one family, unless a Service asks for two");
  t.ok(within(V4, dealt({}, dual).clusterIP));
  t.same(dealt({}, six).ipFamilies, ["IPv6"]);
  t.ok(within(V6, dealt({}, six).clusterIP));

  const both = dealt({ ipFamilyPolicy: "PreferDualStack" }, dual);
  t.same(both.ipFamilies, ["IPv4", "IPv6"]);
  t.equal(both.clusterIPs?.length, 2);
  t.ok(within(V4, both.clusterIPs?.[0]) && within(V6, both.clusterIPs?.[1]));
  t.equal(both.clusterIP, both.clusterIPs?.[0]);
  const turned = dealt({ ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv6"] }, dual);
  t.same(turned.ipFamilies, ["IPv6", "IPv4"], "the family that is named comes first");
  t.ok(within(V6, turned.clusterIP));
  t.same(dealt({ ipFamilyPolicy: "PreferDualStack" }).ipFamilies, ["IPv4"], "preferred, and not to be had");
  t.same(
    dealt({ ipFamilyPolicy: "RequireDualStack" }).ipFamilies,
    ["IPv4", "IPv6"],
    "required: the cluster has both",
  );
  t.ok(within("fd00:10:96::/112", dealt({ ipFamilies: ["IPv6"] }).clusterIP));
  const half = dealt({ clusterIP: "10.100.3.4", ipFamilyPolicy: "PreferDualStack" }, dual);
  t.equal(half.clusterIPs?.[0], "10.100.3.4", "what is given stays");
  t.ok(within(V6, half.clusterIPs?.[1]));
  t.equal(
    dealt({ clusterIP: "None", ipFamilyPolicy: "PreferDualStack" }, dual).clusterIPs?.length,
    1,
    "headless",
  );
  const decided = { clusterIP: "10.100.3.4", ipFamilies: ["IPv4"], ipFamilyPolicy: "PreferDualStack" };
  t.same(dealt(decided, dual).clusterIPs, ["10.100.3.4"], "what an API server has filled in is its decision");
  t.same(dealt({ ipFamilyPolicy: "PreferDualStack" }, dual), both, "the same at every run");
  t.end();
});

t.test("nodes and pods have the families of their cluster", (t) => {
  const app = (name: string) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "x", labels: { app: name } },
    spec: { containers: [{ name, ports: [{ containerPort: 80 }] }] },
  });
  const networking = { serviceSubnet: `${V6},${V4}`, podSubnet: "fd01::/48,10.50.0.0/16" };
  const { nodes, pods } = loadObjects([kubeadm(networking), app("a")]);
  t.same(nodes[0]?.spec.podCIDRs, ["fd01:0:0:1::/64", "10.50.1.0/24"]);
  t.same(nodes[1]?.spec.podCIDRs, ["fd01:0:0:2::/64", "10.50.2.0/24"]);
  t.match(pods[0]?.status.podIPs, [{ ip: /^fd01:0:0:[12]::/ }, { ip: /^10\.50\.[12]\./ }]);
  t.equal(nodes[0]?.status.addresses?.length, 2);
  const small = loadObjects([kubeadm({ serviceSubnet: V4, podSubnet: "10.50.0.0/22" }), app("a")]);
  t.same(
    small.nodes.map((n) => n.spec.podCIDR),
    ["10.50.0.4/30", "10.50.0.8/30"],
    "a small subnet is cut into small ranges",
  );
  t.end();
});

t.test("a connection over IPv6", async (t) => {
  const app = (name: string) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "x", labels: { app: name } },
    spec: { containers: [{ name, ports: [{ containerPort: 8080 }] }] },
  });
  const web = (spec: object) =>
    service("x/web", { selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080 }], ...spec });
  for (const mode of ["iptables", "nftables", "ipvs", "ebpf"] as const) {
    const six = loadObjects([kubeadm({ serviceSubnet: V6 }), app("client"), app("web"), web({})]);
    const found = await trace(six, "x/client", "web:80", { mode });
    t.match(found, { verdict: "allow", to: { id: "x/web", address: /^fd00:10:244:/, port: 8080 } }, mode);
    t.match(found.lookup?.result.addresses, [/^fd00:10:100::/], "an AAAA record alone");

    const dual = loadObjects([
      kubeadm({ serviceSubnet: `${V4},${V6}` }),
      app("client"),
      app("web"),
      web({ ipFamilyPolicy: "PreferDualStack" }),
    ]);
    const four = await trace(dual, "x/client", "web:80", { mode, family: "IPv4" });
    t.match(four, { verdict: "allow", to: { address: /^10\.244\./ } }, `${mode}, IPv4`);
    const other = await trace(dual, "x/client", "web:80", { mode, family: "IPv6" });
    t.match(other, { verdict: "allow", to: { address: /^fd00:10:244:/ } }, `${mode}, IPv6`);
    t.match(four.lookup?.result.addresses.length, 2, "both kinds of records");
  }
});
