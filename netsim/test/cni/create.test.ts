/** A pod's creation as an event list: order by CRI and the CNI specification, Result in the form of CNI 1.1.0. */
import t from "tap";
import { createPod } from "../../src/cni/create.ts";
import type { CniName, CreationEvent } from "../../src/cni/types.ts";
import { calico, dual, network, node, pod, pool, three } from "./support.ts";

const events = (
  objects: readonly object[],
  cni: CniName,
  set?: readonly string[],
): readonly CreationEvent[] =>
  createPod(network(objects, { cni, ...(set !== undefined && { set }) }), "default/a") ?? [];
const find = (list: readonly CreationEvent[], action: string) =>
  list.find((e) => e.action === action)?.object as Record<string, unknown> | undefined;
const actions = (list: readonly CreationEvent[]) => list.map((e) => e.action);

const CASES: readonly [CniName, readonly object[]][] = [
  ["bridge", three],
  ["calico", [...three, pool({ vxlanMode: "Always" })]],
  ["cilium", three],
  ["flannel", three],
  [
    "weave",
    [
      node("n1", "192.168.1.11"),
      node("n2", "192.168.1.12"),
      pod("a", "n1", "10.32.0.5"),
      pod("c", "n2", "10.32.0.6"),
    ],
  ],
];

for (const [cni, objects] of CASES)
  t.test(`${cni}: the steps that every CNI has, in their order`, (t) => {
    const list = events(objects, cni);
    const wanted = [
      "sync",
      "CRI RunPodSandbox",
      "network namespace",
      "CNI ADD",
      "IPAM",
      "veth",
      "addresses",
      "routes",
      "Result",
      "pause",
      "status",
    ];
    const places = wanted.map((action) => actions(list).indexOf(action));
    t.notOk(places.includes(-1), actions(list).join(", "));
    t.same(
      places,
      [...places].sort((a, b) => a - b),
      "the order of section 3.1 of the guide",
    );
    const add = find(list, "CNI ADD") as {
      env: Record<string, string>;
      stdin: Record<string, unknown>;
      configList: { content: Record<string, unknown> };
    };
    t.match(add.env, {
      CNI_COMMAND: "ADD",
      CNI_IFNAME: "eth0",
      CNI_NETNS: /^\/var\/run\/netns\/cni-/,
      CNI_ARGS: /K8S_POD_NAMESPACE=default;K8S_POD_NAME=a;/,
    });
    // SPEC.md, section 4: a plugin's own configuration gets cniVersion and name of the list.
    t.match(add.stdin, { cniVersion: "1.1.0", name: add.configList.content["name"] });
    const result = find(list, "Result") as {
      cniVersion: string;
      interfaces: Record<string, unknown>[];
      ips: { address: string; interface: number }[];
    };
    t.equal(result.cniVersion, "1.1.0");
    const eth0 = result.interfaces[result.ips[0]!.interface];
    t.match(eth0, {
      name: "eth0",
      mac: /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/,
      mtu: Number,
      sandbox: add.env["CNI_NETNS"],
    });
    t.ok(result.interfaces.filter((i) => i["sandbox"] === "").length >= 1, "and the node's own end");
    const status = find(list, "status") as { podIPs: { ip: string }[] };
    t.same(
      status.podIPs.map((p) => p.ip),
      result.ips.map((ip) => ip.address.split("/")[0]),
      "the Result's addresses are the pod's",
    );
    t.end();
  });

