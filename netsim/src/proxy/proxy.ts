/** A real proxy that does to connections what the tables of a Gateway or an IngressClass say. */
import { createSocket } from "node:dgram";
import type { Socket as UdpSocket } from "node:dgram";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { fields } from "../gateway/fields.ts";
import { readRef } from "../gateway/objects.ts";
import { byWeight } from "../gateway/request.ts";
import type { GatewayRequest } from "../gateway/request.ts";
import type { Cluster } from "../model/types.ts";
import { accessLine } from "./access-log.ts";
import { createBackends } from "./backends.ts";
import type { Address } from "./backends.ts";
import { createAuthority } from "./certificates.ts";
import type { Authority } from "./certificates.ts";
import { readClientHello } from "./client-hello.ts";
import { forward } from "./forward.ts";
import type { Outcome, Surroundings } from "./forward.ts";
import { createHttpServers } from "./http-server.ts";
import { isDecided, isHttp2Preface, peek } from "./peek.ts";
import { keyPairOf } from "./secrets.ts";
import { createSite } from "./site.ts";
import type { Served, Site } from "./site.ts";
import { createUdpFlows, joinStream } from "./streams.ts";
import { createTlsFront } from "./tls.ts";
import { createSessions } from "./upstream.ts";
import { upgrade } from "./upgrade.ts";

/** A place to listen, and the Gateway's port that it stands for. */
export interface Listen {
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  readonly gatewayPort: number;
}

export interface ProxyOptions {
  readonly served: Served;
  readonly listen: readonly Listen[];
  /** By `namespace/service:port`. */
  readonly backends?: ReadonlyMap<string, Address>;
  /** Go to the addresses in EndpointSlices instead of echo servers. */
  readonly endpoints?: boolean;
  /** Numbers from 0 up to 1, for weights and mirrors. */
  readonly random?: () => number;
  /** A line for each request. */
  readonly log?: (line: string) => void;
  /** What else should be known: certificates that were made, input that cannot be used. */
  readonly say?: (text: string) => void;
}

