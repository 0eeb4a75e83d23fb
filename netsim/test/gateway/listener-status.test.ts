import t from "tap";
import { gatewaysOf } from "../../src/gateway/listeners.ts";
import { classStatus, listenerStatuses } from "../../src/gateway/status.ts";
import { createAuthority } from "../../src/proxy/certificates.ts";
import { cluster, faults, gateway, listener, listenersOf, object, route } from "./status-support.ts";
import type { Fields } from "./status-support.ts";

const CONFLICT = (reason: string): string[] => [
  `Accepted=False:${reason}`,
  `Conflicted=True:${reason}`,
  `Programmed=False:${reason}`,
];

t.test("listeners that a connection cannot be told apart by", (t) => {
  const tls = { tls: { certificateRefs: [{ name: "cert" }] } };
  const pass = { tls: { mode: "Passthrough" } };
  const of = (...listeners: Fields[]) => listenersOf(cluster(gateway(listeners)));
  t.same(of(listener("a", 80, "HTTP"), listener("b", 80, "HTTPS", tls)), {
    a: CONFLICT("ProtocolConflict"),
    b: CONFLICT("ProtocolConflict"),
  });
  t.same(of(listener("a", 80, "HTTP"), listener("b", 80, "TCP"), listener("c", 81, "HTTP")), {
    a: CONFLICT("ProtocolConflict"),
    b: CONFLICT("ProtocolConflict"),
    c: [],
  });
  const named = { hostname: "a.b" };
  t.same(of(listener("a", 80, "HTTP", named), listener("b", 80, "HTTP", named)), {
    a: CONFLICT("HostnameConflict"),
    b: CONFLICT("HostnameConflict"),
  });
  t.same(of(listener("a", 53, "TCP"), listener("b", 53, "UDP")), { a: [], b: [] }, "two transports");
  t.same(of(listener("a", 53, "UDP"), listener("b", 53, "UDP"))["a"], CONFLICT("ProtocolConflict"));
  const beside = listener("b", 443, "TLS", { hostname: "c.b", ...pass });
  t.same(
    of(listener("a", 443, "HTTPS", { ...named, ...tls }), beside),
    { a: [], b: [] },
    "told apart by name",
  );
  const overlap = ["OverlappingTLSConfig=True:OverlappingHostnames"];
  t.same(
    of(
      listener("a", 443, "HTTPS", { hostname: "*.b", ...tls }),
      listener("b", 443, "HTTPS", { ...named, ...tls }),
      listener("c", 443, "HTTPS", { hostname: "a.c", ...tls }),
    ),
    { a: overlap, b: overlap, c: [] },
  );
  t.same(of(listener("a", 80, "WARP")), {
    a: ["Accepted=False:UnsupportedProtocol", "Programmed=False:Invalid"],
  });
  t.end();
});

t.test("a class that says what it can do", (t) => {
  const mixed = gateway([
    listener("end", 443, "TLS", {
      hostname: "a.b",
      tls: { mode: "Terminate", certificateRefs: [{ name: "c" }] },
    }),
    listener("pass", 443, "TLS", { hostname: "c.b", tls: { mode: "Passthrough" } }),
  ]);
  const classOf = (...names: string[]) => ({
    ...object("GatewayClass", "any", { controllerName: "example.com/x" }),
    status: { supportedFeatures: names.map((name) => ({ name })) },
  });
  const of = (...names: string[]) => listenersOf(cluster(mixed, classOf(...names)));
  t.same(listenersOf(cluster(mixed)), { end: [], pass: [] }, "no class, no limits");
  t.same(of("TLSRoute")["end"], ["Accepted=False:UnsupportedValue", "Programmed=False:Invalid"]);
  t.same(of("TLSRouteModeTerminate")["pass"], CONFLICT("ProtocolConflict"));
  t.same(of("TLSRouteModeTerminate", "TLSRouteModeMixed"), { end: [], pass: [] });
  const parametersRef = { group: "", kind: "ConfigMap", name: "none", namespace: "a" };
  const lost = cluster(object("GatewayClass", "x", { parametersRef }));
  const [one] = lost.gatewayObjects;
  t.same(one && faults(classStatus(lost, one)), ["Accepted=False:InvalidParameters"]);
  t.end();
});

t.test("certificates: there, allowed, whole", (t) => {
  const { certificate, key } = createAuthority().issue(["a.b"]);
  const secret = (name: string, data: Record<string, string>, namespace = "shop") => ({
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/tls",
    metadata: { name, namespace },
    data: Object.fromEntries(Object.entries(data).map(([k, v]) => [k, Buffer.from(v).toString("base64")])),
  });
  const good = { "tls.crt": certificate, "tls.key": key };
  const of = (ref: Fields, ...objects: object[]) =>
    listenersOf(
      cluster(
        gateway([listener("a", 443, "HTTPS", { tls: { certificateRefs: [ref] } })]),
        secret("good", good),
        ...objects,
      ),
    )["a"];
  const bad = (reason: string): string[] => [`ResolvedRefs=False:${reason}`, "Programmed=False:Invalid"];
  t.same(of({ name: "good" }), []);
  t.same(of({ name: "none" }), bad("InvalidCertificateRef"));
  t.same(
    of({ name: "odd" }, secret("odd", { "tls.crt": "x", "tls.key": key })),
    bad("InvalidCertificateRef"),
  );
  t.same(of({ name: "half" }, secret("half", { "tls.crt": certificate })), bad("InvalidCertificateRef"));
  t.same(of({ name: "good", kind: "Vault" }), bad("InvalidCertificateRef"));
  const far = { name: "far", namespace: "other" };
  t.same(of(far, secret("far", good, "other")), bad("RefNotPermitted"));
  const grant = object(
    "ReferenceGrant",
    "g",
    {
      from: [{ group: "gateway.networking.k8s.io", kind: "Gateway", namespace: "shop" }],
      to: [{ group: "", kind: "Secret", name: "far" }],
    },
    {},
    "other",
  );
  t.same(of(far, secret("far", good, "other"), grant), []);
  const [kept] = cluster(secret("good", good)).secrets;
  t.ok(kept?.hasKey);
  t.notMatch(JSON.stringify(kept), /PRIVATE/, "a private key is not kept");
  t.end();
});

t.test("attached routes are counted by what is accepted, not by the listener's own state", (t) => {
  const lost = { tls: { certificateRefs: [{ name: "c", kind: "Odd" }] } };
  const c = cluster(
    gateway([
      listener("web", 80, "HTTP", { hostname: "*.b" }),
      listener("db", 5432, "TCP"),
      listener("lost", 443, "HTTPS", lost),
    ]),
    route("one"),
    route("two", { hostnames: ["a.b"] }),
    route("three", { hostnames: ["c.d"], parentRefs: [{ name: "edge", sectionName: "web" }] }),
    route("four", {}, "TCPRoute"),
    route("five", {}, "TCPRoute"),
  );
  const [edge] = gatewaysOf(c);
  const all = edge === undefined ? [] : listenerStatuses(c, edge);
  t.same(
    all.map(({ name, attachedRoutes, supportedKinds }) => [name, attachedRoutes, ...supportedKinds]),
    [
      ["web", 2, "HTTPRoute", "GRPCRoute"],
      ["db", 2, "TCPRoute"],
      ["lost", 2, "HTTPRoute", "GRPCRoute"],
    ],
  );
  t.end();
});
