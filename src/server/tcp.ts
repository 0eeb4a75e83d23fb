/** DNS over TCP (RFC 7766): messages with a length in front; one query at a time on a connection, answered in order. */
import { createServer as createNetServer, type AddressInfo, type Socket } from "node:net";
import type { Peer } from "../dns/query.ts";
import { MAX_MESSAGE } from "../dns/reply.ts";
import { listenOn, type Descriptors } from "./descriptors.ts";
import type { Engine, Sink } from "./engine.ts";
import { listenError, type ListenAt, type Listener } from "./listener.ts";
import { plainPeer } from "./peer.ts";

/** Milliseconds, and queries on one connection (0: no limit). */
export interface TcpLimits {
  readonly read: number;
  readonly write: number;
  readonly idle: number;
  readonly maxQueries: number;
}

/** Reading pauses while more than this many bytes wait to be sent. */
const MAX_UNSENT = 64 * 1024;

export async function listenTcp(
  at: ListenAt,
  engine: Engine,
  limits: () => TcpLimits,
  descriptors: Descriptors,
): Promise<Listener> {
  const connections = new Set<Connection>();
  const server = createNetServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const connection = serveConnection(socket, engine, limits());
    connections.add(connection);
    socket.on("close", () => connections.delete(connection));
  });
  const release = await listenOn(server, at, descriptors).catch((error: NodeJS.ErrnoException) => {
    throw listenError("tcp", at, error);
  });
  const { address, port } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  return {
    engine,
    address,
    port,
    closeConnections() {
      for (const connection of connections) connection.finish();
    },
    async close(graceMs, serveOn = false) {
      release();
      closed ??= new Promise<void>((resolve) => server.close(() => resolve()));
      if (!serveOn) for (const connection of connections) connection.finish();
      const timer = setTimeout(() => {
        for (const connection of connections) connection.destroy();
      }, graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

export interface Connection {
  /** Answers what is in work, then ends. */
  finish(): void;
  destroy(): void;
}

/** Serves one connection; also for streams that only look like one (TLS). */
export function serveConnection(socket: Socket, engine: Engine, limits: TcpLimits): Connection {
  const peer: Peer = plainPeer(
    "tcp",
    { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 },
    { address: socket.localAddress ?? "", port: socket.localPort ?? 0 },
  );
  let input: Buffer = Buffer.alloc(0);
  let busy = false;
  let ended = false;
  let finishing = false;
  let queries = 0;
  let deadline = setTimeout(expire, limits.read);

  function expire(): void {
    if (!busy) socket.destroy();
  }

  const rest = (): void => {
    clearTimeout(deadline);
    deadline = setTimeout(expire, limits.idle);
  };

  const write = (bytes: Buffer): void => {
    if (!socket.writable) return;
    const drained = socket.write(bytes);
    if (!drained) armWrite();
    if (socket.writableLength > MAX_UNSENT) socket.pause();
  };

  let writeTimer: NodeJS.Timeout | undefined;
  const armWrite = (): void => {
    if (writeTimer !== undefined) return;
    writeTimer = setTimeout(() => socket.destroy(), limits.write);
    socket.once("drain", () => {
      clearTimeout(writeTimer);
      writeTimer = undefined;
      socket.resume();
      work();
    });
  };

  const sink = (): Sink => ({
    reply(bytes) {
      if (bytes !== undefined) write(framed(bytes));
      busy = false;
      rest();
      work();
    },
    stream(messages) {
      void sendStream(socket, messages).then(() => {
        busy = false;
        rest();
        work();
      });
    },
  });

  /** Answers whatever is complete, until an answer has to be waited for. The replies of one turn go out in one write. */
  function work(): void {
    if (busy || socket.destroyed) return;
    let used = 0;
    let room = 0;
    const replies: Buffer[] = [];
    while (!busy && !finishing && room + socket.writableLength <= MAX_UNSENT && input.length - used >= 2) {
      const length = input.readUInt16BE(used);
      if (input.length - used - 2 < length) break;
      const start = used + 2;
      used = start + length;
      if (length < 12) continue;
      if (limits.maxQueries > 0 && ++queries > limits.maxQueries) {
        finishing = true;
        break;
      }
      busy = true;
      const size = engine.serve(input, start, used, peer, scratch, 2, sink);
      if (size < 0) break;
      busy = false;
      if (size > 0) {
        scratch.writeUInt16BE(size, 0);
        replies.push(Buffer.from(scratch.subarray(0, size + 2)));
        room += size + 2;
      }
    }
    input = used === input.length ? EMPTY : input.subarray(used);
    if (replies.length > 0) {
      write(replies.length === 1 ? replies[0]! : Buffer.concat(replies));
      if (!busy) rest();
    }
    if (!busy && (finishing || (ended && !hasMessage(input)))) socket.end();
  }

  socket.on("data", (chunk: Buffer) => {
    input = input.length === 0 ? chunk : Buffer.concat([input, chunk]);
    // A client that sends on while it waits is not read further: what it may send is bounded by the kernel's buffer.
    if (input.length > MAX_UNSENT + MAX_MESSAGE) socket.pause();
    work();
    if (input.length <= MAX_UNSENT && socket.writableLength <= MAX_UNSENT) socket.resume();
  });
  socket.on("end", () => {
    ended = true;
    work();
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    clearTimeout(deadline);
    clearTimeout(writeTimer);
  });
  return {
    finish() {
      finishing = true;
      if (!busy) socket.end();
    },
    destroy: () => void socket.destroy(),
  };
}

const EMPTY: Buffer = Buffer.alloc(0);
const scratch: Buffer = Buffer.allocUnsafe(MAX_MESSAGE + 2);

const hasMessage = (input: Buffer): boolean => input.length >= 2 && input.length - 2 >= input.readUInt16BE(0);

function framed(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.length + 2);
  out.writeUInt16BE(bytes.length, 0);
  bytes.copy(out, 2);
  return out;
}

/** Makes a message when the one before has gone: a slow receiver of a large zone costs one message of memory. */
async function sendStream(socket: Socket, messages: AsyncIterable<Buffer>): Promise<void> {
  for await (const message of messages) {
    if (!socket.writable) return;
    if (!socket.write(framed(message))) {
      await new Promise<void>((resolve) => {
        socket.once("drain", resolve);
        socket.once("close", resolve);
      });
    }
  }
}
