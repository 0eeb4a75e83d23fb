import t from "tap";
import { createAuthority } from "../../src/proxy/certificates.ts";
import { startEcho } from "../../src/proxy/echo.ts";
import { SERVICES, call, handshake, run } from "./proxy-support.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

const ingress = (name: string, host: string, service: string, annotations = "", tls = ""): string => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ${name}, namespace: shop, annotations: {${annotations}}}
spec:
  ingressClassName: nginx
  ${tls}
  rules: [{host: ${host}, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: ${service}, port: {number: 80}}}}]}}]
---`;

t.test("Ingresses over http and https: certificates by host, redirects, TLS passed through", async (t) => {
  const authority = createAuthority("test");
  const own = authority.issue(["shop.example.com"]);
  const inner = createAuthority("inner");
  const echo = await startEcho(
    { namespace: "shop", service: "canary", port: 80, pods: [] },
    inner.issue(["pass.example.com"]),
  );
  t.teardown(() => echo.close());
  const manifests = `${SERVICES}
apiVersion: v1
kind: Secret
type: kubernetes.io/tls
metadata: {name: own, namespace: shop}
data: {tls.crt: ${base64(own.certificate)}, tls.key: ${base64(own.key)}}
---
${ingress("web", "shop.example.com", "web", "", "tls: [{hosts: [shop.example.com], secretName: own}]")}
${ingress("open", "open.example.com", "shadow")}
${ingress("pass", "pass.example.com", "canary", 'nginx.ingress.kubernetes.io/ssl-passthrough: "true"')}`;
  const proxy = await run(t, manifests, [80, 443], {
    served: { kind: "ingress", className: "nginx", controller: undefined },
    backends: new Map([["shop/canary:80", { host: "127.0.0.1", port: echo.port }]]),
  });
  const ask = (name: string, ca: string) =>
    call(`https://127.0.0.1:${proxy.port(443)}`, { ":path": "/x", ":authority": name }, undefined, {
      servername: name,
      ca,
    });
  const seen = await ask("shop.example.com", authority.certificate);
  t.match(JSON.parse(seen.body), { service: "web", path: "/x", headers: { "X-Forwarded-Proto": ["https"] } });
  const made = await ask("open.example.com", proxy.authority());
  t.match(
    JSON.parse(made.body),
    { service: "shadow" },
    "a certificate that is made, as nginx has one of its own",
  );
  t.match(proxy.said.join("\n"), /open\.example\.com: no Secret is named/);
  const passed = await handshake(
    proxy.port(443),
    { servername: "pass.example.com", ca: inner.certificate },
    "hello\n",
  );
  t.equal(passed.names, "DNS:pass.example.com", "the backend's own");
  t.match(passed.got, /"service":"canary"/);

  const redirect = await call(`http://127.0.0.1:${proxy.port(80)}`, {
    ":path": "/x?y",
    ":authority": "shop.example.com",
  });
  t.match(redirect.headers, { ":status": "308", location: "https://shop.example.com/x?y" });
  const plain = await call(`http://127.0.0.1:${proxy.port(80)}`, {
    ":path": "/",
    ":authority": "open.example.com",
  });
  t.match(JSON.parse(plain.body), { service: "shadow" });
  const none = await call(`http://127.0.0.1:${proxy.port(80)}`, {
    ":path": "/",
    ":authority": "x.example.com",
  });
  t.equal(none.headers[":status"], "404");
});

t.test("the same Ingress as another controller has it", async (t) => {
  const manifests = `${SERVICES}${ingress("web", "shop.example.com", "web", "haproxy.org/path-rewrite: /new").replace("path: /,", "path: /foo,")}`;
  for (const [controller, path, status, seen] of [
    ["nginx", "/foobar", "404", undefined],
    ["traefik", "/foobar", "200", "/foobar"],
    ["haproxy", "/foo/x", "200", "/new"],
    ["contour", "/foo/x", "200", "/foo/x"],
  ] as const) {
    const proxy = await run(t, manifests, [80], {
      served: { kind: "ingress", className: "nginx", controller },
    });
    const { headers, body } = await call(`http://127.0.0.1:${proxy.port(80)}`, {
      ":path": path,
      ":authority": "shop.example.com",
    });
    t.equal(headers[":status"], status, controller);
    if (seen !== undefined) t.equal((JSON.parse(body) as { path: string }).path, seen, controller);
  }
});
