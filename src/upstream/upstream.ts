import type { SecureContext } from "node:tls";
import type { Name } from "../dns/name.ts";
import { encodeMessage } from "../dns/codec.ts";
import { CLASS } from "../dns/rr.ts";
import { FLAG, TYPE } from "../dns/types.ts";
import { carrierTransport, type Carrier } from "./carrier.ts";
import { Exchange } from "./exchange.ts";
import { hostPort } from "./failure.ts";
import { Health } from "./health.ts";
import type { HttpMethod } from "./https.ts";
import type { UpstreamMetrics } from "./metrics.ts";
import { StreamPool } from "./stream-pool.ts";
import { tcpDialer } from "./stream.ts";
import { UdpPool, type PoolOptions } from "./udp-pool.ts";
import { bestUdp } from "./udp-native.ts";

/** One server that can be asked. */
export interface Endpoint {
  readonly transport: "dns" | "tls" | "https";
  readonly address: string;
  readonly port: number;
  /** The name that its certificate must have; undefined: that of the settings, or its address. */
  readonly serverName: string | undefined;
}

/** Ports of the transports where none is given (RFC 1035, RFC 7858, RFC 8484). */
export const DEFAULT_PORT = { dns: 53, tls: 853, https: 443 } as const;

/** How the servers of one list are asked. Times in milliseconds. */
export interface UpstreamSettings {
  readonly source: string | undefined;
  readonly readTimeout: number;
  readonly expire: number;
  readonly maxAge: number;
  readonly maxIdle: number;
  readonly healthCheck: HealthCheck;
  readonly dohMethod: HttpMethod;
  /** Made when the first upstream needs it. */
  readonly tlsContext: () => Promise<SecureContext>;
  readonly serverName: string | undefined;
  readonly metrics: UpstreamMetrics | undefined;
  /** In place of the network. */
  readonly carrier?: Carrier | undefined;
}

export interface HealthCheck {
  readonly interval: number;
  readonly domain: Name;
  readonly recursionDesired: boolean;
  /** Of plain DNS. */
  readonly overTcp: boolean;
}

/** Carries exchanges to one server. */
export interface Transport {
  start(exchange: Exchange): void;
  /** Ends when the last exchange is over. */
  close(): void;
}

export interface Upstream {
  readonly endpoint: Endpoint;
  /** `address:port`: what metrics and messages call it. */
  readonly name: string;
  readonly health: Health;
  /** The network for a question that came over this one. */
  networkFor(protocol: "udp" | "tcp"): "udp" | "tcp";
  start(exchange: Exchange): void;
  close(): void;
}

const HEALTH_TIMEOUT = 1000;
/** Connections at a time. TLS ones are dear, and their servers answer out of order as a rule. */
const MOST_TCP = 64;
const MOST_TLS = 8;

export async function createUpstream(endpoint: Endpoint, settings: UpstreamSettings): Promise<Upstream> {
  const { address, port } = endpoint;
  const name = hostPort(address, port);
  const make = await transportsOf(endpoint, settings);
  const options = (readTimeout: number): PoolOptions => ({
    target: { address, port, source: settings.source },
    remote: name,
    readTimeout,
    expire: settings.expire,
    maxAge: settings.maxAge,
    maxIdle: settings.maxIdle,
    connections: undefined,
  });
  const isPlain = endpoint.transport === "dns";
  const counted = (protocol: string): PoolOptions => ({
    ...options(settings.readTimeout),
    connections: settings.metrics?.connections(name, protocol),
  });
  const stream = make.stream(counted(isPlain ? "tcp" : endpoint.transport === "tls" ? "tcp-tls" : "https"));
  const udp = isPlain ? make.udp(counted("udp")) : stream;

  const { healthCheck } = settings;
  const question = healthQuestion(healthCheck);
  const health = new Health({
    interval: healthCheck.interval,
    async check() {
      const overTcp = !isPlain || healthCheck.overTcp;
      const transport = (overTcp ? make.stream : make.udp)(options(HEALTH_TIMEOUT));
      const isBack = await ask(transport, Buffer.from(question), overTcp ? "tcp" : "udp").then(
        () => true,
        () => false,
      );
      transport.close();
      if (!isBack) settings.metrics?.healthFailed(name);
      return isBack;
    },
  });

  return {
    endpoint,
    name,
    health,
    networkFor: (protocol) => (isPlain ? protocol : "tcp"),
    start(exchange) {
      (exchange.network === "udp" ? udp : stream).start(exchange);
    },
    close() {
      health.stop();
      udp.close();
      stream.close();
    },
  };
}

interface Transports {
  udp(options: PoolOptions): Transport;
  stream(options: PoolOptions): Transport;
}

async function transportsOf(endpoint: Endpoint, settings: UpstreamSettings): Promise<Transports> {
  const { carrier } = settings;
  if (carrier !== undefined) {
    const carried = ({ readTimeout }: PoolOptions): Transport =>
      carrierTransport(carrier, endpoint, readTimeout);
    return { udp: carried, stream: carried };
  }
  const udp = (options: PoolOptions): Transport => new UdpPool(options, bestUdp());
  if (endpoint.transport === "dns") {
    return { udp, stream: (options) => new StreamPool(options, tcpDialer, MOST_TCP) };
  }
  // Encryption costs start-up time that plain servers should not pay.
  const [{ tlsDialer }, context] = await Promise.all([import("./tls.ts"), settings.tlsContext()]);
  const tls = { serverName: endpoint.serverName ?? settings.serverName, context };
  if (endpoint.transport === "tls") {
    const dialer = tlsDialer(tls);
    return { udp, stream: (options) => new StreamPool(options, dialer, MOST_TLS) };
  }
  const { HttpsPool } = await import("./https.ts");
  return { udp, stream: (options) => new HttpsPool(options, tls, settings.dohMethod) };
}

function healthQuestion({ domain, recursionDesired }: HealthCheck): Buffer {
  const question = { name: domain, type: TYPE.NS, class: CLASS.IN };
  const flags = recursionDesired ? FLAG.RD : 0;
  return encodeMessage({ id: 0, flags, question, answer: [], authority: [], additional: [] }).bytes;
}

/** One exchange by itself: the reply's bytes, of the caller's own; rejects with the failure's text. */
export function ask(transport: Transport, packet: Buffer, network: "udp" | "tcp"): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    transport.start(
      new Exchange(packet, network, {
        replied: (reply) => resolve(Buffer.from(reply)),
        failed: ({ text }) => reject(new Error(text)),
      }),
    );
  });
}
