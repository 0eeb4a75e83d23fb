/** What a packet meets in IPVS mode: the iptables rules, then one hash lookup and a scheduler. */
import { traverse, type Recent } from "../iptables/connect.ts";
import type { Match, Table } from "../iptables/rule.ts";
import { translate, travel, type Flight, type Hooks, type Verdict } from "../netfilter.ts";
import { isLocal } from "../node.ts";
import type { Connection, DataPlane, Packet } from "../packet.ts";
import type { IpvsProgram, VirtualServer } from "./program.ts";
import { scheduler, type Load, type Scheduler } from "./scheduler.ts";

/** The state of one virtual server. */
interface State {
  readonly next: Scheduler;
  readonly loads: Load[];
  /** By client address: its server and until when. */
  readonly templates: Map<string, { server: number; until: number }>;
}

export interface IpvsPlane extends DataPlane {
  /** Ends a connection: it no longer counts as its server's load. */
  close(packet: Packet, connection: Connection): void;
}

export function ipvsPlane(program: IpvsProgram): IpvsPlane {
  const { nat, filter, node, sets, bound } = program;
  const states = new Map<VirtualServer, State>();
  const byKey = new Map(
    program.servers.map((server) => [keyOf(server.protocol, server.address, server.port), server]),
  );
  const recent: Recent = new Map();
  /** The virtual server that the packet under way was taken by. */
  let taken: VirtualServer | undefined;

  const extra = (match: Match, flight: Flight): boolean => {
    if (match.kind === "set") {
      flight.lookups++;
      return sets.matches(match.set, match.by, flight);
    }
    return match.kind === "ipvs" && taken?.address === match.address && taken.port === match.port;
  };
  const through = (table: Table, chain: string) => (flight: Flight) =>
    traverse(table, chain, flight, recent, extra);
  const balance = (flight: Flight): Verdict => {
    flight.lookups++;
    const protocol = flight.packet.protocol;
    taken = byKey.get(keyOf(protocol, flight.destination.text, flight.port));
    if (taken === undefined) return undefined;
    const known = states.get(taken);
    const state = known ?? fresh(taken);
    if (state === undefined) return undefined;
    states.set(taken, state);
    return deliver(taken, state, flight);
  };
  const output = through(filter, "OUTPUT");
  const hooks: Hooks = {
    prerouting: [through(nat, "PREROUTING")],
    // What IPVS sends on passes OUTPUT like the node's own packets.
    input: [
      through(filter, "INPUT"),
      balance,
      (flight) => (taken === undefined ? undefined : output(flight)),
    ],
    forward: [through(filter, "FORWARD")],
    output: [through(nat, "OUTPUT"), balance, output],
    postrouting: [through(nat, "POSTROUTING")],
  };
  return {
    mode: "ipvs",
    node: node.name,
    connect: (packet, situation) => {
      taken = undefined;
      // A local destination is its own preferred source: the node talks to a virtual address from that same address.
      const own = isLocal(node, packet.source) && bound.some(({ text }) => text === packet.destination.text);
      return travel(own ? { ...packet, source: packet.destination } : packet, node, situation, hooks);
    },
    close: ({ protocol, destination, port }, connection) => {
      const server = byKey.get(keyOf(protocol, destination.text, port));
      const state = server === undefined ? undefined : states.get(server);
      const { address, port: at } = connection.destination;
      const index = server?.servers.findIndex((real) => real.address === address && real.port === at) ?? -1;
      const load = state?.loads[index];
      if (load !== undefined && load.active > 0) load.active--;
    },
    reset: () => states.clear(),
  };
}

function fresh(server: VirtualServer): State | undefined {
  const next = scheduler(server.scheduler);
  const loads = server.servers.map(() => ({ active: 0, inactive: 0 }));
  return next === undefined ? undefined : { next, loads, templates: new Map() };
}

function deliver(virtual: VirtualServer, state: State, flight: Flight): Verdict {
  const { choose, now } = flight.situation;
  flight.service = virtual.service;
  const template = state.templates.get(flight.source.text);
  const kept =
    virtual.persistent > 0 && template !== undefined && template.until > now ? template.server : undefined;
  const index =
    kept ??
    state.next(virtual.servers, state.loads, {
      source: flight.source,
      destination: flight.destination,
      choose,
    });
  const real = index === undefined ? undefined : virtual.servers[index];
  const rule = `${virtual.protocol} ${virtual.address}:${virtual.port} ${virtual.scheduler}`;
  if (real === undefined || index === undefined) {
    flight.steps.push({ where: "ipvs", rule, effect: "no server: ICMP port unreachable" });
    return "rejected";
  }
  if (virtual.persistent > 0)
    state.templates.set(flight.source.text, { server: index, until: now + virtual.persistent });
  (state.loads[index] as Load).active++;
  flight.steps.push({ where: "ipvs", rule, effect: `Masq ${real.address}:${real.port}` });
  translate(flight, real.address, real.port);
  return undefined;
}

function keyOf(protocol: string, address: string, port: number): string {
  return `${protocol} ${address} ${port}`;
}
