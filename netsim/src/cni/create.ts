/** A pod's network, from the kubelet's first call to the address in the pod's status, step by step (CRI; CNI 1.1.0). */
import { hostBlock, isV6, uuidOf } from "./address.ts";
import { routeText } from "./iproute.ts";
import type { Network } from "./network.ts";
import type { Creation, CreationEvent, Device, Place, PodFacts, Route } from "./types.ts";

const CNI_VERSION = "1.1.0";

/** The events in order, or undefined where the pod has no network of its own. */
export function createPod(network: Network, id: string): readonly CreationEvent[] | undefined {
  const p = network.context.pods.find((pod) => pod.id === id);
  const pod = network.place(`pod/${id}`);
  const node = p === undefined ? undefined : network.place(`node/${p.node}`);
  if (p === undefined || pod === undefined || node === undefined) return undefined;
  const creation = network.model.creation(p);
  const eth0 = pod.devices.find((d) => d.peer !== undefined);
  const host = node.devices.find((d) => d.name === eth0?.peer?.device);
  const netns = `/var/run/netns/cni-${uuidOf(p.id)}`;
  const plugins = creation.configList.content["plugins"] as readonly Readonly<Record<string, unknown>>[];
  const first = String(plugins[0]?.["type"]);
  const bridge = node.devices.find((d) => d.name === host?.master);
  const result = resultOf(creation, [bridge, host], eth0, netns, pod);
  return [
    {
      actor: "kubelet",
      action: "sync",
      says: `sees ${p.id}, bound to its node ${p.node}, and asks the runtime for a sandbox`,
    },
    {
      actor: "kubelet",
      action: "CRI RunPodSandbox",
      says: "the pod's sandbox: namespaces first, containers later",
      object: sandboxRequest(p),
    },
    {
      actor: "runtime",
      action: "network namespace",
      says: `a new one, held by a file so that it lives as long as the sandbox; only lo is in it`,
      object: { path: netns, devices: ["lo"] },
    },
    {
      actor: "runtime",
      action: "lo",
      says: "the plugin loopback sets it up",
      object: { command: `ip -n ${netns.slice(15)} link set lo up` },
    },
    {
      actor: "runtime",
      action: "CNI ADD",
      says: `reads ${creation.configList.file}, runs its plugin ${first} with this environment and this JSON on standard input`,
      object: {
        env: environment(p, netns),
        stdin: { ...plugins[0], cniVersion: CNI_VERSION, name: creation.configList.content["name"] },
        configList: creation.configList,
      },
    },
    creation.ipam,
    ...linkEvents(first, p, eth0, host),
    ...podEvents(first, pod, eth0),
    ...nodeEvents(first, node, host, p),
    ...creation.further,
    {
      actor: first,
      action: "Result",
      says: "the plugin prints what it has made; the next plugin of the list gets it as prevResult",
      object: result,
    },
    ...plugins.slice(1).map((plugin): CreationEvent => chained(plugin, p, result)),
    {
      actor: "runtime",
      action: "pause",
      says: "the pause container starts in the namespace; RunPodSandbox returns the sandbox's id",
      object: { podSandboxId: p.sandbox },
    },
    {
      actor: "kubelet",
      action: "status",
      says: `PodSandboxStatus has the addresses of the Result: they become status.podIPs, and the containers start`,
      object: {
        phase: "Running",
        podIP: p.addresses[0],
        podIPs: p.addresses.map((ip) => ({ ip })),
        hostIP: network.context.nodes.find((n) => n.name === p.node)?.nets[0]?.split("/")[0],
      },
    },
  ];
}

const sandboxRequest = ({ name, namespace, pod }: PodFacts) => ({
  config: {
    metadata: { name, namespace, uid: pod.metadata.uid ?? uuidOf(`uid ${namespace}/${name}`), attempt: 0 },
    hostname: pod.spec.hostname ?? name,
    labels: { "io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": namespace },
    port_mappings: pod.spec.containers
      .flatMap((c) => c.ports ?? [])
      .map((p) => ({ protocol: p.protocol, container_port: p.containerPort, host_port: p.hostPort ?? 0 })),
    linux: { security_context: { namespace_options: { network: "POD" } } },
  },
});

