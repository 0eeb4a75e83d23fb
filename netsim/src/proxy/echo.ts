/**
 * Backends that answer with what they were asked, as JSON, for a cluster of which only manifests are there. What the echo server of the
 * Gateway API's conformance suite understands is understood: `?delay=1s` in the path, the header `X-Echo-Set-Header: Name: value`,
 * and paths `/status/503`; beside it WebSockets, gRPC (one message with the JSON) and plain connections.
 */
import { createHash } from "node:crypto";
import { createServer as createHttp } from "node:http";
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import { createServer as createH2 } from "node:http2";
import type { Http2Server, Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { createServer as createNet } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer as createTls } from "node:tls";
import { parseDuration } from "../gateway/forward.ts";
import type { KeyPair } from "./certificates.ts";
import { isHttp2Preface, peek } from "./peek.ts";

/** Whom an echo server stands for. */
export interface EchoIdentity {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  /** Pods behind the Service, which take turns; empty where the input has none. */
  readonly pods: readonly string[];
}

export interface EchoServer {
  readonly port: number;
  /** Requests and connections so far. */
  served(): number;
  close(): Promise<void>;
}

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

/** Listens on a free port of the loopback; with a certificate it speaks TLS and nothing else. */
export async function startEcho(identity: EchoIdentity, certificate?: KeyPair): Promise<EchoServer> {
  let count = 0;
  const serve = (request: Request, response: Response): void => {
    const pod = identity.pods[count++ % Math.max(1, identity.pods.length)];
    answer(identity, pod, request, response);
  };
  const h1 = createHttp(serve as never);
  h1.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    count++;
    echoWebSocket(JSON.stringify(said(identity, identity.pods[0], request)), request, socket, head);
  });
  const h2 = createH2(serve as never);
  const take = async (socket: Socket): Promise<void> => {
    socket.on("error", () => socket.destroy());
    const first = await peek(socket);
    if (first === undefined || socket.destroyed) return;
    if (isHttp2Preface(first)) h2.emit("connection", socket);
    else if (/^[A-Z]{3,20} \S/.test(first.toString("latin1", 0, 32))) h1.emit("connection", socket);
    else {
      count++;
      echoStream(identity, socket);
    }
  };
  const sockets = new Set<Socket>();
  const server: Server =
    certificate === undefined
      ? createNet((socket) => void take(socket))
      : createTls(
          { cert: certificate.certificate, key: certificate.key, ALPNProtocols: ["h2", "http/1.1"] },
          (socket) => void take(socket),
        );
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  });
  await listen(server);
  return {
    port: (server.address() as AddressInfo).port,
    served: () => count,
    close: () => closeAll([server], [h1, h2], sockets),
  };
}

const listen = (server: Server): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      server.removeListener("error", reject);
      server.on("error", () => undefined);
      resolve();
    });
  });

async function closeAll(
  servers: readonly Server[],
  inner: readonly (HttpServer | Http2Server)[],
  sockets: ReadonlySet<Socket>,
): Promise<void> {
  for (const one of inner) one.close();
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
}

/** What the conformance suite's echo server says of a request, and the port and Service beside it. */
function said(identity: EchoIdentity, pod: string | undefined, request: Request): object {
  const { namespace, service, port } = identity;
  const headers: Record<string, string[]> = {};
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i] ?? "";
    if (!name.startsWith(":")) (headers[name] ??= []).push(request.rawHeaders[i + 1] ?? "");
  }
  const authority = (request.headers as Record<string, string | undefined>)[":authority"];
  return {
    namespace,
    service,
    port,
    pod: pod ?? null,
    method: request.method,
    path: request.url,
    host: authority ?? request.headers.host ?? "",
    proto: `HTTP/${request.httpVersion}`,
    headers,
  };
}

/** Longest that a request can ask an echo server to wait. */
const MOST_DELAY = 60_000;

