/** A UDP socket towards one upstream. What uses it knows only this interface, so that another kind of socket can take its place. */
import { createSocket, type Socket } from "node:dgram";
import { hostPort } from "./failure.ts";

export interface UdpSocket {
  /** `address:port` of our end. */
  readonly local: string;
  /** Sends one datagram. The bytes must stay as they are. Failures are told by `failed`. */
  send(packet: Buffer): void;
  close(): void;
}

export interface UdpEvents {
  /** A datagram from the upstream and from nobody else. The bytes are good until this returns. */
  received(packet: Buffer): void;
  /** The upstream refused, or the socket can't be used: `syscall` of the error says at what. */
  failed(error: NodeJS.ErrnoException): void;
}

export interface UdpTarget {
  readonly address: string;
  readonly port: number;
  /** Our address; undefined: as the routing table says. */
  readonly source: string | undefined;
}

/**
 * Opens a socket on a port that the kernel draws, connected to the target: so the kernel drops what others send, and tells of
 * a port that is closed. Throws what the system says to `bind`.
 */
export type OpenUdp = (target: UdpTarget, events: UdpEvents) => UdpSocket;

/** Opens sockets of `node:dgram`. */
export const openDgram: OpenUdp = ({ address, port, source }, events) => {
  const family = address.includes(":") ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? "udp6" : "udp4",
    recvBufferSize: 1024 * 1024,
    // Addresses are never names here: an answer at once lets the socket be used in the same turn.
    lookup: (name, _options, done) => done(null, name, family),
  });
  let bindError: NodeJS.ErrnoException | undefined;
  const onBindError = (error: NodeJS.ErrnoException): void => {
    bindError = error;
  };
  socket.on("error", onBindError);
  try {
    socket.bind({ port: 0, exclusive: true, ...(source === undefined ? {} : { address: source }) });
    if (bindError === undefined) socket.connect(port, address);
  } catch (error) {
    bindError = error as NodeJS.ErrnoException;
  }
  if (bindError !== undefined) {
    close(socket, onBindError);
    throw bindError;
  }
  const onError = (error: NodeJS.ErrnoException): void => events.failed(error);
  const onSent = (error: Error | null): void => {
    if (error !== null) events.failed(error);
  };
  socket.off("error", onBindError);
  socket.on("error", onError);
  socket.on("message", (packet) => events.received(packet));
  socket.unref();
  const isConnected = hasPeer(socket);
  const local = socket.address();
  return {
    local: hostPort(local.address, local.port),
    send(packet) {
      // Where `connect` failed, its error is on the way.
      if (isConnected) socket.send(packet, onSent);
    },
    close: () => close(socket, onError),
  };
};

function hasPeer(socket: Socket): boolean {
  try {
    socket.remoteAddress();
    return true;
  } catch {
    return false;
  }
}

function close(socket: Socket, listener: (error: NodeJS.ErrnoException) => void): void {
  socket.off("error", listener);
  socket.on("error", () => undefined);
  try {
    socket.close();
  } catch {
    // It never got as far as to be open.
  }
}