const environment = ({ namespace, name, sandbox }: PodFacts, netns: string) => ({
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: sandbox,
  CNI_NETNS: netns,
  CNI_IFNAME: "eth0",
  CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${namespace};K8S_POD_NAME=${name};K8S_POD_INFRA_CONTAINER_ID=${sandbox}`,
  CNI_PATH: "/opt/cni/bin",
});

function linkEvents(
  actor: string,
  p: PodFacts,
  eth0: Device | undefined,
  host: Device | undefined,
): CreationEvent[] {
  if (eth0 === undefined || host === undefined) return [];
  const says = `a veth pair: ${eth0.name} in the pod (${p.mac}), ${host.name} on the node (${host.mac ?? ""}); MTU ${eth0.mtu}`;
  return [
    {
      actor,
      action: "veth",
      says,
      object: {
        command: `ip link add ${host.name} mtu ${host.mtu} type veth peer name ${eth0.name} mtu ${eth0.mtu} netns POD`,
        node: host,
        pod: eth0,
      },
    },
  ];
}

const own = (route: Route): boolean => route.proto !== "kernel" && route.to !== "fe80::/64";

function podEvents(actor: string, pod: Place, eth0: Device | undefined): CreationEvent[] {
  if (eth0 === undefined) return [];
  const routes = pod.routes.filter(own).map((r) => routeText(r));
  return [
    {
      actor,
      action: "addresses",
      says: `the pod's ${eth0.name} is ${eth0.addresses.join(" and ")}`,
      object: eth0.addresses.map((a) => `ip addr add ${a} dev ${eth0.name}`),
    },
    {
      actor,
      action: "routes",
      says: `in the pod: ${routes.join("; ")}`,
      object: routes.map((r) => `ip route add ${r}`),
    },
    ...(pod.sysctls.length === 0
      ? []
      : [{ actor, action: "sysctls", says: "in the pod", object: pod.sysctls }]),
  ];
}

function nodeEvents(actor: string, node: Place, host: Device | undefined, p: PodFacts): CreationEvent[] {
  if (host === undefined) return [];
  const routes = node.routes
    .filter((r) => own(r) && p.addresses.some((a) => r.to === hostBlock(a)))
    .map((r) => routeText(r));
  const neighbours = node.neighbours.filter((n) => n.dev === host.name && n.state === "PERMANENT");
  const sysctls = node.sysctls.filter((s) => s.key.includes(`.${host.name}.`));
  return [
    ...(sysctls.length === 0
      ? []
      : [
          {
            actor,
            action: "sysctls",
            says: `of ${host.name}: ${sysctls.map((s) => `${s.key.split(".").at(-1)}=${s.value}`).join(", ")}`,
            object: sysctls,
          },
        ]),
    ...(routes.length === 0
      ? []
      : [
          {
            actor,
            action: "route",
            says: `on the node: ${routes.join("; ")}`,
            object: routes.map((r) => `ip route add ${r}`),
          },
        ]),
    ...(neighbours.length === 0
      ? []
      : [
          {
            actor,
            action: "neighbour",
            says: `on the node: ${neighbours.map((n) => `${n.address} is ${n.mac}`).join("; ")}`,
            object: neighbours,
          },
        ]),
  ];
}

/** The Result in the form of CNI 1.1.0 (MTU of interfaces and routes are its additions). `hosts`: the node's devices. */
function resultOf(
  creation: Creation,
  hosts: readonly (Device | undefined)[],
  eth0: Device | undefined,
  netns: string,
  pod: Place,
) {
  const shown = (device: Device | undefined, sandbox: string) =>
    device === undefined ? [] : [{ name: device.name, mac: device.mac, mtu: device.mtu, sandbox }];
  const interfaces = [...hosts.flatMap((d) => shown(d, "")), ...shown(eth0, netns)];
  const defaults = pod.routes.filter((r) => r.to === "default");
  return {
    cniVersion: CNI_VERSION,
    interfaces,
    ips: (eth0?.addresses ?? []).map((address) => {
      const gateway = creation.gateways[isV6(address) ? "IPv6" : "IPv4"];
      return { address, ...(gateway !== undefined && { gateway }), interface: interfaces.length - 1 };
    }),
    routes: defaults.map((r) => ({
      dst: isV6(r.via ?? "") ? "::/0" : "0.0.0.0/0",
      ...(r.via !== undefined && { gw: r.via }),
      ...(r.mtu !== undefined && { mtu: r.mtu }),
    })),
    dns: {},
  };
}

const CHAINED: Readonly<Record<string, string>> = {
  portmap: "hostPorts: DNAT rules to the pod",
  bandwidth: "the annotations kubernetes.io/ingress-bandwidth and egress-bandwidth: token bucket filters",
};

function chained(plugin: Readonly<Record<string, unknown>>, p: PodFacts, prevResult: unknown): CreationEvent {
  const type = String(plugin["type"]);
  const ports = p.pod.spec.containers.flatMap((c) => c.ports ?? []).filter((c) => c.hostPort !== undefined);
  const portMappings = ports.map((c) => ({
    hostPort: c.hostPort,
    containerPort: c.containerPort,
    protocol: c.protocol.toLowerCase(),
  }));
  const what =
    type === "portmap" && portMappings.length === 0
      ? "no hostPort: nothing to do"
      : (CHAINED[type] ?? "the next plugin");
  return {
    actor: type,
    action: "CNI ADD",
    says: what,
    object: {
      ...plugin,
      cniVersion: CNI_VERSION,
      runtimeConfig: type === "portmap" ? { portMappings } : {},
      prevResult,
    },
  };
}
