/**
 * A pod's way to an answer, all of it in this process and in virtual time: NodeLocal cache (where there is one), cluster DNS, and the resolver
 * of the world outside. The first two are real servers that run Corefiles; what `forward` sends goes over legs with given round-trip times.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { createSocketlessServer, type DnsServer } from "../../api/create-server.ts";
import { decodeMessage } from "../../dns/codec.ts";
import { nameText } from "../../dns/name.ts";
import { RCODE, rcodeText, typeText } from "../../dns/types.ts";
import { asBuffer } from "../../dns/wire.ts";
import type { VirtualClock } from "../../resolver/clock.ts";
import type { Random } from "../../resolver/types.ts";
import type { Destination } from "../../upstream/carrier.ts";
import { createConnections, createRoad, type Leg, type Road } from "./leg.ts";
import { quietPlugins } from "./quiet.ts";
import type { World } from "./world.ts";

/** Where a question may come by. */
export type Hop = "nodelocal" | "cluster" | "upstream";

/** The legs: pod to NodeLocal, pod or NodeLocal to cluster DNS, either of them to the upstream. */
export interface Legs {
  readonly node: Leg;
  readonly cluster: Leg;
  readonly upstream: Leg;
}

export interface ChainOptions {
  /** Text of the Corefiles. `forward`'s targets but `clusterDns` are the world outside. */
  readonly corefiles: { readonly nodelocal?: string | undefined; readonly cluster: string };
  /** Address by which NodeLocal's Corefile knows the cluster DNS. */
  readonly clusterDns: string;
  /** Kubernetes objects, in the API's form. */
  readonly objects: readonly object[];
  readonly world: World;
  readonly legs: Legs;
  readonly clock: VirtualClock;
  readonly random: Random;
  /** Receives the log's lines of both servers. */
  readonly log?: (hop: Hop, text: string) => void;
  /** Called with each question that a server is asked, where nothing else needs to be known of it. */
  readonly count?: (hop: Hop) => void;
}

/** A question at one of the servers. Times in ms of the chain's clock. */
export interface Visit {
  readonly hop: Hop;
  /** Absolute, in presentation form. */
  readonly name: string;
  readonly type: string;
  readonly network: "udp" | "tcp";
  readonly came: number;
  /** Undefined as long as there is no answer. */
  left?: number;
  answer?: string;
}

export interface Source {
  readonly address: string;
  readonly port: number;
}

/** How a pod asks: over TCP, on a connection that is open or one that must be opened first. */
export type Via = "udp" | "tcp" | "new-tcp";

export interface Chain {
  /** The server that pods ask. */
  readonly first: Hop;
  /** Round-trip time to it, in ms. */
  readonly rtt: number;
  /**
   * A pod's question to the first server, over the leg to it. Undefined where nothing comes back. With `visits`, who was asked on the way
   * is written there.
   */
  ask(message: Buffer, via: Via, from: Source, visits?: Visit[]): Promise<Buffer | undefined>;
  /** The metrics page of one of the servers. */
  metrics(hop: "nodelocal" | "cluster"): Promise<string>;
  close(): Promise<void>;
}

/** The node's own address, which the cluster DNS sees behind a NodeLocal cache, and that of the cluster DNS's pod. */
const ADDRESSES = { nodelocal: "192.168.255.1", cluster: "10.244.255.53" } as const;
/** Where virtual time begins, in seconds since 1970: TTLs and serials are made from it. */
const EPOCH = 1_700_000_000;

