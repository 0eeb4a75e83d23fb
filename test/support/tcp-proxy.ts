/** A TCP proxy on loopback that a test can have fail as networks do. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface TcpProxy {
  readonly port: number;
  /** Connections that are open now stay open, and nothing passes through them any more: as when a firewall drops packets. */
  freezeOpen(): void;
  /** The same for all, also those that come. */
  freeze(): void;
  /** What was frozen stays so, what comes from now on passes. */
  thaw(): void;
  /** Resets every connection, and all that come until `thaw`. */
  cut(): void;
  readonly connections: number;
  close(): Promise<void>;
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  let state: "open" | "frozen" | "cut" = "open";
  const pairs = new Set<readonly [Socket, Socket]>();

  const server = createServer({ noDelay: true }, (near) => {
    if (state === "cut") return void near.resetAndDestroy();
    const far = connect({ port: targetPort, host: "127.0.0.1", noDelay: true });
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [one, other] of [pair, [far, near] as const]) {
      one.on("error", () => other.destroy());
      one.on("close", () => {
        pairs.delete(pair);
        other.destroy();
      });
      one.pipe(other);
    }
    if (state === "frozen") freezePair(pair);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const freezeOpen = (): void => {
    for (const pair of pairs) freezePair(pair);
  };
  return {
    port: (server.address() as { port: number }).port,
    freezeOpen,
    freeze: () => {
      state = "frozen";
      freezeOpen();
    },
    thaw: () => {
      state = "open";
    },
    cut: () => {
      state = "cut";
      for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
    },
    get connections() {
      return pairs.size;
    },
    close: async () => {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      await once(server.close(), "close");
    },
  };
}

function freezePair([near, far]: readonly [Socket, Socket]): void {
  near.unpipe(far).pause();
  far.unpipe(near).pause();
}
