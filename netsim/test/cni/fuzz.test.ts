/** Objects of the right kinds with anything in them: no exception, and every question has an answer. */
import fc from "fast-check";
import t from "tap";
import { checkReach, findingsOf } from "../../src/cni/check.ts";
import { createPod } from "../../src/cni/create.ts";
import { bridgeFdb, ipLink, ipNeigh, ipRoute, ipRule } from "../../src/cni/iproute.ts";
import { commandsFor } from "../../src/cni/plan.ts";
import { CNIS } from "../../src/cni/types.ts";
import { calico, configMap, dual, network, node, pod, three } from "./support.ts";

const word = fc.constantFrom(
  "",
  "Always",
  "CrossSubnet",
  "Never",
  "VXLAN",
  "IPIP",
  "None",
  "true",
  "10.244.0.0/16",
  "10.0.0.0/33",
  "fd00:10::/32",
  "::/0",
  "0.0.0.0/0",
  "n1",
  "all()",
  "has(x)",
  "==",
  "64512",
  "-1",
  "1e9",
  "[",
  "{",
  "host-gw",
  "native",
  "geneve",
  "ipv6",
);
const scalar = fc.oneof(
  word,
  fc.integer({ min: -2, max: 70_000 }),
  fc.boolean(),
  fc.constant(null),
  fc.constant([]),
  fc.constant({}),
);
const KEYS = [
  "cidr",
  "vxlanMode",
  "ipipMode",
  "encapsulation",
  "blockSize",
  "natOutgoing",
  "nodeSelector",
  "namespaceSelector",
  "disabled",
  "allowedUses",
  "peerIP",
  "asNumber",
  "node",
  "peerSelector",
  "nodeToNodeMeshEnabled",
  "affinity",
  "state",
  "vxlanMTU",
  "wireguardEnabled",
  "wireguardEnabledV6",
  "wireguardMTU",
  "ipipMTU",
  "vxlanPort",
  "programClusterRoutes",
  "calicoNetwork",
  "ipam",
  "addresses",
];
const spec = fc.dictionary(fc.constantFrom(...KEYS), scalar);
const KINDS = ["IPPool", "FelixConfiguration", "BGPConfiguration", "BGPPeer", "BlockAffinity", "IPAMBlock"];
const calicoObject = fc
  .record({ kind: fc.constantFrom(...KINDS), name: fc.constantFrom("default", "x", "y"), spec })
  .map((o) => calico(o.kind, o.name, o.spec));
const OPTIONS = [
  "routing-mode",
  "tunnel-protocol",
  "tunnel-port",
  "tunnel",
  "mtu",
  "enable-wireguard",
  "enable-ipsec",
  "ipv4-native-routing-cidr",
  "auto-direct-node-routes",
  "underlay-protocol",
  "enable-endpoint-routes",
  "ipam",
  "cluster-pool-ipv4-mask-size",
];
const ciliumConfig = fc
  .dictionary(fc.constantFrom(...OPTIONS), scalar)
  .map((data) => configMap("cilium-config", data));
const ciliumNode = spec.map((s) => ({
  apiVersion: "cilium.io/v2",
  kind: "CiliumNode",
  metadata: { name: "n1" },
  spec: s,
}));
const net = fc.oneof(
  word.map((w) => configMap("kube-flannel-cfg", { "net-conf.json": w })),
  fc
    .dictionary(
      fc.constantFrom("Network", "IPv6Network", "Backend"),
      fc.oneof(scalar, fc.dictionary(fc.constantFrom("Type", "VNI", "Port", "MTU", "DirectRouting"), scalar)),
    )
    .map((c) => configMap("kube-flannel-cfg", { "net-conf.json": JSON.stringify(c) })),
);
const machines = fc.constantFrom<readonly object[]>(
  three,
  dual,
  [
    node("n1", []),
    node("n2", "192.168.1.12"),
    pod("a", "n1", "10.244.1.5"),
    pod("c", "nowhere", "10.244.1.6"),
  ],
  [
    node("n1", "192.168.1.1", "10.244.1.0/32"),
    node("n2", "192.168.1.1", "10.244.1.0/32"),
    pod("a", "n1", "10.244.1.0"),
    pod("c", "n2", "10.244.1.0"),
  ],
  [pod("a", "n1", "fd00::1")],
);
const set = fc.array(
  fc.constantFrom(
    "Backend.Type=wireguard",
    "ippool.ipipMode=Always",
    "felix.wireguardEnabled=true",
    "WEAVE_MTU=-1",
    "IPALLOC_RANGE=10.32.0.0/31",
    "encryption.enabled=true",
    "a[999].b=1",
    "tunnel=disabled",
  ),
  { maxLength: 3 },
);

t.test("anything", (t) => {
  let walked = 0;
  fc.assert(
    fc.property(
      machines,
      fc.array(fc.oneof(calicoObject, ciliumConfig, ciliumNode, net), { maxLength: 4 }),
      fc.constantFrom(undefined, ...CNIS),
      set,
      (base, objects, cni, sets) => {
        const made = network([...base, ...objects], { ...(cni !== undefined && { cni }), set: sets });
        const reach = checkReach(made);
        walked += reach.walked;
        findingsOf(made, reach);
        const keys = [
          ...made.context.nodes.map((n) => `node/${n.name}`),
          ...made.context.pods.map((p) => `pod/${p.id}`),
          "router",
        ];
        for (const key of keys) {
          const place = made.place(key)!;
          for (const lines of [
            ipRoute(place),
            ipRoute(place, { v6: true }),
            ipRule(place),
            ipNeigh(place),
            bridgeFdb(place),
            ipLink(place),
          ])
            if (lines.some((l) => l.includes("undefined") || l.includes("NaN")))
              throw new Error(lines.join("\n"));
        }
        for (const p of made.context.pods) createPod(made, p.id);
        made.model.nodeRanges();
        made.model.bgp?.();
        commandsFor(
          made,
          made.context.pods.slice(0, 2).map((p) => p.id),
        );
      },
    ),
    { numRuns: 400, seed: 7 },
  );
  t.ok(walked > 1000, `${walked} ways`);
  t.end();
});
