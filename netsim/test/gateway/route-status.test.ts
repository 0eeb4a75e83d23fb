import t from "tap";
import { routeStatuses } from "../../src/gateway/status.ts";
import { cluster, faults, gateway, listener, object, route, routeOf } from "./status-support.ts";
import type { Fields } from "./status-support.ts";

const http = (more: Fields = {}) => gateway([listener("web", 80, "HTTP", more)]);
const of = (
  spec: Fields,
  edge: object = http(),
  kind = "HTTPRoute",
  namespace = "shop",
  ...objects: object[]
) => routeOf(cluster(edge, route("one", spec, kind, namespace), ...objects));

t.test("routes: parents, kinds, namespaces, hostnames", (t) => {
  t.same(of({}), []);
  const not = (reason: string): string[] => [`Accepted=False:${reason}`];
  t.same(of({ parentRefs: [{ name: "edge", sectionName: "none" }] }), not("NoMatchingParent"));
  t.same(of({ parentRefs: [{ name: "edge", port: 81 }] }), not("NoMatchingParent"));
  t.same(of({ parentRefs: [{ name: "nobody" }] }), [], "a Gateway that is not there says nothing");
  t.same(of({}, http(), "TCPRoute"), not("NotAllowedByListeners"));
  t.same(of({ hostnames: ["c.d"] }, http({ hostname: "*.b" })), not("NoMatchingListenerHostname"));
  const selector = { matchExpressions: [{ key: "edge", operator: "In", values: ["yes"] }] };
  const chosen = { allowedRoutes: { namespaces: { from: "Selector", selector } } };
  const namespace = (labels: Fields) => ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "other", labels },
  });
  const far = { parentRefs: [{ name: "edge", namespace: "shop" }], rules: [] };
  t.same(of(far, http(chosen), "HTTPRoute", "other", namespace({ edge: "yes" })), []);
  t.same(of(far, http(chosen), "HTTPRoute", "other", namespace({})), not("NotAllowedByListeners"));
  const grpc = { allowedRoutes: { kinds: [{ kind: "GRPCRoute" }], namespaces: { from: "All" } } };
  t.same(of(far, http(grpc), "HTTPRoute", "other"), not("NotAllowedByListeners"));
  t.same(of(far, http(grpc), "GRPCRoute", "other"), []);

  const open = object("Gateway", "edge", {
    gatewayClassName: "any",
    defaultScope: "All",
    listeners: [listener("web", 80, "HTTP")],
  });
  const lost = { parentRefs: [], rules: [{ backendRefs: [{ name: "none", port: 80 }] }] };
  t.same(of({ ...lost, useDefaultGateways: "All" }, open), ["ResolvedRefs=False:BackendNotFound"]);
  t.same(of(lost, open), [], "without a word no Gateway takes it in");
  t.end();
});

t.test("routes: backends and filters", (t) => {
  const to = (ref: Fields) => of({ rules: [{ backendRefs: [ref] }] });
  const lost = (reason: string): string[] => [`ResolvedRefs=False:${reason}`];
  t.same(to({ name: "none", port: 80 }), lost("BackendNotFound"));
  t.same(to({ name: "web", port: 81 }), lost("BackendNotFound"));
  t.same(to({ name: "web", kind: "Bucket", group: "example.com" }), lost("InvalidKind"));
  t.same(to({ name: "web", namespace: "other", port: 80 }), lost("RefNotPermitted"));
  t.same(of({}, gateway([listener("dns", 53, "UDP")]), "UDPRoute"), lost("UnsupportedProtocol"));

  const redirect = { type: "RequestRedirect", requestRedirect: {} };
  const rewrite = { type: "URLRewrite", urlRewrite: { hostname: "x" } };
  const rule = (...filters: object[]) => ({ filters, backendRefs: [{ name: "web", port: 80 }] });
  t.same(of({ rules: [rule(redirect, rewrite)] }), ["Accepted=False:IncompatibleFilters"]);
  t.same(of({ rules: [rule(redirect, rewrite), rule()] }), ["PartiallyInvalid=True:IncompatibleFilters"]);
  t.same(of({ rules: [rule({ type: "Magic" })] }), ["Accepted=False:UnsupportedValue"]);
  const extension = { type: "ExtensionRef", extensionRef: { group: "a", kind: "B", name: "c" } };
  t.same(of({ rules: [rule(extension)] }), lost("InvalidKind"));
  const mirror = { type: "RequestMirror", requestMirror: { backendRef: { name: "none", port: 80 } } };
  t.same(of({ rules: [rule(mirror)] }), lost("BackendNotFound"));
  t.end();
});

t.test("an HTTPRoute and a GRPCRoute for the same host: the older one has it", (t) => {
  const both = (first: Fields, second: Fields): string[][] => {
    const c = cluster(http(), route("one", first), route("two", second, "GRPCRoute"));
    return routeStatuses(c).map(({ route: r, parents }) => [
      r.name,
      ...parents.flatMap(({ conditions }) => faults(conditions)),
    ]);
  };
  t.same(both({ hostnames: ["a.b"] }, { hostnames: ["c.b"] }), [["one"], ["two"]]);
  t.same(both({ hostnames: ["*.b"] }, { hostnames: ["c.b"] }), [
    ["one"],
    ["two", "Accepted=False:HostnameConflict"],
  ]);
  t.end();
});
