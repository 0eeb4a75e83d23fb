/** Where Cilium's eBPF programs send a connection: at the client's socket inside the cluster, at the device from outside. */
import { contains, parseAddress, type Address } from "../address.ts";
import { isLocal } from "../node.ts";
import type { Connection, DataPlane, Packet, Situation, Step } from "../packet.ts";
import { flowHash } from "./flow-hash.ts";
import { frontendKey, type Backend, type EbpfProgram, type Frontend } from "./program.ts";

const IP_PROTOCOL = { TCP: 6, UDP: 17, SCTP: 132 };

/** By client and frontend: the backend's id and until when. */
type Affinities = Map<string, { id: number; until: number }>;

/** What a lookup decides. */
interface Decision {
  readonly verdict?: "rejected" | "dropped";
  readonly backend?: Backend;
  readonly steps: readonly Step[];
  readonly lookups: number;
}

export function ebpfPlane(program: EbpfProgram): DataPlane {
  const affinities: Affinities = new Map();
  return {
    mode: "ebpf",
    node: program.node.name,
    connect: (packet, situation) => {
      const { node } = program;
      const own = isLocal(node, packet.source);
      // A socket of the node or of a pod; who tells pods by their block is the same as for kube-proxy.
      const inside = own || (node.clusterCIDR !== undefined && contains(node.clusterCIDR, packet.source));
      return inside
        ? fromSocket(program, packet, situation, affinities)
        : fromOutside(program, packet, situation, affinities);
    },
    reset: () => affinities.clear(),
  };
}

/** `connect()` itself is given the backend's address: no packet ever carries the service's. */
function fromSocket(
  program: EbpfProgram,
  packet: Packet,
  situation: Situation,
  affinities: Affinities,
): Connection {
  const wildcard = isLocal(program.node, packet.destination) ? program.node.address : undefined;
  const frontend =
    find(program, packet, packet.destination) ??
    (wildcard === undefined ? undefined : find(program, packet, wildcard));
  if (frontend === undefined) return untouched(program, packet, 1);
  const decision = choose(program, frontend, frontend.inside, packet, situation, affinities, "random");
  return finish(program, packet, frontend, decision, false);
}

/** At the network device: what goes to a backend on another node takes this node's address, so that replies come back here. */
function fromOutside(
  program: EbpfProgram,
  packet: Packet,
  situation: Situation,
  affinities: Affinities,
): Connection {
  const frontend = find(program, packet, packet.destination);
  if (frontend === undefined || (frontend.kind === "ClusterIP" && !program.externalClusterIP))
    return untouched(program, packet, 2);
  const { port } = frontend;
  const guarded = frontend.kind === "LoadBalancer" && port.sourceRanges.length > 0;
  if (guarded && !port.sourceRanges.some((range) => contains(range, packet.source)))
    return finish(program, packet, frontend, {
      verdict: "dropped",
      steps: [step("cilium_lb_source_range", port.name, "not in loadBalancerSourceRanges: dropped")],
      lookups: 3,
    });
  const found = choose(program, frontend, frontend.outside, packet, situation, affinities, program.algorithm);
  const lookups = found.lookups + (guarded ? 2 : 1);
  const remote = found.backend !== undefined && found.backend.nodeName !== program.node.name;
  return finish(program, packet, frontend, { ...found, lookups: lookups + (remote ? 1 : 0) }, remote);
}

function find(program: EbpfProgram, { protocol, port }: Packet, address: Address): Frontend | undefined {
  return program.frontends.get(frontendKey(protocol, address.text, port));
}

function choose(
  program: EbpfProgram,
  { port, kind, inside, outside }: Frontend,
  backends: readonly Backend[],
  packet: Packet,
  situation: Situation,
  affinities: Affinities,
  algorithm: "random" | "maglev",
): Decision {
  const steps = [step("cilium_lb_services", `${port.name} ${kind}`, `${backends.length} backends`)];
  if (backends.length === 0) {
    // A node without a backend of its own is silent; a service without any says so.
    const silent = backends === outside && inside.length > 0;
    return { verdict: silent ? "dropped" : "rejected", steps, lookups: 1 };
  }
  const key = `${port.name} ${port.protocol} ${packet.source.text}`;
  const known = port.affinity > 0 ? affinities.get(key) : undefined;
  const kept =
    known !== undefined && known.until > situation.now
      ? backends.find(({ id }) => id === known.id)
      : undefined;
  const affinity = port.affinity > 0 ? 1 : 0;
  let backend = kept;
  let lookups = 2 + affinity;
  if (backend === undefined && algorithm === "maglev") {
    const table = program.tableOf(backends);
    const sourcePort = port.affinity > 0 ? 0 : packet.sourcePort;
    const flow = {
      source: packet.source,
      sourcePort,
      port: packet.port,
      protocol: IP_PROTOCOL[packet.protocol],
    };
    const slot = flowHash(flow, program.seeds) % table.length;
    backend = backends.find(({ id }) => id === table[slot]);
    steps.push(step("cilium_lb_maglev", `slot ${slot} of ${table.length}`, `backend ${table[slot]}`));
    lookups += 2;
  } else if (backend === undefined) {
    backend = backends[situation.choose(backends.map(() => 1 / backends.length))];
    lookups += 1;
  }
  if (backend === undefined) return { verdict: "rejected", steps, lookups };
  if (port.affinity > 0) affinities.set(key, { id: backend.id, until: situation.now + port.affinity });
  steps.push(step("cilium_lb_backends", `backend ${backend.id}`, `${backend.address}:${backend.port}`));
  return { backend, steps, lookups };
}

function finish(
  { node }: EbpfProgram,
  packet: Packet,
  { port }: Frontend,
  { backend, verdict, steps, lookups }: Decision,
  masqueraded = false,
): Connection {
  const address =
    backend === undefined ? packet.destination : (parseAddress(backend.address) ?? packet.destination);
  const here = backend !== undefined && isLocal(node, address);
  // Over the loopback a node cannot reach a pod: its socket takes the node's address.
  const source =
    masqueraded || isLocal(node, packet.source) ? (node.address ?? packet.source) : packet.source;
  return {
    verdict: verdict ?? (here ? "local" : "forwarded"),
    destination: { address: address.text, port: backend?.port ?? packet.port },
    source: source.text,
    translated: backend !== undefined,
    masqueraded,
    service: port.name,
    steps,
    rules: 0,
    lookups,
  };
}

function untouched(
  { node }: EbpfProgram,
  { source, destination, port }: Packet,
  lookups: number,
): Connection {
  return {
    verdict: isLocal(node, destination) ? "local" : "forwarded",
    destination: { address: destination.text, port },
    source: source.text,
    translated: false,
    masqueraded: false,
    service: undefined,
    steps: [],
    rules: 0,
    lookups,
  };
}

function step(where: string, rule: string, effect: string): Step {
  return { where, rule, effect };
}
