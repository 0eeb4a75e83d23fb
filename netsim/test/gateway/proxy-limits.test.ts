import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import t from "tap";
import { createHttpServers } from "../../src/proxy/http-server.ts";
import { SERVICES, edge, route, run, send } from "./proxy-support.ts";

const HTTP = "{name: web, port: 80, protocol: HTTP}";
const TO_WEB = "      backendRefs: [{name: web, port: 80}]";

t.test("no request ends it: limits and broken clients", async (t) => {
  const proxy = await run(t, edge(HTTP, route(`    -${TO_WEB.slice(5)}`)), [80]);
  const port = proxy.port(80);
  const head = (text: string): Promise<string> => send(port, text).then((got) => got.split("\r\n")[0] ?? "");
  t.equal(await head("NONSENSE\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  t.equal(await head("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"), "HTTP/1.1 400 Bad Request", "no Host");
  t.equal(
    await head(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(20_000)}\r\n\r\n`),
    "HTTP/1.1 431 Request Header Fields Too Large",
  );
  t.equal(
    await head("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "HTTP/1.1 400 Bad Request",
    "two lengths",
  );
  t.match(await head("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"), /^HTTP\/1\.1 405/);
  t.match(
    await head("GET http://b.example.com HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    /^HTTP\/1\.1 200/,
  );
  await send(port, Buffer.from([22, 3, 1, 0, 5, 1, 0, 0, 1, 0]), undefined, 200);
  await send(
    port,
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nno frames at all, just text that is long enough",
    undefined,
    200,
  );
  await Promise.all(
    Array.from({ length: 20 }, () => send(port, "GET / HTTP/1.1\r\nHost: a\r\n", undefined, 100)),
  );
  const odd = await send(port, "GET /\x80%zz\\?\u00ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  t.match(odd, /^HTTP\/1\.1 (?:200|400)/);
  t.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200, "and it still answers");
});

t.test("a client that takes for ever over its headers is told so", async (t) => {
  const servers = createHttpServers(
    { request: (_, __, outgoing) => void outgoing.end(), upgrade: (_, __, socket) => void socket.destroy() },
    {
      maxHeaderSize: 1000,
      headersTimeout: 100,
      requestTimeout: 1000,
      keepAliveTimeout: 1000,
      connectionsCheckingInterval: 50,
    },
  );
  const front = createServer((socket) => servers.take(socket, false));
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    servers.close();
    front.close();
  });
  const { port } = front.address() as AddressInfo;
  t.match(await send(port, "GET / HTTP/1.1\r\nHost: a\r\nX: "), /^HTTP\/1\.1 408 /);
});

t.test("ingress-nginx's limit on bodies: by length, and by what comes", async (t) => {
  const proxy = await run(
    t,
    `${SERVICES}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop, annotations: {nginx.ingress.kubernetes.io/proxy-body-size: 1k}}
spec:
  ingressClassName: nginx
  rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
`,
    [80],
    { served: { kind: "ingress", className: "nginx", controller: undefined } },
  );
  const url = `http://127.0.0.1:${proxy.port(80)}/`;
  t.equal((await fetch(url, { method: "POST", body: "a".repeat(1024) })).status, 200);
  t.equal((await fetch(url, { method: "POST", body: "a".repeat(1025) })).status, 413);
  const chunk = `200\r\n${"a".repeat(512)}\r\n`;
  const chunked = await send(
    proxy.port(80),
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${chunk.repeat(4)}0\r\n\r\n`,
  );
  t.match(chunked, /^HTTP\/1\.1 413/);
});
