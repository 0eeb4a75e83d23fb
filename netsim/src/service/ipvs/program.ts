/** kube-proxy's IPVS mode (v1.37): virtual servers, and the few iptables rules and ipsets beside them. */
import type { Cluster, IPFamily, Protocol } from "../../model/types.ts";
import { contains, type Address } from "../address.ts";
import { endpointIndex, usableEndpoints, type UsableEndpoints } from "../endpoints.ts";
import type { ProxyNode } from "../node.ts";
import { proxiedPorts, type ProxiedPort } from "../service-port.ts";
import type { Table } from "../iptables/rule.ts";
import { ipSets, type IpSets } from "./ipset.ts";
import { ipvsTables } from "./rules.ts";
import { byAddress, compareAddresses, type RealServer } from "./scheduler.ts";

export interface VirtualServer {
  readonly protocol: Protocol;
  readonly address: string;
  readonly port: number;
  readonly scheduler: string;
  /** Seconds for which a client stays with its server; 0: none. */
  readonly persistent: number;
  readonly servers: readonly RealServer[];
  readonly service: string;
}

export interface IpvsProgram {
  readonly family: IPFamily;
  /** Its addresses include what is bound to `kube-ipvs0`: the addresses of the virtual servers. */
  readonly node: ProxyNode;
  readonly bound: readonly Address[];
  readonly servers: readonly VirtualServer[];
  readonly sets: IpSets;
  readonly nat: Table;
  readonly filter: Table;
}

export function ipvsProgram(cluster: Cluster, node: ProxyNode): IpvsProgram {
  const { family } = node;
  const endpointsOf = endpointIndex(cluster, family);
  const sets = ipSets(family);
  const bound = new Map<string, Address>();
  const servers: VirtualServer[] = [];
  /** Addresses of load balancers that this node itself may not use. */
  const barred: { address: Address; protocol: string; port: number }[] = [];

  for (const port of proxiedPorts(cluster, family)) {
    const known = endpointsOf(port);
    const usable = usableEndpoints(port, known, node);
    const protocol = port.protocol.toLowerCase();
    const serve = (address: Address, at: number, onlyLocal: boolean) =>
      servers.push({
        protocol: port.protocol,
        address: address.text,
        port: at,
        scheduler: node.scheduler,
        persistent: port.affinity,
        servers: realServers(usable, onlyLocal),
        service: port.name,
      });
    const bind = (address: Address) => {
      if (!node.addresses.some(({ text }) => text === address.text)) bound.set(address.text, address);
    };

    for (const { address, port: at, nodeName } of known)
      if (nodeName === node.name) sets.add("LOOP-BACK", `${address},${protocol}:${at},${address}`);
    sets.add("CLUSTER-IP", `${port.clusterIP.text},${protocol}:${port.port}`);
    bind(port.clusterIP);
    serve(port.clusterIP, port.port, port.internalLocal);
    for (const address of port.externalIPs) {
      sets.add(
        port.externalLocal ? "EXTERNAL-IP-LOCAL" : "EXTERNAL-IP",
        `${address.text},${protocol}:${port.port}`,
      );
      bind(address);
      serve(address, port.port, port.externalLocal);
    }
    for (const address of port.loadBalancerIPs) {
      if (!loadBalancer(sets, port, address, node)) barred.push({ address, protocol, port: port.port });
      bind(address);
      serve(address, port.port, port.externalLocal);
    }
    if (port.nodePort !== 0) {
      nodePortSets(sets, port, node);
      for (const address of node.addresses) serve(address, port.nodePort, port.externalLocal);
    }
    if (port.healthCheckNodePort !== 0) sets.add("HEALTH-CHECK-NODE-PORT", String(port.healthCheckNodePort));
  }
  for (const address of bound.keys()) sets.add("IPVS-IPS", address);
  servers.sort(
    (a, b) =>
      IP_PROTOCOL[a.protocol] - IP_PROTOCOL[b.protocol] ||
      compareAddresses(a.address, b.address) ||
      a.port - b.port,
  );
  return {
    family,
    node: { ...node, addresses: [...node.addresses, ...bound.values()] },
    bound: [...bound.values()],
    servers,
    sets,
    ...ipvsTables(node, sets, barred),
  };
}

const IP_PROTOCOL: Record<Protocol, number> = { TCP: 6, UDP: 17, SCTP: 132 };

/** Policy Local without a local endpoint takes all of them: pods here are served, and outside clients' replies get lost. */
function realServers({ cluster, local }: UsableEndpoints, onlyLocal: boolean): RealServer[] {
  const endpoints = onlyLocal && local.length > 0 ? local : cluster;
  return endpoints.map(({ address, port }) => ({ address, port, weight: 1 })).sort(byAddress);
}

/** Says whether the node itself may use the address. */
function loadBalancer(sets: IpSets, port: ProxiedPort, address: Address, node: ProxyNode): boolean {
  const entry = `${address.text},${port.protocol.toLowerCase()}:${port.port}`;
  sets.add("LOAD-BALANCER", entry);
  if (port.externalLocal) sets.add("LOAD-BALANCER-LOCAL", entry);
  if (port.sourceRanges.length === 0) return true;
  sets.add("LOAD-BALANCER-FW", entry);
  for (const range of port.sourceRanges) sets.add("LOAD-BALANCER-SOURCE-CIDR", `${entry},${range.text}`);
  const { address: own } = node;
  if (own === undefined || !port.sourceRanges.some((range) => contains(range, own))) return false;
  sets.add("LOAD-BALANCER-SOURCE-IP", `${entry},${address.text}`);
  return true;
}

function nodePortSets(sets: IpSets, port: ProxiedPort, node: ProxyNode): void {
  const add = (set: string, entry: string) => {
    sets.add(`NODE-PORT-${set}`, entry);
    if (port.externalLocal) sets.add(`NODE-PORT-LOCAL-${set}`, entry);
  };
  if (port.protocol !== "SCTP") return add(port.protocol, String(port.nodePort));
  // There is no bitmap of SCTP ports.
  for (const { text } of node.addresses) add("SCTP-HASH", `${text},sctp:${port.nodePort}`);
}
