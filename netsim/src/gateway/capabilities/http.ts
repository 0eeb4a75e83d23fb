/** What can be said of HTTP requests: how they are told apart, and what is done to them. */
import type { Experiment } from "./attempt.ts";
import { NGINX, attempt, gateway, ingress, object, path, route, to } from "./manifests.ts";
import type { Fields, Shows } from "./manifests.ts";

const byMatch = (match: Fields) =>
  route({ rules: [{ matches: [match], backendRefs: [to("two")] }, { backendRefs: [to("one")] }] });
const byFilter = (filter: Fields, more: Fields = {}) =>
  route({ rules: [{ filters: [filter], backendRefs: [to("one")], ...more }] });

const differs =
  (request: Parameters<Parameters<Shows>[0]>[0]): Shows =>
  (ask) =>
    ask().backend?.service === "one" && ask(request).backend?.service === "two";
const isSplit: Shows = (ask) => ask().weights["one"] === 0.75 && ask().weights["two"] === 0.25;
const twoPaths = ingress([path("one"), path("two")]);
const canary = (annotations: Fields) => [
  ingress([path("one")]),
  ingress([path("two")], { [`${NGINX}/canary`]: "true", ...annotations }, {}, "x-canary"),
];
const middleware = (spec: Fields) => [
  { ...object("Middleware", "m", spec), apiVersion: "traefik.io/v1alpha1" },
  ingress([path("one")], { "traefik.ingress.kubernetes.io/router.middlewares": "shop-m@kubernetescrd" }),
];