export interface Proxy {
  /** In the order of `listen`, with the ports that were free. */
  readonly addresses: readonly Listen[];
  /** PEM of the authority that the certificates made here come from. */
  authority(): string;
  /** Goes by another state of the cluster from the next request on; open connections stay. False when the Gateway is gone. */
  update(cluster: Cluster): boolean;
  /** Requests that echo servers have had, by `namespace/service:port`. */
  served(): ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/** Rejects where an address cannot be listened on; undefined when the cluster has no such Gateway. */
export async function startProxy(cluster: Cluster, options: ProxyOptions): Promise<Proxy | undefined> {
  const first = createSite(cluster, options.served);
  if (first === undefined) return undefined;
  let site: Site = first;
  let made: Authority | undefined;
  const authority = (): Authority => (made ??= createAuthority());
  const { random = Math.random, log = () => undefined, say = () => undefined } = options;
  const backends = createBackends({
    addresses: options.backends ?? new Map<string, Address>(),
    endpoints: options.endpoints ?? false,
    authority,
  });
  const sessions = createSessions();
  const pick = byWeight(random);
  const around = (): Surroundings => ({
    site,
    backends,
    sessions,
    pick,
    random,
    echoAuthority: () => authority().certificate,
    own: ownCertificate(site),
  });
  const note =
    (client: string, method: string, url: string, protocol: string) =>
    (since: number, { answer, status, mirrored, tries, fault }: Outcome): void => {
      const milliseconds = performance.now() - since;
      log(
        accessLine({ client, method, url, protocol, status, milliseconds, answer, mirrored, tries, fault }),
      );
    };
  const noteStream = (client: string, protocol: string, port: number, name = "") => {
    const entry = note(client, "CONNECT", `${protocol}://${name}:${port}`, protocol.toUpperCase());
    const since = performance.now();
    return (outcome: Outcome): void => entry(since, outcome);
  };

  const ports = new Map<number, ReturnType<typeof createHttpServers>>();
  const serversFor = (port: number) => {
    const known = ports.get(port);
    if (known !== undefined) return known;
    const url = ({ scheme, host, path }: GatewayRequest): string => `${scheme}://${host}${path}`;
    const servers = createHttpServers({
      request(request, incoming, outgoing) {
        const client = clientOf(incoming.socket);
        const since = performance.now();
        const done = note(client, request.method, url(request), `HTTP/${incoming.httpVersion}`);
        void forward(around(), request, port, client, incoming, outgoing).then(
          (outcome) => done(since, outcome),
          // A fault of the proxy itself ends the one request that it struck.
          (error: unknown) => {
            say(`${url(request)}: ${(error as Error).message}`);
            outgoing.destroy();
          },
        );
      },
      upgrade(request, incoming, socket, head) {
        const client = clientOf(incoming.socket);
        const since = performance.now();
        const done = note(client, request.method, url(request), `HTTP/${incoming.httpVersion}`);
        void upgrade(around(), request, port, client, incoming, socket, head).then(
          (outcome) => done(since, outcome),
          () => socket.destroy(),
        );
      },
    });
    ports.set(port, servers);
    return servers;
  };

  const tls = createTlsFront({
    authority,
    say,
    secured(socket, port, listener) {
      socket.on("error", () => socket.destroy());
      if (listener?.protocol !== "TLS")
        return void serversFor(port).take(socket, socket.alpnProtocol === "h2");
      const name = typeof socket.servername === "string" ? socket.servername : "";
      const done = noteStream(clientOf(socket), "tls", port, name);
      void joinStream(around(), socket, port, name, true).then(done, () => socket.destroy());
    },
  });

  async function take(socket: Socket, port: number): Promise<void> {
    socket.on("error", () => socket.destroy());
    const now = site;
    const { kind } = now.plan(port);
    if (kind === "tcp") {
      const done = noteStream(clientOf(socket), "tcp", port);
      return done(await joinStream(around(), socket, port, "", false));
    }
    if (kind === "http") {
      const bytes = await peek(socket, isDecided);
      return bytes === undefined ? undefined : serversFor(port).take(socket, isHttp2Preface(bytes));
    }
    if (kind !== "tls") return void socket.destroy();
    const bytes = await peek(socket, (some) => readClientHello(some) !== undefined);
    const hello = bytes === undefined ? undefined : readClientHello(bytes);
    if (hello?.isTls !== true) return void socket.destroy();
    const listener = now.table?.listenerFor(port, hello.name);
    if (!now.isPassthrough(port, hello.name)) return tls.take(now, socket, port, listener);
    const done = noteStream(clientOf(socket), "tls", port, hello.name);
    done(await joinStream(around(), socket, port, hello.name, false));
  }

  const fronts: Front[] = [];
  try {
    for (const one of options.listen) {
      const isUdp = site.plan(one.gatewayPort).kind === "udp";
      fronts.push(
        await (isUdp
          ? listenUdp(one, around, (client, outcome) => noteStream(client, "udp", one.gatewayPort)(outcome))
          : listenTcp(one, (socket) => {
              take(socket, one.gatewayPort).catch(() => socket.destroy());
            })),
      );
    }
  } catch (error) {
    await Promise.all(fronts.map((front) => front.close()));
    throw error;
  }
  return {
    addresses: fronts.map(({ listen }) => listen),
    authority: () => authority().certificate,
    update(next) {
      const changed = createSite(next, options.served);
      if (changed === undefined) return false;
      site = changed;
      return true;
    },
    served: () => backends.served(),
    async close() {
      for (const servers of ports.values()) servers.close();
      tls.close();
      sessions.close();
      await Promise.all([...fronts.map((front) => front.close()), backends.close()]);
    },
  };
}

const clientOf = (socket: { readonly remoteAddress?: string | undefined }): string =>
  (socket.remoteAddress ?? "?").replace(/^::ffff:/, "");

/** What `spec.tls.backend.clientCertificateRef` names. */
function ownCertificate({ cluster, table }: Site) {
  const given = fields(fields(fields(table?.gateway.spec)["tls"])["backend"])["clientCertificateRef"];
  if (given === undefined || table === undefined) return undefined;
  return keyPairOf(cluster, readRef(given, table.gateway.metadata.namespace, "Secret"));
}

interface Front {
  readonly listen: Listen;
  close(): Promise<void>;
}

async function listenTcp(wanted: Listen, take: (socket: Socket) => void): Promise<Front> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ pauseOnConnect: false, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    take(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(wanted.port, wanted.host, () => {
      server.removeListener("error", reject);
      // Too many open files and the like: the connection is lost, not the proxy.
      server.on("error", () => undefined);
      resolve();
    });
  });
  return {
    listen: { ...wanted, port: (server.address() as AddressInfo).port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function listenUdp(
  wanted: Listen,
  around: () => Surroundings,
  log: (client: string, outcome: Outcome) => void,
): Promise<Front> {
  const socket: UdpSocket = createSocket(wanted.host.includes(":") ? "udp6" : "udp4");
  const flows = createUdpFlows(socket, wanted.gatewayPort, around, log);
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(wanted.port, wanted.host, () => {
      socket.removeListener("error", reject);
      socket.on("error", () => undefined);
      resolve();
    });
  });
  socket.on("message", (message, from) => flows.take(message, from));
  return {
    listen: { ...wanted, port: socket.address().port },
    close: () =>
      new Promise((resolve) => {
        flows.close();
        socket.close(() => resolve());
      }),
  };
}
