/** DNS over HTTP (RFC 8484) as CoreDNS serves `https://`: without TLS it is plain HTTP, for a proxy in front. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { decodeMessage } from "../dns/codec.ts";
import { MAX_MESSAGE } from "../dns/reply.ts";
import { OPCODE, RCODE, FLAG } from "../dns/types.ts";
import { listenOn, type Descriptors } from "./descriptors.ts";
import { PENDING, type Engine } from "./engine.ts";
import { listenError, type ListenAt, type Listener } from "./listener.ts";
import { plainPeer } from "./peer.ts";

const PATH = "/dns-query";
const CONTENT_TYPE = "application/dns-message";
/** Seconds that a reply may be kept by HTTP caches: at most, and where the reply says nothing of it. */
const MAX_AGE = 3600;
const ERROR_AGE = 5;

export async function listenHttps(at: ListenAt, engine: Engine, descriptors: Descriptors): Promise<Listener> {
  const server = createServer((request, response) => void respond(engine, request, response));
  server.on("clientError", (_error, socket) => socket.destroy());
  const release = await listenOn(server, at, descriptors).catch((error: NodeJS.ErrnoException) => {
    throw listenError("tcp", at, error);
  });
  const { address, port } = server.address() as AddressInfo;
  return {
    engine,
    address,
    port,
    closeConnections: () => server.closeIdleConnections(),
    async close(graceMs) {
      release();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

async function respond(engine: Engine, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost");
  if (url.pathname !== PATH) return finish(response, 404, "\n");
  const message = await readMessage(request, url);
  if (message === undefined || !isServed(message)) return finish(response, 400, "invalid request\n");
  const reply = await serve(engine, message, request.socket);
  if (reply === undefined) return finish(response, 500, "No response\n");
  response.writeHead(200, {
    "content-type": CONTENT_TYPE,
    "content-length": reply.length,
    "cache-control": `max-age=${maxAge(reply)}`,
  });
  response.end(reply);
}

function finish(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(body);
}

async function readMessage(request: IncomingMessage, url: URL): Promise<Buffer | undefined> {
  if (request.method === "GET") {
    const [given, ...more] = url.searchParams.getAll("dns");
    // Unpadded base64url only (RFC 8484 §4.1).
    if (given === undefined || more.length > 0 || !/^[\w-]+$/.test(given)) return undefined;
    return Buffer.from(given, "base64url");
  }
  if (request.method !== "POST") return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request) {
      size += (chunk as Buffer).length;
      if (size > MAX_MESSAGE) return undefined;
      chunks.push(chunk as Buffer);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
}

function isServed(message: Buffer): boolean {
  const decoded = decodeMessage(message);
  if (decoded.error !== undefined || (decoded.flags & FLAG.QR) !== 0 || message.readUInt16BE(4) !== 1)
    return false;
  return (
    decoded.question !== undefined && (decoded.opcode === OPCODE.QUERY || decoded.opcode === OPCODE.NOTIFY)
  );
}

function serve(engine: Engine, message: Buffer, socket: Socket): Promise<Buffer | undefined> {
  const peer = plainPeer(
    "tcp",
    { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 },
    { address: socket.localAddress ?? "", port: socket.localPort ?? 0 },
  );
  return new Promise((resolve) => {
    const out = Buffer.allocUnsafe(MAX_MESSAGE);
    const length = engine.serve(message, 0, message.length, peer, out, 0, () => ({
      reply: resolve,
      stream: () => resolve(undefined),
    }));
    if (length !== PENDING) resolve(length === 0 ? undefined : out.subarray(0, length));
  });
}

/** RFC 8484 §5.1: no longer than the least TTL. */
function maxAge(reply: Buffer): number {
  const decoded = decodeMessage(reply);
  if (decoded.error !== undefined || (decoded.rcode !== RCODE.NOERROR && decoded.rcode !== RCODE.NXDOMAIN))
    return ERROR_AGE;
  const ttls = [...decoded.answer, ...decoded.authority, ...decoded.additional].map((rr) => rr.ttl);
  return ttls.length === 0 ? ERROR_AGE : Math.min(MAX_AGE, ...ttls);
}
