/** Pools of sockets and connections to one upstream, and single exchanges over them. */
import dnsPacket from "dns-packet";
import type { Test } from "tap";
import { Exchange } from "../../src/upstream/exchange.ts";
import { StreamPool } from "../../src/upstream/stream-pool.ts";
import { tcpDialer } from "../../src/upstream/stream.ts";
import { UdpPool, type PoolOptions } from "../../src/upstream/udp-pool.ts";
import type { OpenUdp } from "../../src/upstream/udp-socket.ts";

const question = (name = "www.example.org"): Buffer =>
  dnsPacket.encode({ type: "query", id: 0, flags: 0x100, questions: [{ name, type: "A" }] });

export interface Pool {
  start(exchange: Exchange): void;
  close(): void;
}

export interface Outcome {
  readonly reply?: Buffer;
  readonly text?: string;
  readonly stale?: boolean;
}

/** Those of a pool to this port of loopback. */
export const options = (port: number, more: Partial<PoolOptions> = {}): PoolOptions => ({
  target: { address: "127.0.0.1", port, source: undefined },
  remote: `127.0.0.1:${port}`,
  readTimeout: 2000,
  expire: 10_000,
  maxAge: 0,
  maxIdle: 0,
  connections: undefined,
  ...more,
});

export type MakeUdp = (t: Test, upstream: { port: number }, more?: Partial<PoolOptions>) => UdpPool;
export const udpPools =
  (open: OpenUdp): MakeUdp =>
  (t, upstream, more = {}) => {
    const pool = new UdpPool(options(upstream.port, more), open);
    t.teardown(() => pool.close());
    return pool;
  };

export function tcpPool(
  t: Test,
  upstream: { port: number },
  more: Partial<PoolOptions> = {},
  most = 64,
): StreamPool {
  const pool = new StreamPool(options(upstream.port, more), tcpDialer, most);
  t.teardown(() => pool.close());
  return pool;
}

export function ask(pool: Pool, network: "udp" | "tcp", name?: string): Promise<Outcome> {
  return new Promise((resolve) => {
    pool.start(
      new Exchange(question(name), network, {
        replied: (reply) => resolve({ reply: Buffer.from(reply) }),
        failed: ({ text, stale = false }) => resolve({ text, stale }),
      }),
    );
  });
}

/** The address of the reply, or the failure's text. */
export const address = ({ reply, text }: Outcome): string =>
  reply === undefined ? text! : String(dnsPacket.decode(reply).answers[0]?.data);
