/** The servers behind a port: HTTP/1.1 and HTTP/2, with limits on what a client may do to them. */
import { createServer as createHttp } from "node:http";
import type { IncomingMessage } from "node:http";
import { createServer as createH2 } from "node:http2";
import type { Duplex } from "node:stream";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { GatewayRequest } from "../gateway/request.ts";
import type { Incoming, Outgoing } from "./forward.ts";
import { readHeaders } from "./headers.ts";

export interface Handlers {
  request(request: GatewayRequest, incoming: Incoming, outgoing: Outgoing): void;
  upgrade(request: GatewayRequest, incoming: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export interface HttpServers {
  /** Takes a connection whose first octets have been looked at. */
  take(socket: Socket, isHttp2: boolean): void;
  close(): void;
}

/** 16 kB of headers, as nginx and Envoy have it more or less; more is a 431. */
const LIMITS = {
  maxHeaderSize: 16 << 10,
  headersTimeout: 30_000,
  requestTimeout: 300_000,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 5000,
};

const BROKEN: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

export function createHttpServers(handlers: Handlers, limits = LIMITS): HttpServers {
  const h1 = createHttp(limits, (incoming, outgoing) =>
    handlers.request(requestOf(incoming), incoming, outgoing),
  );
  // Node looks for slow clients from this event on; the server itself never listens.
  h1.emit("listening");
  h1.on("upgrade", (incoming: IncomingMessage, socket, head) => {
    handlers.upgrade(requestOf(incoming), incoming, socket, head);
  });
  h1.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable) return void socket.destroy();
    const status = BROKEN[error.code ?? ""] ?? "400 Bad Request";
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  });
  h1.on("connect", (_, socket: Duplex) => {
    socket.end("HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  const h2 = createH2({
    maxSessionMemory: 32,
    settings: { maxConcurrentStreams: 256, maxHeaderListSize: limits.maxHeaderSize },
  });
  h2.on("request", (incoming, outgoing) => {
    incoming.on("error", () => undefined);
    handlers.request(requestOf(incoming), incoming, outgoing);
  });
  h2.on("session", (session) => {
    session.on("error", () => session.destroy());
    session.setTimeout(limits.requestTimeout, () => session.close());
  });
  h2.on("sessionError", () => undefined);
  return {
    take(socket, isHttp2) {
      if (!socket.destroyed) (isHttp2 ? h2 : h1).emit("connection", socket);
    },
    close() {
      h1.close();
      h1.closeAllConnections();
      h2.close();
    },
  };
}

/** A request line may hold a whole URL, whose authority then counts (RFC 9112, 3.2.2). */
function requestOf(incoming: Incoming): GatewayRequest {
  const socket = incoming.socket as TLSSocket;
  const isTls = "getPeerCertificate" in socket && socket.encrypted;
  const authority = (incoming.headers as Record<string, string | undefined>)[":authority"];
  const url = incoming.url ?? "/";
  const absolute = /^https?:\/\/([^/?#]*)([^#]*)/i.exec(url);
  const path = absolute === null ? url : absolute[2] === "" ? "/" : (absolute[2] ?? "/");
  const name = typeof socket.servername === "string" ? socket.servername : "";
  return {
    host: absolute?.[1] ?? authority ?? incoming.headers.host ?? "",
    path: path.startsWith("/") || path === "*" ? path : `/${path}`,
    method: incoming.method ?? "GET",
    headers: readHeaders(incoming.rawHeaders),
    scheme: isTls ? "https" : "http",
    ...(isTls && name !== "" && { sni: name }),
  };
}
