/** The process's open sockets: what a configuration needs is opened, what it no longer needs is closed, what stays is re-pointed. */
import { createEngine, type Engine, type EngineOptions } from "./engine.ts";
import type { Served } from "./configuration.ts";
import type { Descriptors } from "./descriptors.ts";
import type { ListenAt, Listener } from "./listener.ts";
import { listenHttps } from "./https.ts";
import { listenTcp, type TcpLimits } from "./tcp.ts";
import { listenUdp } from "./udp.ts";
import { listenUdpNative } from "./udp-native.ts";

/** Where a server is reached. */
export interface Address {
  readonly transport: string;
  readonly protocol: "udp" | "tcp";
  readonly address: string;
  readonly port: number;
}

/** The sockets of one listener key. */
interface Open {
  served: Served;
  readonly engine: Engine;
  readonly listeners: readonly { readonly protocol: "udp" | "tcp"; readonly listener: Listener }[];
}

export interface Sockets {
  /** Goes over to what `served` needs. All or nothing: an Error leaves everything as it was. */
  apply(served: readonly Served[]): Promise<void>;
  addresses(): readonly Address[];
  /** The engine that serves a port over plain DNS; of the first listener where no port is given. */
  engine(port?: number): Engine | undefined;
  /** See `close` of a listener. */
  close(graceMs: number, serveOn?: boolean): Promise<void>;
}

/** Milliseconds that queries have to end when their socket is closed. */
const GRACE = 5000;

/** `listen` false: no sockets are opened; queries come through `engine`. */
export function createSockets(options: EngineOptions, descriptors: Descriptors, listen = true): Sockets {
  let open = new Map<string, Open>();

  const close = (entry: Open, grace: number, serveOn = false): Promise<unknown> =>
    Promise.all(entry.listeners.map(({ listener }) => listener.close(grace, serveOn)));

  return {
    async apply(served) {
      const next = new Map<string, Open>();
      const fresh: Open[] = [];
      try {
        for (const one of served) {
          const known = open.get(one.key.label);
          if (known !== undefined) {
            next.set(one.key.label, known);
            continue;
          }
          const made = listen ? await openServed(one, options, descriptors) : unopened(one, options);
          fresh.push(made);
          next.set(one.key.label, made);
        }
      } catch (error) {
        await Promise.all(fresh.map((entry) => close(entry, 0)));
        throw error;
      }
      for (const one of served) {
        const entry = next.get(one.key.label)!;
        if (fresh.includes(entry)) continue;
        entry.served = one;
        entry.engine.router = one.router;
        for (const { listener } of entry.listeners) listener.closeConnections();
      }
      const gone = [...open.values()].filter((entry) => ![...next.values()].includes(entry));
      open = next;
      await Promise.all(gone.map((entry) => close(entry, GRACE)));
    },
    addresses: () =>
      [...open.values()].flatMap(({ served, listeners }) =>
        listeners.map(({ protocol, listener }) => ({
          transport: served.key.transport,
          protocol,
          address: listener.address,
          port: listener.port,
        })),
      ),
    engine: (port) =>
      [...open.values()].find(
        ({ served: { key } }) => key.transport === "dns" && (port === undefined || key.port === port),
      )?.engine,
    async close(graceMs, serveOn) {
      await Promise.all([...open.values()].map((entry) => close(entry, graceMs, serveOn)));
      open = new Map();
    },
  };
}

/** How often a free port is looked for that is free for UDP and TCP alike. */
const TRIES = 20;

const unopened = (served: Served, options: EngineOptions): Open => ({
  served,
  engine: createEngine(served.router, options),
  listeners: [],
});

async function openServed(served: Served, options: EngineOptions, descriptors: Descriptors): Promise<Open> {
  const { transport, address, port } = served.key;
  const engine = createEngine(served.router, options);
  const entry: { served: Served; engine: Engine; listeners: Open["listeners"] } = {
    served,
    engine,
    listeners: [],
  };
  const { sockets } = served.settings;
  const limits = () => ({
    ...entry.served.settings.timeouts,
    maxQueries: entry.served.settings.maxTcpQueries,
  });
  switch (transport) {
    case "dns":
      entry.listeners = await openBoth({ address, port }, engine, limits, sockets, descriptors);
      return entry;
    case "tls":
      entry.listeners = [
        { protocol: "tcp", listener: await listenTcp({ address, port }, engine, limits, descriptors) },
      ];
      return entry;
    case "https":
      entry.listeners = [
        { protocol: "tcp", listener: await listenHttps({ address, port }, engine, descriptors) },
      ];
      return entry;
    case "https3":
      throw new Error("https3:// needs the tls plugin in its block, and is not built yet: use https://");
    case "quic":
      throw new Error("quic:// needs the tls plugin in its block, and is not built yet: use tls://");
    default:
      throw new Error(`${transport}:// is not built yet: serve this zone by dns://, tls:// or https://`);
  }
}

async function openBoth(
  at: ListenAt,
  engine: Engine,
  limits: () => TcpLimits,
  threads: number,
  descriptors: Descriptors,
): Promise<Open["listeners"]> {
  for (let attempt = 1; ; attempt++) {
    // TCP first: with node:dgram a UDP socket that shares a port takes its queries from another server that has it.
    const tcp = await listenTcp(at, engine, limits, descriptors);
    try {
      const place = { ...at, port: tcp.port };
      const udp = listenUdpNative(place, engine, threads, descriptors) ?? (await listenUdp(place, engine));
      return [
        { protocol: "udp", listener: udp },
        { protocol: "tcp", listener: tcp },
      ];
    } catch (error) {
      await tcp.close(0);
      if (at.port !== 0 || attempt === TRIES) throw error;
    }
  }
}
