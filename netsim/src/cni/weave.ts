/**
 * Weave Net: one Ethernet segment over all nodes. Pods are ports of the bridge `weave`; frames for other nodes go to the fast
 * datapath (VXLAN by the kernel's Open vSwitch, ESP where encrypted) or to the router process (sleeve: frames in UDP).
 */
import { covers, isV6, macOf } from "./address.ts";
import type { Context } from "./network.ts";
import { type NodeFacts, addressOf } from "./nodes.ts";
import type {
  Creation,
  Device,
  FdbEntry,
  Finding,
  Model,
  Neighbour,
  NodePart,
  PodFacts,
  PodPart,
} from "./types.ts";
import {
  ESP_OVERHEAD,
  FAST_OVERHEAD,
  PORTS,
  type Weave,
  bridgeAddress,
  readWeave,
} from "./weave-settings.ts";

const portOf = ({ sandbox }: PodFacts): string => `vethwepl${sandbox.slice(0, 7)}`;
const bridgeMac = (node: string): string => macOf(`weave ${node}`);

export function weaveModel(context: Context): Model {
  const weave = readWeave(context);
  const addresses = new Map(context.nodes.map((n) => [n.name, bridgeAddress(weave, n.name)]));
  const addressFor = (node: string) => addresses.get(node);
  return {
    cni: "weave",
    findings: () => findingsOf(weave),
    replacesKubeProxy: false,
    node: (facts) => nodePart(weave, facts, addressFor),
    pod: (facts) => podPart(weave, facts, addressFor),
    fabricRoutes: () => [],
    fabricTo: () => ({
      encapsulation: weave.mode,
      crossSubnet: false,
      encrypted: weave.encrypted,
      mtu: weave.mtu,
      natOutgoing: true,
    }),
    podRanges: () => [weave.range],
    // The ring's shares are known to the routers alone.
    nodeRanges: () =>
      context.nodes.map(({ name }) => ({
        range: weave.range,
        node: name,
        from: "a share of the ring",
        borrowed: [],
      })),
    creation: (facts) => creation(weave, facts, addressFor(facts.node)),
  };
}

type AddressFor = (node: string) => string | undefined;

function nodePart(weave: Weave, facts: NodeFacts, addressFor: AddressFor): NodePart {
  const { context, mtu, range } = weave;
  const local = context.podsOn(facts.name);
  const address = addressFor(facts.name);
  const bits = range.split("/")[1] ?? "";
  const place = `node/${facts.name}`;
  const bridge: Device = {
    name: "weave",
    kind: "bridge",
    mtu,
    mac: bridgeMac(facts.name),
    addresses: address === undefined ? [] : [`${address}/${bits}`],
    says: `the bridge of node ${facts.name}: one segment with the bridges of all nodes`,
  };
  const outer = outerEnd(weave);
  const pair = (name: string, other: string, master: string): Device => ({
    name,
    kind: "veth",
    mtu,
    mac: macOf(`${name} ${facts.name}`),
    addresses: [],
    master,
    peer: { place, device: other },
    bridged: true,
    says: `between the bridge and ${outer.name}`,
  });
  const tunnel: Device = {
    name: outer.name,
    kind: "datapath",
    mtu,
    mac: macOf(`${outer.name} ${facts.name}`),
    addresses: [],
    tunnel: {
      kind: weave.mode,
      local: addressOf(facts, false) ?? addressOf(facts, true) ?? "",
      port: PORTS[weave.mode],
      encrypted: weave.encrypted,
    },
    bridged: true,
    says: outer.says,
  };
  const ports = local.map((p): Device => ({
    name: portOf(p),
    kind: "veth",
    mtu,
    mac: macOf(`vethwepl ${p.id}`),
    addresses: [],
    master: "weave",
    peer: { place: `pod/${p.id}`, device: "eth0" },
    hairpin: true,
    says: `the node's end of the veth pair of ${p.id}`,
  }));
  const stations = stationsOf(weave, addressFor);
  return {
    devices: [
      tunnel,
      pair(outer.inner, outer.port, outer.name),
      pair(outer.port, outer.inner, "weave"),
      bridge,
      ...ports,
    ],
    routes: [],
    neighbours: stations
      .filter((s) => s.node !== facts.name || s.pod !== undefined)
      .map(({ address: a, mac }): Neighbour => ({ address: a, dev: "weave", mac, state: "REACHABLE" })),
    fdb: stations.flatMap((s): FdbEntry[] => {
      if (s.node === facts.name) {
        const here: FdbEntry = { mac: s.mac, dev: outer.inner, master: outer.name, learned: true };
        return s.pod === undefined
          ? [here]
          : [here, { mac: s.mac, dev: portOf(s.pod), master: "weave", learned: true }];
      }
      const remote = context.nodes.find((n) => n.name === s.node);
      const dst = remote === undefined ? undefined : (addressOf(remote, false) ?? addressOf(remote, true));
      const toward: FdbEntry = { mac: s.mac, dev: outer.port, master: "weave", learned: true };
      return dst === undefined
        ? [toward]
        : [
            toward,
            { mac: s.mac, dev: `${weave.mode}-${PORTS[weave.mode]}`, master: outer.name, dst, learned: true },
          ];
    }),
    masquerade: [{ from: range, except: [range], says: "the chain WEAVE of the table nat" }],
    sysctls: [],
  };
}

