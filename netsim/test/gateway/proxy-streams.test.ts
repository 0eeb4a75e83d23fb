import { createSocket } from "node:dgram";
import { connect as connectTls } from "node:tls";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import t from "tap";
import { createAuthority } from "../../src/proxy/certificates.ts";
import { startEcho } from "../../src/proxy/echo.ts";
import { readClientHello } from "../../src/proxy/client-hello.ts";
import { call, edge, route, run, send } from "./proxy-support.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const TO_WEB = "backendRefs: [{name: web, port: 80}]";

/** The certificate that is shown for a name, and what comes back for some octets. */
function handshake(
  port: number,
  options: ConnectionOptions,
  text = "",
): Promise<{ names: string; got: string; error?: string }> {
  return new Promise((resolve) => {
    let got = "";
    const socket: TLSSocket = connectTls({ port, host: "127.0.0.1", ...options }, () => {
      if (text !== "") socket.write(text);
      else end();
    });
    const end = (error?: Error): void => {
      const names = socket.getPeerCertificate()?.subjectaltname ?? "";
      socket.destroy();
      resolve({ names, got, ...(error !== undefined && { error: error.message }) });
    };
    socket.on("data", (chunk: Buffer) => {
      got += chunk.toString();
      if (got.includes("}")) end();
    });
    socket.on("error", end);
    socket.on("close", () => end());
    socket.setTimeout(5000, () => end(new Error("silence")));
  });
}

t.test(
  "TLS: a listener's own certificate by name, one that is made, and names that nobody has",
  async (t) => {
    const authority = createAuthority("test");
    const own = authority.issue(["shop.example.com"]);
    const secret = `
apiVersion: v1
kind: Secret
type: kubernetes.io/tls
metadata: {name: own, namespace: shop}
data: {tls.crt: ${base64(own.certificate)}, tls.key: ${base64(own.key)}}
---`;
    const listeners = `
{name: own, port: 443, protocol: HTTPS, hostname: shop.example.com, tls: {certificateRefs: [{name: own}]}}
{name: lost, port: 443, protocol: HTTPS, hostname: "*.other.example.com", tls: {certificateRefs: [{name: lost}]}}
`;
    const proxy = await run(t, edge(listeners, secret + route(`    - ${TO_WEB}`)), [443]);
    const port = proxy.port(443);
    const seen = await handshake(port, { servername: "shop.example.com", ca: authority.certificate });
    t.equal(seen.names, "DNS:shop.example.com");
    t.equal(seen.error, undefined, "of the Secret's authority");
    t.match(
      (await handshake(port, { servername: "a.other.example.com" })).error,
      /./,
      "a listener whose Secret is not there is not used",
    );
    t.match(
      (await handshake(port, { servername: "nobody.example.com" })).error,
      /unrecognized name|disconnected/,
    );
    t.match(await send(port, "GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n"), "", "no TLS, no answer");

    const url = `https://127.0.0.1:${port}`;
    const options = { servername: "shop.example.com", ca: authority.certificate };
    const right = await call(url, { ":path": "/", ":authority": "shop.example.com" }, undefined, options);
    t.equal(right.headers[":status"], "200");
    const wrong = await call(url, { ":path": "/", ":authority": "a.other.example.com" }, undefined, options);
    t.equal(wrong.headers[":status"], "421", "another name than the connection was made for");

    const made = await run(t, edge(listeners, route(`    - ${TO_WEB}`)), [443]);
    const name = { servername: "x.other.example.com", ca: made.authority() };
    t.equal(
      (await handshake(made.port(443), name)).error,
      undefined,
      "without any Secret certificates are made",
    );
    t.match(made.said.join("\n"), /x\.other\.example\.com: no Secret shop\/lost .* certificate is made here/);
  },
);

t.test("clients' certificates: asked for, by port, and let in without where that is said", async (t) => {
  const authority = createAuthority("clients");
  const other = createAuthority("others");
  const manifests = `
apiVersion: v1
kind: ConfigMap
metadata: {name: clients, namespace: shop}
data:
  ca.crt: |
${authority.certificate.trim().replace(/^/gm, "    ")}
---
${edge(
  `
{name: a, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: made}]}}
{name: b, port: 8443, protocol: HTTPS, tls: {certificateRefs: [{name: made}]}}
`,
  route(`    - ${TO_WEB}`),
).replace(
  "  gatewayClassName: any",
  `  gatewayClassName: any
  tls:
    frontend:
      default: {validation: {caCertificateRefs: [{group: "", kind: ConfigMap, name: clients}]}}
      perPort:
        - port: 8443
          tls: {validation: {mode: AllowInsecureFallback, caCertificateRefs: [{group: "", kind: ConfigMap, name: clients}]}}`,
)}`;
  const proxy = await run(t, manifests, [443, 8443]);
  const ask = async (port: number, pair?: { certificate: string; key: string }): Promise<string> => {
    const options = {
      servername: "a.example.com",
      rejectUnauthorized: false,
      ...(pair !== undefined && { cert: pair.certificate, key: pair.key }),
    };
    const { got, error } = await handshake(
      proxy.port(port),
      options,
      "GET / HTTP/1.1\r\nHost: a.example.com\r\nConnection: close\r\n\r\n",
    );
    return got.split(" ")[1] ?? error ?? "nothing";
  };
  t.equal(await ask(443, authority.issue(["client"])), "200");
  t.not(await ask(443), "200", "without one");
  t.not(await ask(443, other.issue(["client"])), "200", "of another authority");
  t.equal(await ask(8443), "200", "insecure fallback");
});

