import t from "tap";
import { compareControllers, controllerOf, createIngressTable } from "../../src/gateway/ingress/table.ts";
import type { Controller } from "../../src/gateway/ingress/table.ts";
import { loadObjects } from "../../src/model/load.ts";
import { SERVICES, asked, each, ingress } from "./ingress-support.ts";

t.test("one Ingress, four controllers: paths", (t) => {
  const prefix = [ingress([["/foo", "Prefix", "a"]])];
  t.same(each(prefix, asked("/foo/x")), ["a", "a", "a", "a"]);
  t.same(each(prefix, asked("/foobar")), [404, "a", 404, 404], "Traefik's prefixes are strings");

  const both = [
    ingress([
      ["/foo", "Prefix", "a"],
      ["/foo", "Exact", "b"],
    ]),
  ];
  t.same(
    each(both, asked("/foo")),
    ["b", "a", "b", "b"],
    "Traefik's longer rule wins: PathPrefix is longer than Path",
  );

  const free = [ingress([["/foo", "ImplementationSpecific", "a"]])];
  t.same(each(free, asked("/foobar")), ["a", "a", "a", "a"]);
  const regex = [ingress([["/v[0-9]+", "ImplementationSpecific", "a"]])];
  t.same(each(regex, asked("/v12")), [404, 404, 404, "a"], "Contour sees an expression in it");
  t.same(each(regex, asked("/v12/x")), [404, 404, 404, 404], "for the whole path");
  const longest = [
    ingress([
      ["/", "Prefix", "a"],
      ["/foo", "Prefix", "b"],
      ["/foo/bar", "Prefix", "c"],
    ]),
  ];
  t.same(each(longest, asked("/foo/bar/x")), ["c", "c", "c", "c"]);
  t.same(each(longest, asked("/other")), ["a", "a", "a", "a"]);
  t.end();
});

t.test("one Ingress, four controllers: hosts", (t) => {
  const wild = [ingress([["/", "Prefix", "a"]], { host: "*.example.com" })];
  t.same(each(wild, asked("/")), ["a", "a", "a", "a"]);
  t.same(each(wild, asked("/", { host: "x.y.example.com" })), [404, 404, 404, 404], "one label");
  const lost = [
    ingress([["/api", "Prefix", "a"]], { host: "shop.example.com" }),
    ingress([["/", "Prefix", "b"]], { name: "rest" }),
  ];
  t.same(
    each(lost, asked("/other")),
    [404, "b", 404, 404],
    "Traefik alone goes on to rules without the host",
  );
  t.end();
});

t.test("one Ingress, four controllers: TLS, defaults, what is not there", (t) => {
  const tls = { tls: [{ hosts: ["shop.example.com"], secretName: "cert" }] };
  const secure = [ingress([["/", "Prefix", "a"]], { host: "shop.example.com", spec: tls })];
  t.same(each(secure, asked("/")), [308, "a", 302, "a"], "nginx and HAProxy redirect by themselves");
  t.same(each(secure, asked("/", { scheme: "https" })), ["a", "a", "a", "a"]);
  const plain = [ingress([["/", "Prefix", "a"]], { host: "shop.example.com" })];
  t.same(
    each(plain, asked("/", { scheme: "https" })),
    ["a", "a", "a", 0],
    "Contour serves https by spec.tls alone",
  );
  const cluster = loadObjects([...SERVICES, ...secure]);
  const to = createIngressTable(cluster, "edge", "haproxy").route(asked("/x?y")).redirect?.location;
  t.equal(to, "https://shop.example.com:8443/x?y", "the port that HAProxy's controller has by default");

  const fallback = {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name: "rest", namespace: "shop" },
    spec: { ingressClassName: "edge", defaultBackend: { service: { name: "c", port: { name: "web" } } } },
  };
  t.same(each([fallback], asked("/")), ["c", "c", "c", "c"]);
  const gone = [ingress([["/", "Prefix", "nobody"]])];
  t.same(each(gone, asked("/")), [503, 404, 404, 404], "nginx says 503, the others do not know the path");
  const empty = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "a-1", namespace: "shop", labels: { "kubernetes.io/service-name": "a" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: false } }],
  };
  const idle = [empty, ingress([["/", "Prefix", "a"]])];
  t.same(each(idle, asked("/")), [503, 404, 503, 503], "Traefik makes no router for it");
  t.end();
});

t.test("annotations are each controller's own", (t) => {
  const all = {
    "nginx.ingress.kubernetes.io/rewrite-target": "/n/$1",
    "haproxy.org/path-rewrite": "/api/(.*) /h/\\1",
    "traefik.ingress.kubernetes.io/router.middlewares": "shop-strip@kubernetescrd",
  };
  const strip = {
    apiVersion: "traefik.io/v1alpha1",
    kind: "Middleware",
    metadata: { name: "strip", namespace: "shop" },
    spec: { stripPrefix: { prefixes: ["/api"] } },
  };
  const cluster = loadObjects([
    ...SERVICES,
    strip,
    ingress(
      [
        ["/api/(.*)", "ImplementationSpecific", "a"],
        ["/api/", "Prefix", "b"],
      ],
      { annotations: all },
    ),
  ]);
  const compared = compareControllers(cluster, "edge", asked("/api/x?q=1"));
  const seen = Object.fromEntries(compared.map(({ controller, answer }) => [controller, answer.path]));
  t.same(seen, { nginx: "/n/x?q=1", traefik: "/x?q=1", haproxy: "/h/x?q=1", contour: "/api/x?q=1" });
  const ignored = compared.find(({ controller }) => controller === "traefik")?.ignored;
  t.same(ignored, ["nginx.ingress.kubernetes.io/rewrite-target", "haproxy.org/path-rewrite"]);
  t.end();
});

t.test("which controller a class has", (t) => {
  const of = (name: string, controller?: string): Controller =>
    controllerOf(
      loadObjects(
        controller === undefined
          ? []
          : [
              {
                apiVersion: "networking.k8s.io/v1",
                kind: "IngressClass",
                metadata: { name },
                spec: { controller },
              },
            ],
      ),
      name,
    );
  t.equal(of("edge", "k8s.io/ingress-nginx"), "nginx");
  t.equal(of("edge", "traefik.io/ingress-controller"), "traefik");
  t.equal(of("edge", "haproxy.org/ingress-controller/prod"), "haproxy");
  t.equal(
    of("nginx", "projectcontour.io/ingress-controller"),
    "contour",
    "the class's object before its name",
  );
  t.equal(of("traefik-internal"), "traefik");
  t.equal(of("anything"), "nginx");
  t.end();
});
