/**
 * Traefik (`traefik.io/ingress-controller`), version 3: every path becomes a router with a rule such as
 * `Host("a.example.com") && PathPrefix("/api")`, and of the routers that match, the one with the longest rule wins: its text counts,
 * not its meaning, so that `PathPrefix("/foo")` goes before `Path("/foo")`. Prefixes are strings, not elements of a path.
 * Documentation: https://doc.traefik.io/traefik/reference/routing-configuration/kubernetes/ingress/,
 * .../routing-configuration/http/routing/rules-and-priority/ (priority),
 * .../install-configuration/providers/kubernetes/kubernetes-ingress/ (strictPrefixMatching and allowEmptyServices, both off).
 * Entry points are those of the Helm chart: web is http, websecure is https with TLS on.
 */
import { expression } from "../expressions.ts";
import { upstreamOf } from "../backends.ts";
import { changeHeaders, hostName, pathOnly, refused } from "../request.ts";
import type { Answer, GatewayRequest } from "../request.ts";
import { annotationsOf } from "./annotations.ts";
import { defaultRule, hasRules, isEmpty, redirected, targetOf } from "./rules.ts";
import type { IngressInput, PathRule, Serve } from "./rules.ts";
import { applyMiddlewares, middlewaresOf } from "./middlewares.ts";

const annotation = annotationsOf("traefik.ingress.kubernetes.io");

interface Router {
  readonly rule: PathRule;
  /** The text of the rule, by whose length routers are ordered. */
  readonly text: string;
  readonly priority: number;
  takes(host: string, path: string): boolean;
}

export function serveTraefik({ cluster, ingresses, rules }: IngressInput): Serve {
  const lonely = ingresses.find((ingress) => !hasRules(ingress) && defaultRule(ingress) !== undefined);
  const rest = lonely === undefined ? undefined : defaultRule(lonely);
  const all = rules.map(routerOf).concat(rest === undefined ? [] : [catchAll(rest)]);
  // A router whose Service is not there, or has no endpoint, is not made.
  const isMade = ({ rule }: Router): boolean => {
    const target = targetOf(cluster, rule);
    return target !== undefined && !isEmpty(cluster, target);
  };
  const routers = all.filter(isMade).sort((a, b) => b.priority - a.priority);

  return (request) => {
    const [host, path] = [hostName(request.host), pathOnly(request.path)];
    const isFor = (r: Router): boolean => isOpen(r, request) && r.takes(host, path);
    const router = routers.find(isFor);
    if (router === undefined) {
      const lost = all.find(isFor);
      const why = "is not made: its Service is not there, or has no endpoint";
      return refused(
        request,
        404,
        lost === undefined ? "no router's rule matches" : `router ${lost.text} ${why}`,
      );
    }
    return proxy(router, request);
  };

  function proxy({ rule, text, priority }: Router, request: GatewayRequest): Answer {
    const backend = targetOf(cluster, rule);
    const names = annotation(rule.ingress, "router.middlewares");
    const result = applyMiddlewares(middlewaresOf(cluster, names), request);
    if (result.redirect !== undefined)
      return redirected(request, rule, result.redirect.status, result.redirect.location, "a middleware");
    if (backend === undefined || result.unknown !== undefined)
      return {
        ...refused(request, 404, `middleware ${result.unknown ?? ""} is not there: no router is made`),
      };
    const service = cluster.services.find(
      ({ metadata }) => metadata.namespace === backend.namespace && metadata.name === backend.service,
    );
    const own = service?.metadata.annotations["traefik.ingress.kubernetes.io/service.serversscheme"];
    const passHost = service?.metadata.annotations["traefik.ingress.kubernetes.io/service.passhostheader"];
    const upstream = upstreamOf(cluster, backend);
    return {
      ...refused(request, 200, ""),
      status: 200,
      backend,
      path: result.path,
      host: passHost === "false" ? `${backend.service}.${backend.namespace}` : request.host,
      requestHeaders: changeHeaders(request.headers, result.requestChanges),
      responseChanges: result.responseChanges,
      weights: { [backend.service]: 1 },
      upstream: {
        protocol: own === "h2c" ? "h2c" : upstream.protocol,
        tls: undefined,
        isUncheckedTls: own === "https" || (own === undefined && backend.port === 443),
      },
      notes: [`router rule ${text}, priority ${priority}`],
      rule: { object: rule.ingress, path: rule.at },
    };
  }
}

/** `router.entrypoints` and `router.tls` say where a router listens; without them everywhere. */
function isOpen({ rule: { ingress } }: Router, { scheme }: GatewayRequest): boolean {
  const points = annotation(ingress, "router.entrypoints");
  const wanted = scheme === "https" ? "websecure" : "web";
  if (points !== undefined && !points.split(",").some((point) => point.trim() === wanted)) return false;
  return annotation(ingress, "router.tls") !== "true" || scheme === "https";
}

const catchAll = (rule: PathRule): Router => ({
  rule,
  text: 'PathPrefix("/")',
  priority: -(2 ** 31),
  takes: () => true,
});

function routerOf(rule: PathRule): Router {
  const { ingress, host, path, pathType } = rule;
  const chosen = annotation(ingress, "router.pathmatcher");
  const matcher =
    pathType === "Exact" ? "Path" : pathType === "Prefix" ? "PathPrefix" : (chosen ?? "PathPrefix");
  const parts = [...(host === "" ? [] : [`Host("${host}")`]), `${matcher}("${path}")`];
  const text = parts.join(" && ");
  const given = Number(annotation(ingress, "router.priority"));
  return {
    rule,
    text,
    priority: Number.isInteger(given) && given !== 0 ? given : text.length,
    takes: (asked, wanted) => takesHost(host, asked) && takesPath(matcher, path, wanted),
  };
}

/** A wildcard stands for one label. */
const takesHost = (pattern: string, host: string): boolean =>
  pattern === "" ||
  pattern === host.replace(/\.$/, "") ||
  (pattern.startsWith("*.") &&
    host.endsWith(pattern.slice(1)) &&
    !host.slice(0, 1 - pattern.length).includes("."));

function takesPath(matcher: string, pattern: string, path: string): boolean {
  if (matcher === "Path") return path === pattern;
  if (matcher === "PathRegexp") return expression(pattern).find(path) !== undefined;
  return path.startsWith(pattern);
}
