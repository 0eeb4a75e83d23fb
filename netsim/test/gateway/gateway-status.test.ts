import t from "tap";
import { gatewaysOf, listenerSetsOf } from "../../src/gateway/listeners.ts";
import { gatewayStatus, listenerSetStatus, policyStatuses } from "../../src/gateway/status.ts";
import { createAuthority } from "../../src/proxy/certificates.ts";
import {
  cluster,
  configMap,
  faults,
  gateway,
  gatewayOf,
  listener,
  listenersOf,
  object,
  route,
} from "./status-support.ts";
import type { Fields } from "./status-support.ts";

const HTTP = listener("web", 80, "HTTP");
const HTTPS = listener("a", 443, "HTTPS", { tls: { certificateRefs: [{ name: "c" }] } });

t.test("Gateways: addresses, parameters, listeners, the certificate for backends", (t) => {
  const of = (more: Fields, listeners: readonly Fields[] = [HTTP], ...objects: object[]) =>
    gatewayOf(cluster(gateway(listeners, more), ...objects));
  t.same(of({}), []);
  const rejected = (reason: string): string[] => [`Accepted=False:${reason}`, "Programmed=False:Invalid"];
  t.same(of({ addresses: [{ type: "example.com/odd", value: "x" }] }), rejected("UnsupportedAddress"));
  t.same(of({ addresses: [{ value: "not-an-address" }] }), ["Programmed=False:AddressNotUsable"]);
  t.same(of({ addresses: [{ value: "203.0.113.1" }, { type: "Hostname", value: "a.b" }] }), []);
  const parametersRef = { group: "example.com", kind: "Widget", name: "w" };
  t.same(of({ infrastructure: { parametersRef } }), rejected("InvalidParameters"));
  const metadata = { name: "w", namespace: "shop" };
  const widget = { apiVersion: "example.com/v1", kind: "Widget", metadata };
  t.same(of({ infrastructure: { parametersRef } }, [HTTP], widget), []);
  const odd = listener("odd", 81, "WARP");
  t.same(of({}, [odd]), rejected("ListenersNotValid"));
  t.same(of({}, [HTTP, odd]), ["Accepted=True:ListenersNotValid"]);
  const client = (clientCertificateRef: Fields) => ({ tls: { backend: { clientCertificateRef } } });
  t.same(of(client({ name: "c", kind: "Vault" })), ["ResolvedRefs=False:InvalidClientCertificateRef"]);
  t.same(of(client({ name: "c", namespace: "other" })), ["ResolvedRefs=False:RefNotPermitted"]);
  const lost = listener("a", 443, "HTTPS", { tls: { certificateRefs: [{ name: "c", kind: "Odd" }] } });
  t.same(of({}, [lost]), [
    "Accepted=True:ListenersNotValid",
    "Programmed=False:Invalid",
    "ResolvedRefs=False:ListenersNotResolved",
  ]);
  t.end();
});

t.test("clients' certificates: what they are checked by", (t) => {
  const bundle = configMap("clients", createAuthority().certificate);
  const frontend = (ref: Fields, mode = "AllowValidOnly") => ({
    tls: {
      frontend: {
        default: { validation: { mode, caCertificateRefs: [{ group: "", kind: "ConfigMap", ...ref }] } },
      },
    },
  });
  const of = (ref: Fields) => listenersOf(cluster(gateway([HTTPS, HTTP], frontend(ref)), bundle));
  t.same(of({ name: "clients" }), { a: [], web: [] });
  const useless = (reason: string): string[] => [
    "Accepted=False:NoValidCACertificate",
    `ResolvedRefs=False:${reason}`,
    "Programmed=False:Invalid",
  ];
  t.same(of({ name: "none" }), { a: useless("InvalidCACertificateRef"), web: [] }, "HTTP is not concerned");
  t.same(of({ name: "x", kind: "Odd" })["a"], useless("InvalidCACertificateKind"));
  t.same(of({ name: "x", namespace: "other" })["a"], useless("RefNotPermitted"));
  const insecure = gateway([HTTPS], frontend({ name: "clients" }, "AllowInsecureFallback"));
  t.same(gatewayOf(cluster(insecure, bundle)), ["InsecureFrontendValidationMode=True:ConfigurationChanged"]);
  t.end();
});