t.test("TLSRoute: passed through to the backend's certificate, or ended here", async (t) => {
  const inner = createAuthority("inner");
  const echo = await startEcho(
    { namespace: "shop", service: "web", port: 80, pods: [] },
    inner.issue(["in.example.com"]),
  );
  t.teardown(() => echo.close());
  const manifests = edge(
    `
{name: pass, port: 443, protocol: TLS, hostname: in.example.com, tls: {mode: Passthrough}}
{name: end, port: 443, protocol: TLS, hostname: out.example.com, tls: {mode: Terminate, certificateRefs: [{name: made}]}}
`,
    route(`    - ${TO_WEB}`, "TLSRoute").replace("  rules:", "  hostnames: [in.example.com]\n  rules:") +
      route("    - backendRefs: [{name: canary, port: 80}]", "TLSRoute", "two").replace(
        "  rules:",
        "  hostnames: [out.example.com]\n  rules:",
      ),
  );
  const backends = new Map([["shop/web:80", { host: "127.0.0.1", port: echo.port }]]);
  const proxy = await run(t, manifests, [443], { backends });
  const port = proxy.port(443);
  const passed = await handshake(port, { servername: "in.example.com", ca: inner.certificate }, "hello\n");
  t.equal(passed.names, "DNS:in.example.com", "the backend's own certificate");
  t.match(passed.got, /"service":"web"/);
  const ended = await handshake(port, { servername: "out.example.com", ca: proxy.authority() }, "hello\n");
  t.equal(ended.names, "DNS:out.example.com");
  t.match(ended.got, /"service":"canary"/);
  t.match(
    proxy.lines[0],
    /"CONNECT tls:\/\/in\.example\.com:443 TLS" 200 .* -> shop\/web:80 by TLSRoute shop\/one/,
  );
});

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

t.test("backends that a policy wants TLS of: checked by authority and name", async (t) => {
  const authority = createAuthority("backends");
  const echo = await startEcho(
    { namespace: "shop", service: "web", port: 80, pods: [] },
    authority.issue(["web.internal", "spiffe://cluster.local/web"]),
  );
  t.teardown(() => echo.close());
  const address = { host: "127.0.0.1", port: echo.port };
  const policy = (name: string, validation: string, authorityName = "good"): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: ${name}, namespace: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: ${name}}]
  validation: {caCertificateRefs: [{group: "", kind: ConfigMap, name: ${authorityName}}], ${validation}}
---`;
  const bundle = (name: string, pem: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: ${name}, namespace: shop}
data:
  ca.crt: |
${pem.trim().replace(/^/gm, "    ")}
---`;
  for (const [validation, name, status] of [
    ["hostname: web.internal", "good", 200],
    ["hostname: other.internal", "good", 502],
    ["hostname: web.internal", "bad", 502],
    ["hostname: web.internal", "none", 500],
    ["hostname: x, subjectAltNames: [{type: URI, uri: spiffe://cluster.local/web}]", "good", 200],
    ["hostname: web.internal, subjectAltNames: [{type: Hostname, hostname: x.internal}]", "good", 502],
  ] as const) {
    const manifests = edge(
      "{name: web, port: 80, protocol: HTTP}",
      [
        bundle("good", authority.certificate),
        bundle("bad", createAuthority("bad").certificate),
        policy("web", validation, name),
        route(`    - ${TO_WEB}`),
      ].join(""),
    );
    const proxy = await run(t, manifests, [80], { backends: new Map([["shop/web:80", address]]) });
    t.equal((await fetch(`http://127.0.0.1:${proxy.port(80)}/`)).status, status, `${validation} by ${name}`);
  }
});

t.test("names in ClientHellos: in pieces, without any, and what is none", (t) => {
  t.equal(readClientHello(Buffer.alloc(0)), undefined);
  t.same(readClientHello(Buffer.from("GET / HTTP/1.1")), { isTls: false, name: "" });
  t.equal(readClientHello(Buffer.from([22, 3, 1, 2, 0, 1])), undefined, "not whole yet");
  t.same(readClientHello(Buffer.from([22, 3, 1, 0, 5, 1, 0, 0, 1, 0])), { isTls: true, name: "" });
  t.same(readClientHello(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])), { isTls: false, name: "" });
  t.end();
});