export const HTTP: readonly Experiment[] = [
  {
    name: "host and path",
    how: "hostnames, matches.path",
    gateway: attempt([gateway(), byMatch({ path: { value: "/b" } })], differs({ path: "/b/c" })),
    ingress: attempt([ingress([path("one"), path("two", { path: "/b" })])], differs({ path: "/b/c" })),
    annotated: {},
  },
  {
    name: "path by expression",
    how: "matches.path.type RegularExpression",
    gateway: attempt(
      [gateway(), byMatch({ path: { type: "RegularExpression", value: "/v[0-9]+/x" } })],
      differs({ path: "/v12/x" }),
    ),
    ingress: attempt(
      [ingress([path("one"), path("two", { path: "/v[0-9]+/x" })])],
      differs({ path: "/v12/x" }),
    ),
    annotated: {
      nginx: attempt(
        [
          ingress([path("one"), path("two", { path: "/v[0-9]+/x", pathType: "ImplementationSpecific" })], {
            [`${NGINX}/use-regex`]: "true",
          }),
        ],
        differs({ path: "/v12/x" }),
      ),
      traefik: attempt(
        [
          ingress([path("one"), path("two", { path: "^/v[0-9]+/x", pathType: "ImplementationSpecific" })], {
            "traefik.ingress.kubernetes.io/router.pathmatcher": "PathRegexp",
          }),
        ],
        differs({ path: "/v12/x" }),
      ),
      contour: attempt(
        [ingress([path("one"), path("two", { path: "/v[0-9]+/x", pathType: "ImplementationSpecific" })])],
        differs({ path: "/v12/x" }),
      ),
    },
  },
  {
    name: "header",
    how: "matches.headers",
    gateway: attempt(
      [gateway(), byMatch({ headers: [{ name: "X-Canary", value: "true" }] })],
      differs({ headers: { "x-canary": "true" } }),
    ),
    ingress: attempt([twoPaths], differs({ headers: { "x-canary": "true" } })),
    annotated: {
      nginx: attempt(
        canary({ [`${NGINX}/canary-by-header`]: "X-Canary", [`${NGINX}/canary-by-header-value`]: "true" }),
        differs({ headers: { "x-canary": "true" } }),
      ),
    },
  },
  {
    name: "method",
    how: "matches.method",
    gateway: attempt([gateway(), byMatch({ method: "POST" })], differs({ method: "POST" })),
    ingress: attempt([twoPaths], differs({ method: "POST" })),
    annotated: {},
  },
  {
    name: "query parameter",
    how: "matches.queryParams",
    gateway: attempt(
      [gateway(), byMatch({ queryParams: [{ name: "beta", value: "1" }] })],
      differs({ path: "/?beta=1" }),
    ),
    ingress: attempt([twoPaths], differs({ path: "/?beta=1" })),
    annotated: {},
  },
  {
    name: "shares of traffic",
    how: "backendRefs.weight",
    gateway: attempt(
      [gateway(), route({ rules: [{ backendRefs: [to("one", { weight: 3 }), to("two", { weight: 1 })] }] })],
      isSplit,
    ),
    ingress: attempt([twoPaths], isSplit),
    annotated: { nginx: attempt(canary({ [`${NGINX}/canary-weight`]: "25" }), isSplit) },
  },
  {
    name: "redirect to https",
    how: "filters RequestRedirect",
    gateway: attempt(
      [gateway(), byFilter({ type: "RequestRedirect", requestRedirect: { scheme: "https" } })],
      (ask) => ask().redirect?.scheme === "https",
    ),
    ingress: attempt([ingress([path("one")])], (ask) => ask().redirect?.scheme === "https"),
    annotated: {
      nginx: attempt(
        [ingress([path("one")], { [`${NGINX}/force-ssl-redirect`]: "true" })],
        (ask) => ask().redirect?.scheme === "https",
      ),
      traefik: attempt(
        middleware({ redirectScheme: { scheme: "https" } }),
        (ask) => ask().redirect?.scheme === "https",
      ),
      haproxy: attempt(
        [ingress([path("one")], { "haproxy.org/ssl-redirect": "true" })],
        (ask) => ask().redirect?.scheme === "https",
      ),
      contour: attempt(
        [ingress([path("one")], { "ingress.kubernetes.io/force-ssl-redirect": "true" })],
        (ask) => ask().redirect?.scheme === "https",
      ),
    },
  },
  {
    name: "rewritten path",
    how: "filters URLRewrite",
    gateway: attempt(
      [
        gateway(),
        byFilter({
          type: "URLRewrite",
          urlRewrite: { path: { type: "ReplaceFullPath", replaceFullPath: "/new" } },
        }),
      ],
      (ask) => ask({ path: "/old" }).path === "/new",
    ),
    ingress: attempt([ingress([path("one")])], (ask) => ask({ path: "/old" }).path === "/new"),
    annotated: {
      nginx: attempt(
        [ingress([path("one")], { [`${NGINX}/rewrite-target`]: "/new" })],
        (ask) => ask({ path: "/old" }).path === "/new",
      ),
      traefik: attempt(
        middleware({ replacePath: { path: "/new" } }),
        (ask) => ask({ path: "/old" }).path === "/new",
      ),
      haproxy: attempt(
        [ingress([path("one")], { "haproxy.org/path-rewrite": "/new" })],
        (ask) => ask({ path: "/old" }).path === "/new",
      ),
    },
  },
  {
    name: "changed headers",
    how: "filters RequestHeaderModifier, ResponseHeaderModifier",
    gateway: attempt(
      [
        gateway(),
        byFilter({
          type: "RequestHeaderModifier",
          requestHeaderModifier: { set: [{ name: "X-A", value: "1" }] },
        }),
      ],
      (ask) => ask().requestHeaders["X-A"] === "1",
    ),
    ingress: attempt([ingress([path("one")])], (ask) => ask().requestHeaders["X-A"] === "1"),
    annotated: {
      traefik: attempt(
        middleware({ headers: { customRequestHeaders: { "X-A": "1" } } }),
        (ask) => ask().requestHeaders["X-A"] === "1",
      ),
      haproxy: attempt(
        [ingress([path("one")], { "haproxy.org/request-set-header": "X-A 1" })],
        (ask) => ask().requestHeaders["X-A"] === "1",
      ),
    },
  },
  {
    name: "mirrored requests",
    how: "filters RequestMirror",
    gateway: attempt(
      [gateway(), byFilter({ type: "RequestMirror", requestMirror: { backendRef: to("two") } })],
      (ask) => ask().mirrors[0]?.service === "two",
    ),
    ingress: attempt([twoPaths], (ask) => ask().mirrors.length > 0),
    annotated: {
      nginx: attempt(
        [
          ingress([path("one")], {
            [`${NGINX}/mirror-target`]: "http://two.shop.svc.cluster.local$request_uri",
          }),
        ],
        (ask) => ask().mirrors[0]?.service === "two",
      ),
    },
  },
  {
    name: "timeouts",
    how: "rules.timeouts",
    gateway: attempt(
      [gateway(), route({ rules: [{ timeouts: { request: "2s" }, backendRefs: [to("one")] }] })],
      (ask) => ask().timeouts.request === 2000,
    ),
    ingress: attempt([ingress([path("one")])], (ask) => ask().timeouts.request === 2000),
    annotated: {
      nginx: attempt(
        [ingress([path("one")], { [`${NGINX}/proxy-read-timeout`]: "2" })],
        (ask) => ask().timeouts.backendRequest === 2000,
      ),
      contour: attempt(
        [ingress([path("one")], { "projectcontour.io/response-timeout": "2s" })],
        (ask) => ask().timeouts.request === 2000,
      ),
    },
  },
];
