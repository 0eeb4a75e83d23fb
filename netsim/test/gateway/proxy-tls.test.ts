import t from "tap";
import { createAuthority } from "../../src/proxy/certificates.ts";
import { readClientHello } from "../../src/proxy/client-hello.ts";
import { startEcho } from "../../src/proxy/echo.ts";
import { call, edge, handshake, route, run, send } from "./proxy-support.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const TO_WEB = "backendRefs: [{name: web, port: 80}]";

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
