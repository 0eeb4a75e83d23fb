/** Upstreams behind TLS and HTTPS: names that must fit, sessions, both HTTPs, what fails and how it is said. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createSecureServer, type Http2Server } from "node:http2";
import { createServer as createHttps } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import { createServer as createTls, type TLSSocket, type TlsOptions } from "node:tls";
import { setTimeout as sleep } from "node:timers/promises";
import dnsPacket from "dns-packet";
import t, { type Test } from "tap";
import { Exchange } from "../../src/upstream/exchange.ts";
import { HttpsPool, type HttpMethod } from "../../src/upstream/https.ts";
import { StreamPool } from "../../src/upstream/stream-pool.ts";
import { readTlsContext, tlsDialer, type TlsSettings } from "../../src/upstream/tls.ts";
import type { PoolOptions } from "../../src/upstream/udp-pool.ts";
import { root } from "../support/paths.ts";
import { addressReply } from "./fake-upstream.ts";

const data = (name: string): string => join(root, "test", "upstream", "data", name);
const SERVER = { cert: readFileSync(data("server.pem")), key: readFileSync(data("server.key")) };
const trusting = (serverName: string | undefined, ...files: string[]): TlsSettings => ({
  serverName,
  context: readTlsContext(files.map(data)),
});
const CA = "ca.pem";

const options = (port: number, more: Partial<PoolOptions> = {}): PoolOptions => ({
  target: { address: "127.0.0.1", port, source: undefined },
  remote: `127.0.0.1:${port}`,
  readTimeout: 2000,
  expire: 10_000,
  maxAge: 0,
  maxIdle: 0,
  connections: undefined,
  ...more,
});

const question = (): Buffer =>
  dnsPacket.encode({
    type: "query",
    id: 0,
    flags: 0x100,
    questions: [{ name: "www.example.org", type: "A" }],
  });

/** The address of the reply, or the failure's text. */
function ask(pool: { start(exchange: Exchange): void }): Promise<string> {
  return new Promise((resolve) => {
    pool.start(
      new Exchange(question(), "tcp", {
        replied: (reply) => resolve(String(dnsPacket.decode(Buffer.from(reply)).answers[0]!.data)),
        failed: ({ text }) => resolve(text),
      }),
    );
  });
}

/** A DNS over TLS server; the sockets that it has seen. */
async function dot(t: Test, more: TlsOptions = {}): Promise<{ port: number; seen: TLSSocket[] }> {
  const seen: TLSSocket[] = [];
  const server = createTls({ ...SERVER, ...more }, (socket) => {
    seen.push(socket);
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => {
      for (let at = 0; at < bytes.length; at += 2 + bytes.readUInt16BE(at)) {
        const reply = addressReply(dnsPacket.decode(bytes.subarray(at + 2, at + 2 + bytes.readUInt16BE(at))));
        const length = Buffer.alloc(2);
        length.writeUInt16BE(reply.length);
        socket.write(Buffer.concat([length, reply]));
      }
    });
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    for (const socket of seen) socket.destroy();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, seen };
}

function tlsPool(t: Test, port: number, settings: TlsSettings, more: Partial<PoolOptions> = {}): StreamPool {
  const pool = new StreamPool(options(port, more), tlsDialer(settings), 8);
  t.teardown(() => pool.close());
  return pool;
}

t.test("TLS: the certificate must be trusted and have the name, or the address", async (t) => {
  const { port, seen } = await dot(t);
  t.equal(await ask(tlsPool(t, port, trusting("dns.example.org", CA))), "192.0.2.1");
  t.equal(seen[0]!.servername, "dns.example.org");
  t.equal(await ask(tlsPool(t, port, trusting(undefined, CA))), "192.0.2.1", "127.0.0.1 stands in it");
  t.match(
    await ask(tlsPool(t, port, trusting("other.example.org", CA))),
    /^dial tcp 127\.0\.0\.1:\d+: .*other\.example\.org/,
  );
  t.match(
    await ask(tlsPool(t, port, trusting("dns.example.org"))),
    /^dial tcp 127\.0\.0\.1:\d+: .*certificate/,
    "nobody vouches for it",
  );
});

t.test("TLS: our own certificate, where it is asked for", async (t) => {
  const { port } = await dot(t, { requestCert: true, rejectUnauthorized: true, ca: readFileSync(data(CA)) });
  const known = trusting(undefined, "client.pem", "client.key", CA);
  t.equal(await ask(tlsPool(t, port, known)), "192.0.2.1");
  t.not(await ask(tlsPool(t, port, trusting(undefined, CA))), "192.0.2.1");
});

t.test("TLS: nothing below 1.2", async (t) => {
  const { port } = await dot(t, {
    minVersion: "TLSv1",
    maxVersion: "TLSv1.1",
    ciphers: "DEFAULT@SECLEVEL=0",
  });
  t.match(await ask(tlsPool(t, port, trusting(undefined, CA))), /^dial tcp /);
});

t.test("TLS: one connection serves many, and a new one resumes the session", async (t) => {
  const { port, seen } = await dot(t);
  const settings = trusting("dns.example.org", CA);
  const pool = tlsPool(t, port, settings, { expire: 30 });
  for (let i = 0; i < 5; i++) t.equal(await ask(pool), "192.0.2.1");
  t.equal(seen.length, 1);
  await sleep(50);
  t.equal(await ask(pool), "192.0.2.1");
  t.equal(seen.length, 2);
  t.ok(seen[1]!.isSessionReused());
});