t.test("calico: IPAM, WorkloadEndpoint, sysctls, the announcement", (t) => {
  const list = events([...dual, pool({}), pool({ cidr: "fd00:10::/32" }, "v6")], "calico");
  t.match(find(list, "IPAM"), {
    assigned: [
      { address: "10.244.1.5", pool: "default-ipv4-ippool", block: "10.244.1.0/26", affinity: "host:n1" },
      { block: "fd00:10:1::/122" },
    ],
  });
  // libcalico-go/lib/names/workloadendpoint.go: NODE-k8s-POD-eth0, dashes doubled.
  t.match(find(list, "WorkloadEndpoint"), {
    metadata: { name: "n1-k8s-a-eth0", namespace: "default" },
    spec: {
      interfaceName: /^cali[0-9a-f]{11}$/,
      ipNetworks: ["10.244.1.5/32", "fd00:10:1::5/128"],
      profiles: ["kns.default", "ksa.default.default"],
    },
  });
  t.match(find(list, "BGP"), { prefix: "10.244.1.0/26", peers: ["n2"] });
  t.ok(list.some((e) => e.action === "sysctls" && e.says.includes("proxy_arp=1")));
  t.ok(
    list.some((e) => e.action === "neighbour"),
    "a static neighbour entry on the node",
  );
  t.match(find(list, "Result"), {
    ips: [{ address: "10.244.1.5/32", gateway: "169.254.1.1" }, { gateway: "fe80::ecee:eeff:feee:eeee" }],
  });
  const dashed = [
    node("my-node", "192.168.1.11", "10.244.1.0/24"),
    pod("my-pod", "my-node", "10.244.1.5"),
    pool({ vxlanMode: "Always" }),
  ];
  t.match(
    createPod(network(dashed), "default/my-pod")?.find((e) => e.action === "WorkloadEndpoint")?.object,
    { metadata: { name: "my--node-k8s-my--pod-eth0" } },
  );
  const tunnel = events([...three, pool({ vxlanMode: "Always" })], "calico");
  t.match(find(tunnel, "VXLAN"), { block: "10.244.1.0/26", dst: ["192.168.1.11"] });
  const borrowed = events(
    [
      ...three,
      pool({ vxlanMode: "Always" }),
      calico("BlockAffinity", "x", { cidr: "10.244.1.0/26", node: "n2" }),
    ],
    "calico",
  );
  t.match(borrowed.find((e) => e.action === "IPAM")?.says, /borrowed: its block 10\.244\.1\.0\/26 is n2's/);
  t.end();
});

t.test("cilium: endpoint, identity, programs, ipcache", (t) => {
  const list = events(three, "cilium", ["kubeProxyReplacement=true"]);
  t.match(find(list, "endpoint"), {
    kind: "CiliumEndpoint",
    status: { networking: { addressing: [{ ipv4: "10.244.1.5" }], node: "n1" } },
  });
  t.match(list.find((e) => e.action === "eBPF")?.says, /cil_from_container.*there is no kube-proxy/);
  t.match(find(list, "ipcache"), {
    entries: [{ prefix: "10.244.1.5/32", tunnelEndpoint: ["192.168.1.11"] }],
  });
  t.match(find(list, "Result"), { routes: [{ dst: "0.0.0.0/0", gw: "10.244.1.1", mtu: 1450 }] });
  t.end();
});

t.test("bridge and flannel: host-local's file, the bridge's port", (t) => {
  const list = events(three, "flannel");
  t.match(find(list, "IPAM"), [
    { file: "/var/lib/cni/networks/cbr0/10.244.1.5", content: /^[0-9a-f]{64}\neth0$/ },
  ]);
  t.match(find(list, "port"), { master: "cni0", hairpin: true });
  t.match(find(list, "Result"), {
    interfaces: [{ name: "cni0" }, { name: /^veth[0-9a-f]{8}$/ }, { name: "eth0" }],
    ips: [{ address: "10.244.1.5/24", gateway: "10.244.1.1", interface: 2 }],
  });
  const ports = [
    ...three.slice(0, 3),
    pod("a", "n1", "10.244.1.5", {
      containers: [{ name: "c", ports: [{ containerPort: 80, hostPort: 8080 }] }],
    }),
  ];
  const portmap = events(ports, "flannel").find((e) => e.actor === "portmap")?.object;
  t.match(portmap, {
    runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] },
    prevResult: { cniVersion: "1.1.0" },
  });
  t.end();
});

t.test("pods without a network of their own are made otherwise", (t) => {
  const objects = [
    node("n1", "192.168.1.11", "10.244.1.0/24"),
    pod("h", "n1", "192.168.1.11", { hostNetwork: true }),
  ];
  t.equal(createPod(network(objects), "default/h"), undefined);
  t.equal(createPod(network(objects), "default/none"), undefined);
  t.end();
});
