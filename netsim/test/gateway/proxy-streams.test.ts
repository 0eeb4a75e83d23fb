import { createSocket } from "node:dgram";
import t from "tap";
import { call, edge, route, run, send } from "./proxy-support.ts";

const TO_WEB = "backendRefs: [{name: web, port: 80}]";

t.test("TCPRoute and UDPRoute", async (t) => {
  const proxy = await run(
    t,
    edge(
      `
{name: db, port: 5432, protocol: TCP}
{name: dns, port: 53, protocol: UDP}
{name: idle, port: 6000, protocol: TCP}
`,
      route(`    - ${TO_WEB}`, "TCPRoute").replace("{name: edge}", "{name: edge, sectionName: db}") +
        route("    - backendRefs: [{name: canary, port: 80}]", "UDPRoute", "two"),
    ),
    [5432, 53, 6000],
  );
  const got = await send(proxy.port(5432), "select 1\n", (text) => text.includes("select"));
  t.match(got, /"service":"web"/);
  t.match(got, /select 1/, "and what was sent came back");
  t.equal(await send(proxy.port(6000), "x"), "", "no route, no connection");
  const answer = await new Promise<string>((resolve) => {
    const socket = createSocket("udp4");
    socket.on("message", (message) => {
      socket.close();
      resolve(message.toString());
    });
    socket.send("question", proxy.port(53), "127.0.0.1");
  });
  t.match(JSON.parse(answer), { service: "canary", data: "question" });
});

t.test("WebSockets go through, and are refused as other requests are", async (t) => {
  const proxy = await run(
    t,
    edge(
      "{name: web, port: 80, protocol: HTTP}",
      route(`
    - matches: [{path: {value: /chat}}]
      filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /socket}}}]
      ${TO_WEB}`),
    ),
    [80],
  );
  const ask = (path: string): string =>
    `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
  // A text frame "hi", its mask all zeros.
  const frame = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 104, 105]);
  const got = await send(proxy.port(80), Buffer.concat([Buffer.from(ask("/chat")), frame]), (text) =>
    text.endsWith("\x81\x02hi"),
  );
  t.match(got, /^HTTP\/1\.1 101 /);
  t.match(got, /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i, "the answer to RFC 6455's sample");
  t.match(got, /"path":"\/socket"/);
  t.match(got, /\x81\x02hi$/);
  t.match(await send(proxy.port(80), ask("/else")), /^HTTP\/1\.1 404 /);
});

t.test("gRPC: trailers come through, and refusals are gRPC's own", async (t) => {
  const proxy = await run(
    t,
    edge(
      "{name: web, port: 80, protocol: HTTP}",
      route(
        `
    - matches: [{method: {service: shop.Cart}}]
      filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-team, value: b}]}}]
      ${TO_WEB}
    - matches: [{method: {service: shop.Gone}}]
      backendRefs: [{name: nobody, port: 80}]`,
        "GRPCRoute",
      ),
    ),
    [80],
  );
  const ask = (path: string) =>
    call(
      `http://127.0.0.1:${proxy.port(80)}`,
      { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" },
      Buffer.from([0, 0, 0, 0, 1, 7]),
    );
  const good = await ask("/shop.Cart/Add");
  t.match(good.headers, { ":status": "200", "grpc-status": "0", "content-type": "application/grpc" });
  t.match(JSON.parse(good.body.slice(good.body.indexOf("{"))), {
    service: "web",
    proto: "HTTP/2.0",
    body: 6,
    headers: { "x-team": ["b"], te: ["trailers"] },
  });
  t.match((await ask("/shop.Other/Add")).headers, { ":status": "200", "grpc-status": "12" });
  t.match((await ask("/shop.Gone/Add")).headers, { ":status": "200", "grpc-status": "14" });
});