/** Opens both servers. Rejects with one line where a Corefile can't be run. */
export async function openChain(options: ChainOptions): Promise<Chain> {
  const { corefiles, clusterDns, objects, world, legs, clock, random, log, count } = options;
  const visiting = new AsyncLocalStorage<Visit[]>();
  const roads: Readonly<Record<keyof Legs, Road>> = {
    node: createRoad(legs.node, clock, random),
    cluster: createRoad(legs.cluster, clock, random),
    upstream: createRoad(legs.upstream, clock, random),
  };
  const connections = { cluster: createConnections(clock), upstream: createConnections(clock) };
  const servers = new Map<Hop, DnsServer>();

  const serveAt = async (
    hop: Hop,
    message: Buffer,
    network: "udp" | "tcp",
    from: Source,
  ): Promise<Buffer | undefined> => {
    count?.(hop);
    const visits = visiting.getStore();
    const visit = visits === undefined ? undefined : visitOf(hop, message, network, clock.now());
    if (visit !== undefined) visits!.push(visit);
    const reply =
      hop === "upstream"
        ? world.serve(message)
        : await servers.get(hop)!.exchange(message, { protocol: network, ...from });
    if (visit !== undefined && reply !== undefined) {
      visit.left = clock.now();
      visit.answer = describe(reply);
    }
    return reply && asBuffer(reply);
  };

  const carrierOf =
    (hop: "nodelocal" | "cluster") =>
    async (message: Buffer, { address, network, timeout }: Destination): Promise<Buffer> => {
      const target = hop === "nodelocal" && address === clusterDns ? "cluster" : "upstream";
      const from = { address: ADDRESSES[hop], port: 40000 };
      const serve = (): Promise<Buffer | undefined> => serveAt(target, message, network, from);
      if (network === "udp") return inTime(roads[target].udp(serve), timeout, clock);
      const reply = await inTime(roads[target].tcp(serve, connections[target].take()), timeout, clock);
      connections[target].release();
      return reply;
    };

  const open = async (hop: "nodelocal" | "cluster", corefile: string): Promise<void> => {
    const server = createSocketlessServer({
      corefile,
      cluster: objects,
      plugins: await quietPlugins(),
      env: { LOCAL_DNS: "169.254.20.10", CLUSTER_DNS: clusterDns },
      now: () => EPOCH + clock.now() / 1000,
      random,
      carrier: carrierOf(hop),
      ...(log === undefined ? {} : { log: (_level, text) => log(hop, text) }),
    });
    await server.listen();
    servers.set(hop, server);
  };
  const close = async (): Promise<void> => {
    await Promise.all([...servers.values()].map((server) => server.close()));
  };
  try {
    await open("cluster", corefiles.cluster);
    if (corefiles.nodelocal !== undefined) await open("nodelocal", corefiles.nodelocal);
  } catch (error) {
    await close();
    throw error;
  }

  const first: Hop = corefiles.nodelocal === undefined ? "cluster" : "nodelocal";
  const leg = first === "cluster" ? "cluster" : "node";
  const road = roads[leg];
  return {
    first,
    rtt: legs[leg].rtt,
    ask: (message, via, from, visits) => {
      const serve = (): Promise<Buffer | undefined> =>
        serveAt(first, message, via === "udp" ? "udp" : "tcp", from);
      const cross = (): Promise<Buffer | undefined> =>
        via === "udp" ? road.udp(serve) : road.tcp(serve, via === "new-tcp");
      return visits === undefined ? cross() : visiting.run(visits, cross);
    },
    metrics: (hop) => servers.get(hop)?.metrics() ?? Promise.resolve(""),
    close,
  };
}

/** The reply if it is there within `timeout` ms; rejects in the words of `forward`'s own transports. */
function inTime(
  crossing: Promise<Buffer | undefined>,
  timeout: number,
  clock: VirtualClock,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const callOff = clock.at(clock.now() + timeout, () => reject(new Error("i/o timeout")));
    void crossing.then((reply) => {
      if (reply === undefined) return;
      callOff();
      resolve(reply);
    });
  });
}

function visitOf(hop: Hop, message: Buffer, network: "udp" | "tcp", came: number): Visit | undefined {
  const { question } = decodeMessage(message);
  return question && { hop, name: nameText(question.name), type: typeText(question.type), network, came };
}

function describe(reply: Uint8Array): string {
  const message = decodeMessage(reply);
  if (message.error !== undefined) return "unreadable";
  return message.rcode === RCODE.NOERROR && message.answer.length === 0 ? "NODATA" : rcodeText(message.rcode);
}