t.test("ListenerSets: taken in or not, and what they add", (t) => {
  const set = (name: string, listeners: readonly Fields[], namespace = "shop", more: Fields = {}) =>
    object(
      "ListenerSet",
      name,
      { parentRef: { name: "edge", namespace: "shop" }, listeners },
      more,
      namespace,
    );
  const of = (from: string | undefined, ...sets: object[]) => {
    const allowed = from === undefined ? {} : { allowedListeners: { namespaces: { from } } };
    const c = cluster(gateway([listener("web", 80, "HTTP", { hostname: "a.b" })], allowed), ...sets);
    const [edge] = gatewaysOf(c);
    return {
      attached: edge === undefined ? -1 : gatewayStatus(c, edge).attachedListenerSets,
      sets: listenerSetsOf(c).map((s) => faults(listenerSetStatus(c, s).conditions)),
    };
  };
  const more = [listener("more", 81, "HTTP")];
  const not = (reason: string): string[] => [`Accepted=False:${reason}`, `Programmed=False:${reason}`];
  t.same(of(undefined, set("s", more)), { attached: 0, sets: [not("NotAllowed")] });
  t.same(of("Same", set("s", more)), { attached: 1, sets: [[]] });
  t.same(of("Same", set("s", more, "other")), { attached: 0, sets: [not("NotAllowed")] });
  t.same(of("All", set("s", more, "other")), { attached: 1, sets: [[]] });
  const rival = listener("web", 80, "HTTP", { hostname: "a.b" });
  t.same(of("All", set("s", [rival])), { attached: 0, sets: [not("ListenersNotValid")] });
  t.same(of("All", set("s", [rival, ...more])), { attached: 1, sets: [["Accepted=True:ListenersNotValid"]] });
  const since = (month: string) => ({ creationTimestamp: `2026-${month}-01T00:00:00Z` });
  const both = [set("new", more, "shop", since("02")), set("old", more, "shop", since("01"))];
  t.same(of("All", ...both).sets, [not("ListenersNotValid"), []], "the older one has the port");
  t.end();
});

t.test("BackendTLSPolicy: who wins, whom it is for, what it trusts", (t) => {
  const policy = (name: string, spec: Fields = {}, more: Fields = {}) =>
    object(
      "BackendTLSPolicy",
      name,
      {
        targetRefs: [{ group: "", kind: "Service", name: "web" }],
        validation: { hostname: "web", wellKnownCACertificates: "System" },
        ...spec,
      },
      more,
    );
  const of = (...objects: object[]) => {
    const all = policyStatuses(cluster(gateway([HTTP]), route("one"), ...objects));
    return Object.fromEntries(
      all.map(({ policy: p, ancestors }) => [
        p.metadata.name,
        ancestors.flatMap((a) => faults(a.conditions)),
      ]),
    );
  };
  const beaten = ["Accepted=False:Conflicted"];
  t.same(of(policy("a"), policy("b")), { a: [], b: beaten });
  const since = (month: string) => ({ creationTimestamp: `2026-${month}-01T00:00:00Z` });
  t.same(of(policy("a", {}, since("02")), policy("b", {}, since("01"))), { a: beaten, b: [] });
  const section = { targetRefs: [{ group: "", kind: "Service", name: "web", sectionName: "tcp" }] };
  t.same(of(policy("a"), policy("b", section)), { a: [], b: [] }, "a port is not the whole");
  const trusts = (validation: Fields) => ({ validation: { hostname: "web", ...validation } });
  const refs = (kind: string, group = "") => trusts({ caCertificateRefs: [{ group, kind, name: "c" }] });
  t.same(of(policy("a", refs("Odd", "x"))), {
    a: ["Accepted=False:NoValidCACertificate", "ResolvedRefs=False:InvalidKind"],
  });
  t.same(of(policy("a", refs("ConfigMap")), configMap("c", "no certificate")), {
    a: ["Accepted=False:NoValidCACertificate", "ResolvedRefs=False:InvalidCACertificateRef"],
  });
  t.same(of(policy("a", trusts({ wellKnownCACertificates: "example.com/own" }))), {
    a: ["Accepted=False:Invalid"],
  });
  t.same(policyStatuses(cluster(policy("a")))[0]?.ancestors, [], "without a route nobody uses it");
  t.end();
});