function answer(identity: EchoIdentity, pod: string | undefined, request: Request, response: Response): void {
  const isGrpc = (request.headers["content-type"] ?? "").startsWith("application/grpc");
  const url = new URL(request.url ?? "/", "http://echo");
  const delay = Math.min(parseDuration(url.searchParams.get("delay") ?? undefined) ?? 0, MOST_DELAY);
  let size = 0;
  request.on("data", (chunk: Buffer) => (size += chunk.length));
  request.on("error", () => undefined);
  response.on("error", () => undefined);
  request.on("end", () => {
    const timer = setTimeout(() => {
      if (response.destroyed || response.writableEnded) return;
      const body = JSON.stringify({ ...said(identity, pod, request), body: size }, undefined, 1);
      const status = Number(/^\/status\/([2-5]\d\d)$/.exec(url.pathname)?.[1] ?? 200);
      for (const [name, value] of wantedHeaders(request)) response.setHeader(name, value);
      if (isGrpc) sendGrpc(response as Http2ServerResponse, Buffer.from(body));
      else {
        response.statusCode = status;
        response.setHeader("content-type", "application/json");
        response.end(status === 204 || status === 304 ? "" : `${body}\n`);
      }
    }, delay);
    response.on("close", () => clearTimeout(timer));
  });
}

/** `X-Echo-Set-Header: One: a, Two: b`. */
function wantedHeaders(request: Request): [string, string][] {
  const given = request.headers["x-echo-set-header"];
  const text = Array.isArray(given) ? given.join(",") : (given ?? "");
  return text.split(",").flatMap((pair): [string, string][] => {
    const [, name, value] = /^\s*([\w-]+):\s*([\t\x20-\x7e]*?)\s*$/.exec(pair) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value]];
  });
}

/** One message (a flag, its length, its octets), and status 0 behind it (gRPC over HTTP/2). */
function sendGrpc(response: Http2ServerResponse, message: Buffer): void {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  response.setHeader("content-type", "application/grpc");
  response.write(Buffer.concat([head, message]));
  response.addTrailers({ "grpc-status": "0" });
  response.end();
}

/** Says who it is when the first octets come, then gives back what it gets. */
function echoStream({ namespace, service, port, pods }: EchoIdentity, socket: Socket): void {
  socket.once("data", () =>
    socket.write(`${JSON.stringify({ namespace, service, port, pod: pods[0] ?? null })}\n`),
  );
  socket.pipe(socket);
}

/** Text frames come back as they were (RFC 6455); what is longer than 64 kB ends the connection. */
function echoWebSocket(greeting: string, request: IncomingMessage, socket: Socket, head: Buffer): void {
  socket.on("error", () => socket.destroy());
  const accept = createHash("sha1")
    .update(`${request.headers["sec-websocket-key"] ?? ""}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.write(frame(1, Buffer.from(greeting)));
  let held = head;
  const read = (chunk: Buffer): void => {
    held = Buffer.concat([held, chunk]);
    for (let parsed = parseFrame(held); parsed !== undefined; parsed = parseFrame(held)) {
      held = held.subarray(parsed.size);
      if (parsed.opcode === 8) return void socket.end(frame(8, parsed.data));
      socket.write(frame(parsed.opcode === 9 ? 10 : parsed.opcode, parsed.data));
    }
    if (held.length > 1 << 17) socket.destroy();
  };
  socket.on("data", read);
  if (head.length > 0) read(Buffer.alloc(0));
}

function frame(opcode: number, data: Buffer): Buffer {
  if (data.length < 126) return Buffer.concat([Buffer.from([0x80 | opcode, data.length]), data]);
  const head = Buffer.from([0x80 | opcode, 126, 0, 0]);
  head.writeUInt16BE(data.length, 2);
  return Buffer.concat([head, data]);
}

/** A client's frame, its mask taken off; undefined until it is whole, and for the longest kind. */
function parseFrame(bytes: Buffer): { opcode: number; data: Buffer; size: number } | undefined {
  if (bytes.length < 2) return undefined;
  const [first = 0, second = 0] = bytes;
  const isLong = (second & 127) === 126;
  if ((second & 127) === 127 || bytes.length < (isLong ? 4 : 2)) return undefined;
  const length = isLong ? bytes.readUInt16BE(2) : second & 127;
  const maskAt = isLong ? 4 : 2;
  const isMasked = (second & 128) !== 0;
  const dataAt = maskAt + (isMasked ? 4 : 0);
  if (bytes.length < dataAt + length) return undefined;
  const data = Buffer.from(bytes.subarray(dataAt, dataAt + length));
  if (isMasked) for (let i = 0; i < length; i++) data[i] = (data[i] ?? 0) ^ (bytes[maskAt + (i % 4)] ?? 0);
  return { opcode: first & 15, data, size: dataAt + length };
}
