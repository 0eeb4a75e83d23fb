import { parseAddress, type Address } from "./address.ts";
import { isLocal, type ProxyNode } from "./node.ts";
import type { Connection, Packet, Situation, Step } from "./packet.ts";

export type Hook = "prerouting" | "input" | "forward" | "output" | "postrouting";

/** A first packet on its way through the hooks: what rules read and change. */
export interface Flight {
  source: Address;
  destination: Address;
  port: number;
  readonly protocol: string;
  readonly packet: Packet;
  readonly node: ProxyNode;
  readonly situation: Situation;
  mark: number;
  translated: boolean;
  masqueraded: boolean;
  service: string | undefined;
  readonly steps: Step[];
  rules: number;
  lookups: number;
}

/** How a packet ends; undefined: it goes on. */
export type Verdict = "dropped" | "rejected" | undefined;

/** What is registered at each hook, in order of priority. */
export type Hooks = Readonly<Record<Hook, readonly ((flight: Flight) => Verdict)[]>>;

/** kube-proxy's mark for "masquerade this" (`masqueradeBit` 14). */
export const MASQUERADE_MARK = 0x4000;

/**
 * Takes a connection's first packet through a node: PREROUTING for what arrives, OUTPUT for what the node itself sends,
 * then, by the destination as it is by now, INPUT or FORWARD. What the node sends to itself sees POSTROUTING before INPUT.
 */
export function travel(packet: Packet, node: ProxyNode, situation: Situation, hooks: Hooks): Connection {
  const flight: Flight = {
    source: packet.source,
    destination: packet.destination,
    port: packet.port,
    protocol: packet.protocol.toLowerCase(),
    packet,
    node,
    situation,
    mark: 0,
    translated: false,
    masqueraded: false,
    service: undefined,
    steps: [],
    rules: 0,
    lookups: 0,
  };
  const run = (hook: Hook): Verdict => {
    for (const callback of hooks[hook]) {
      const verdict = callback(flight);
      if (verdict !== undefined) return verdict;
    }
    return undefined;
  };
  const own = isLocal(node, packet.source);
  const path = (): Connection["verdict"] => {
    const early = run(own ? "output" : "prerouting");
    if (early !== undefined) return early;
    const here = isLocal(node, flight.destination);
    const late = here
      ? ((own ? run("postrouting") : undefined) ?? run("input"))
      : own
        ? undefined
        : run("forward");
    if (late !== undefined) return late;
    // IPVS takes what came to the node's own stack and sends it on.
    if (isLocal(node, flight.destination)) return "local";
    return (own && here ? undefined : run("postrouting")) ?? "forwarded";
  };
  const verdict = path();
  return {
    verdict,
    destination: { address: flight.destination.text, port: flight.port },
    source: flight.source.text,
    translated: flight.translated,
    masqueraded: flight.masqueraded,
    service: flight.service,
    steps: flight.steps,
    rules: flight.rules,
    lookups: flight.lookups,
  };
}

/** Sends the packet to an endpoint instead. */
export function translate(flight: Flight, address: string, port: number): void {
  flight.destination = parseAddress(address) ?? flight.destination;
  flight.port = port;
  flight.translated = true;
}

/** Puts the node's own address in the source's place. */
export function masquerade(flight: Flight): void {
  flight.masqueraded = true;
  flight.source = flight.node.address ?? flight.source;
}