/** Behind the bridge: the kernel's datapath, or the pair that weaver reads packets from and writes them to. */
const outerEnd = ({ mode, encrypted }: Weave) =>
  mode === "fastdp"
    ? {
        name: "datapath",
        inner: "vethwe-datapath",
        port: "vethwe-bridge",
        says: `Open vSwitch in the kernel: the frame goes in VXLAN to UDP port 6784 of the other node${encrypted ? ", in ESP" : ""}`,
      }
    : {
        name: "weaver",
        inner: "vethwe-pcap",
        port: "vethwe-bridge",
        says: `the router process reads the frame from vethwe-pcap and sends it in UDP to port 6783 of the other node${encrypted ? ", in a NaCl box" : ""}`,
      };

interface Station {
  readonly address: string;
  readonly mac: string;
  readonly node: string;
  readonly pod?: PodFacts;
}

/** Everybody on the segment. */
const stationsOf = ({ context }: Weave, addressFor: AddressFor): Station[] => [
  ...context.pods.flatMap((pod) =>
    pod.addresses.map((address) => ({ address, mac: pod.mac, node: pod.node, pod })),
  ),
  ...context.nodes.flatMap((n) => {
    const address = addressFor(n.name);
    return address === undefined ? [] : [{ address, mac: bridgeMac(n.name), node: n.name }];
  }),
];

function podPart(weave: Weave, p: PodFacts, addressFor: AddressFor): PodPart {
  const bits = weave.range.split("/")[1] ?? "";
  const eth0: Device = {
    name: "eth0",
    kind: "veth",
    mtu: weave.mtu,
    mac: p.mac,
    addresses: p.addresses.map((a) => `${a}/${isV6(a) ? 128 : bits}`),
    peer: { place: `node/${p.node}`, device: portOf(p) },
    says: `the card of ${p.id}, one end of a veth pair`,
  };
  const via = addressFor(p.node);
  const others = stationsOf(weave, addressFor).filter((s) => s.pod !== p);
  return {
    devices: [eth0],
    routes: [...(via === undefined ? [] : [{ to: "default", via, dev: "eth0" }])],
    neighbours: others.map(({ address, mac }): Neighbour => ({
      address,
      dev: "eth0",
      mac,
      state: "REACHABLE",
    })),
    sysctls: [],
  };
}

function findingsOf({ mtu, mode, encrypted, context, range }: Weave): Finding[] {
  const cost = mode === "fastdp" ? FAST_OVERHEAD + (encrypted ? ESP_OVERHEAD : 0) : 0;
  const low = context.nodes.filter((n) => mode === "fastdp" && mtu + cost > n.mtu).map((n) => n.name);
  const v6 = context.pods.filter((p) => p.addresses.some(isV6)).length;
  const stray = context.pods.filter((p) => p.addresses.some((a) => !isV6(a) && !covers(range, a)));
  return [
    ...(low.length === 0
      ? []
      : [
          {
            severity: "warning" as const,
            code: "mtu-above-card",
            text: `WEAVE_MTU ${mtu} and ${cost} octets of headers are more than the card's MTU on ${low.join(", ")}: Weave falls back to sleeve, which fragments`,
          },
        ]),
    ...(v6 === 0
      ? []
      : [
          {
            severity: "warning" as const,
            code: "no-ipv6",
            text: "Weave has no IPv6: the pods' IPv6 addresses lead nowhere",
          },
        ]),
    ...(stray[0] === undefined
      ? []
      : [
          {
            severity: "warning" as const,
            code: "address-outside-pod-range",
            text: `${stray[0].id} has an address outside Weave's range ${range} (IPALLOC_RANGE)`,
          },
        ]),
  ];
}

function creation(weave: Weave, p: PodFacts, gateway: string | undefined): Creation {
  return {
    configList: {
      file: "/etc/cni/net.d/10-weave.conflist",
      content: {
        cniVersion: "1.1.0",
        name: "weave",
        plugins: [
          { name: "weave", type: "weave-net", hairpinMode: true },
          { type: "portmap", capabilities: { portMappings: true }, snat: true },
        ],
      },
    },
    ipam: {
      actor: "weave-ipam",
      action: "IPAM",
      says: `${p.addresses.join(" and ")} of the part of ${weave.range} that node ${p.node} owns: the nodes share the range in a ring, and each gives addresses of its own part without asking`,
      object: { request: `POST /ip/${p.sandbox}/`, address: p.addresses },
    },
    gateways: gateway === undefined ? {} : { IPv4: gateway },
    routes: [],
    further: [
      {
        actor: "weave-net",
        action: "port",
        says: `${portOf(p)} becomes a port of the bridge weave`,
        object: { device: portOf(p), master: "weave" },
      },
      {
        actor: "weaver",
        action: "segment",
        says: `other nodes learn the pod's MAC from its first frame: nothing is announced; frames between nodes go by ${weave.mode === "fastdp" ? "the fast datapath (VXLAN, UDP 6784)" : "sleeve (UDP 6783)"}${weave.encrypted ? ", encrypted" : ""}`,
      },
    ],
  };
}