t.test("TLS: files that can't be used are named", (t) => {
  t.throws(() => readTlsContext([data("none.pem")]), { message: /can't read the TLS file .*none\.pem/ });
  t.throws(() => readTlsContext([data("README.md"), data("server.key")]), {
    message: /README\.md.* can't be used/,
  });
  t.end();
});

interface HttpRequest {
  readonly version: string;
  readonly method: string;
  readonly path: string;
  readonly type: string;
  readonly message: Buffer;
}

interface Doh {
  readonly port: number;
  readonly requests: HttpRequest[];
  /** Of the answer; 0: never any. */
  status: number;
  sessions: number;
}

async function doh(t: Test, http2: boolean): Promise<Doh> {
  const made: Doh = { port: 0, requests: [], status: 200, sessions: 0 };
  // HTTP/2's compatibility layer gives both the same shape.
  const handler = (
    request: { httpVersion: string; method?: string; url?: string; headers: object } & NodeJS.ReadableStream,
    response: { writeHead(status: number, headers: object): unknown; end(body: Buffer): unknown },
  ): void => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = new URL(request.url ?? "", "https://x");
      const inPath = url.searchParams.get("dns");
      const message = inPath === null ? Buffer.concat(chunks) : Buffer.from(inPath, "base64url");
      made.requests.push({
        version: request.httpVersion,
        method: request.method ?? "",
        path: url.pathname,
        type: (request.headers as Record<string, string>)["accept"] ?? "",
        message,
      });
      if (made.status === 0) return;
      response.writeHead(made.status, { "content-type": "application/dns-message" });
      response.end(addressReply(dnsPacket.decode(message)));
    });
  };
  const server = http2
    ? createSecureServer({ ...SERVER, allowHTTP1: false }, handler as never)
    : createHttps(SERVER, handler as never);
  const sockets = new Set<{ destroy(): void }>();
  server.on("secureConnection", (socket: TLSSocket) => {
    made.sessions++;
    sockets.add(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    (server as Http2Server).close();
  });
  return Object.assign(made, { port: (server.address() as { port: number }).port });
}

function httpsPool(
  t: Test,
  port: number,
  method: HttpMethod = "POST",
  settings: TlsSettings = trusting("dns.example.org", CA),
  more: Partial<PoolOptions> = {},
): HttpsPool {
  const pool = new HttpsPool(options(port, more), settings, method);
  t.teardown(() => pool.close());
  return pool;
}

for (const http2 of [true, false]) {
  const version = http2 ? "HTTP/2" : "HTTP/1.1";
  t.test(`HTTPS: ${version}, GET and POST`, async (t) => {
    const server = await doh(t, http2);
    for (const method of ["GET", "POST"] as const) {
      const pool = httpsPool(t, server.port, method);
      t.same(await Promise.all([ask(pool), ask(pool), ask(pool)]), ["192.0.2.1", "192.0.2.1", "192.0.2.1"]);
      for (const request of server.requests.splice(0)) {
        t.same(
          { ...request, message: dnsPacket.decode(request.message).id },
          {
            version: http2 ? "2.0" : "1.1",
            method,
            path: "/dns-query",
            type: "application/dns-message",
            message: 0,
          },
        );
      }
    }
    if (http2) t.equal(server.sessions, 2, "one connection for each pool");
  });

  t.test(`HTTPS: ${version}, failures`, async (t) => {
    const server = await doh(t, http2);
    const pool = httpsPool(t, server.port, "POST", undefined, { readTimeout: 500 });
    const what = `Post "https://127.0.0.1:${server.port}/dns-query": `;
    server.status = 503;
    t.equal(await ask(pool), `${what}HTTP status 503`);
    server.status = 0;
    t.equal(await ask(pool), `${what}i/o timeout`);
    server.status = 200;
    t.equal(await ask(pool), "192.0.2.1", "and on it goes");
  });
}

t.test("HTTPS: a connection that was lost is opened anew", async (t) => {
  const server = await doh(t, true);
  const pool = httpsPool(t, server.port, "GET", undefined, { expire: 50 });
  t.equal(await ask(pool), "192.0.2.1");
  await sleep(120);
  t.equal(await ask(pool), "192.0.2.1");
  t.equal(server.sessions, 2);
});

t.test("HTTPS: what fails before HTTP begins", async (t) => {
  const server = await doh(t, true);
  const stranger = httpsPool(t, server.port, "GET", trusting("other.example.org", CA));
  t.match(await ask(stranger), /^Get "https:\/\/127\.0\.0\.1:\d+\/dns-query": .*other\.example\.org/);
  const closed = connect(server.port, "127.0.0.1");
  await once(closed, "connect");
  const port = closed.localPort!;
  closed.destroy();
  await sleep(10);
  const refused = await ask(httpsPool(t, port, "GET"));
  t.equal(
    refused,
    `Get "https://127.0.0.1:${port}/dns-query": dial tcp 127.0.0.1:${port}: connect: connection refused`,
  );
});
