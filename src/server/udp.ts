/** UDP on `node:dgram`: what runs where the batched native socket is not available. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { plainPeer, type Endpoint } from "./peer.ts";
import { PENDING, type Engine, type Sink } from "./engine.ts";
import { listenError, type ListenAt, type Listener } from "./listener.ts";

/** Longer datagrams are cut, as in CoreDNS: a query has no need of more. */
const MAX_QUERY = 512;
/** A reply over UDP is at most this long: what an IPv4 datagram holds. */
const MAX_REPLY = 65507;
/** Replies that the kernel did not take at once wait in these buffers. */
const BUFFERS = 64;

export async function listenUdp(at: ListenAt, engine: Engine): Promise<Listener> {
  const v6 = at.address === "" || at.address.includes(":");
  const socket = await open(at, v6).catch((error: NodeJS.ErrnoException) => {
    // A machine without IPv6 has no dual-stack socket.
    if (at.address === "" && error.code === "EAFNOSUPPORT") return open({ ...at, address: "0.0.0.0" }, false);
    throw listenError("udp", at, error);
  });
  const local: Endpoint = socket.address();
  const free: Buffer[] = [];
  let pending = 0;
  let closing = false;
  let idle: (() => void) | undefined;

  const settled = (): void => {
    pending--;
    if (pending === 0) idle?.();
  };

  const send = (bytes: Buffer, length: number, remote: RemoteInfo, done: () => void): void => {
    pending++;
    socket.send(bytes, 0, Math.min(length, MAX_REPLY), remote.port, remote.address, () => {
      done();
      settled();
    });
  };

  socket.on("message", (packet, remote) => {
    if (closing) return;
    const out = free.pop() ?? Buffer.allocUnsafeSlow(MAX_REPLY);
    const release = (): void => {
      if (free.length < BUFFERS) free.push(out);
    };
    const sink = (): Sink => {
      pending++;
      return {
        reply(bytes) {
          if (bytes !== undefined) send(bytes, bytes.length, remote, () => undefined);
          settled();
        },
        stream: settled,
      };
    };
    const end = Math.min(packet.length, MAX_QUERY);
    const length = engine.serve(packet, 0, end, plainPeer("udp", remote, local), out, 0, sink);
    if (length > 0) send(out, length, remote, release);
    else release();
    if (length === PENDING) return;
  });
  // Such as an ICMP refusal for an earlier reply: the client's business.
  socket.on("error", () => undefined);

  return {
    engine,
    address: local.address,
    port: local.port,
    closeConnections: () => undefined,
    async close(graceMs) {
      closing = true;
      if (pending > 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, graceMs);
          idle = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    },
  };
}

function open(at: ListenAt, v6: boolean): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: v6 ? "udp6" : "udp4",
      reuseAddr: true,
      recvBufferSize: 4 * 1024 * 1024,
    });
    socket.once("error", reject);
    socket.bind({ port: at.port, address: at.address === "" ? "::" : at.address, exclusive: true }, () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}
