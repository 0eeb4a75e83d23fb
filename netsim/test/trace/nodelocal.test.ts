/** NodeLocal DNSCache where pods are told its address: what it does not hold it asks of the cluster's DNS. */
import t from "tap";
import { node, pod, service } from "../policy/make.ts";
import { through } from "./support.ts";

const DNS = { "k8s-app": "kube-dns" };
const CACHE = "169.254.20.10";
const objects = [
  { ...node("node-1", "172.18.0.2"), spec: { podCIDR: "10.244.1.0/24" } },
  { apiVersion: "kubelet.config.k8s.io/v1beta1", kind: "KubeletConfiguration", clusterDNS: [CACHE] },
  service("kube-system/kube-dns", {
    clusterIP: "10.96.0.10",
    selector: DNS,
    ports: [
      { name: "dns", port: 53, protocol: "UDP" },
      { name: "dns-tcp", port: 53, protocol: "TCP" },
    ],
  }),
  pod("kube-system/coredns", DNS, "10.244.1.2"),
  {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "node-local-dns", namespace: "kube-system" },
    data: {
      Corefile: [
        "cluster.local:53 {",
        "    cache 30",
        "    bind 169.254.20.10",
        "    forward . 10.96.0.10 {",
        "        force_tcp",
        "    }",
        "}",
        "",
      ].join("\n"),
    },
  },
  service("shop/api", { clusterIP: "10.96.5.5", selector: { app: "api" }, ports: [{ port: 80 }] }),
  pod("shop/api", { app: "api" }, "10.244.1.4"),
  pod("shop/web", {}, "10.244.1.3"),
];

t.test("the cache asks the Service's address, not its own", async (t) => {
  const { verdict, lookup } = await through(objects, "shop/web", "api:80");
  t.equal(verdict, "allow");
  t.same(
    lookup?.queries.map(({ server }) => server),
    [CACHE, CACHE],
  );
});
