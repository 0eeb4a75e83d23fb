/**
 * Contour (`projectcontour.io/ingress-controller`) with Envoy: exact paths go before expressions, these before prefixes, longer before
 * shorter; an ImplementationSpecific path with one of `^+*[]%` is an expression for the whole path, else a prefix of characters.
 * A wildcard takes one label; a host that is known takes the request even when none of its paths does. HTTPS is served for hosts of
 * `spec.tls` alone, and HTTP beside it unless an annotation says otherwise.
 * Documentation: https://projectcontour.io/docs/main/config/ingress/ and https://projectcontour.io/docs/main/config/annotations/
 */
import { upstreamOf } from "../backends.ts";
import { expression } from "../expressions.ts";
import { fields, list, texts } from "../fields.ts";
import { parseGoDuration } from "./durations.ts";
import { header, hostName, pathOnly, refused } from "../request.ts";
import type { Answer, GatewayRequest } from "../request.ts";
import { annotationsOf } from "./annotations.ts";
import { defaultRule, isEmpty, isUnder, redirected, targetOf } from "./rules.ts";
import type { IngressInput, PathRule, Serve } from "./rules.ts";

const own = annotationsOf("projectcontour.io");
const shared = annotationsOf("ingress.kubernetes.io");
const kubernetes = annotationsOf("kubernetes.io");

const LOST = "the host has no route: the Services of its paths are not there";

type Kind = "exact" | "regex" | "segments" | "characters";
const ORDER: readonly Kind[] = ["exact", "regex", "segments", "characters"];

interface Route {
  readonly rule: PathRule;
  readonly kind: Kind;
  readonly path: string;
}

export function serveContour({ cluster, ingresses, rules }: IngressInput): Serve {
  const defaults = ingresses.flatMap((ingress) => defaultRule(ingress) ?? []);
  const routes = [...rules, ...defaults]
    // A path whose Service is not there is left out.
    .filter((rule) => targetOf(cluster, rule) !== undefined)
    .map(routeOf)
    .sort(compareRoutes);
  const secure = new Set(ingresses.flatMap(tlsHosts));

  return (request) => {
    const asked = hostName(request.host);
    const isSecure = request.scheme === "https";
    const isHere = ({ rule }: Route): boolean =>
      isSecure ? secure.has(rule.host) && rule.host !== "" : isHttp(rule);
    const hosts = [...new Set(routes.filter(isHere).map(({ rule }) => rule.host))];
    const name = virtualHost(hosts, asked);
    if (name === undefined)
      return isSecure
        ? refused(request, 0, secure.has(asked) ? LOST : `no Ingress has a certificate for ${asked}`)
        : refused(
            request,
            404,
            rules.some(({ host }) => host === asked) ? LOST : `no Ingress has the host ${asked}`,
          );
    const path = pathOnly(request.path);
    const route = routes.find(
      (r) => r.rule.host === name && isHere(r) && takesLabel(name, asked) && takes(r, path),
    );
    if (route === undefined) return refused(request, 404, "no route of the host matches");
    if (!isSecure && shared(route.rule.ingress, "force-ssl-redirect") === "true")
      return redirected(request, route.rule, 301, `https://${asked}${request.path}`, "force-ssl-redirect");
    return proxy(route, request);
  };

  function proxy({ rule }: Route, request: GatewayRequest): Answer {
    const { ingress, at } = rule;
    const seen = { rule: { object: ingress, path: at } };
    const backend = targetOf(cluster, rule);
    if (backend === undefined || isEmpty(cluster, backend))
      return { ...refused(request, 503, "no healthy upstream"), ...seen };
    if (header(request.headers, "upgrade")?.toLowerCase() === "websocket" && !takesWebsockets(rule))
      return { ...refused(request, 403, "the path is not among websocket-routes"), ...seen };
    const service = cluster.services.find(
      ({ metadata }) => metadata.namespace === backend.namespace && metadata.name === backend.service,
    );
    const port = service?.spec.ports.find((p) => p.port === backend.port);
    const speaks = (word: string): boolean =>
      (own(service as never, `upstream-protocol.${word}`) ?? "")
        .split(",")
        .some((p) => p.trim() === String(port?.port) || p.trim() === port?.name);
    const upstream = upstreamOf(cluster, backend);
    const minimum = own(ingress, "tls-minimum-protocol-version") ?? "1.2";
    return {
      ...refused(request, 200, ""),
      status: 200,
      backend,
      ...seen,
      weights: { [backend.service]: 1 },
      timeouts: { request: parseGoDuration(own(ingress, "response-timeout")) ?? 15_000 },
      ...retryOf(rule),
      upstream: {
        protocol: speaks("h2c") || speaks("h2") ? "h2c" : upstream.protocol,
        tls: undefined,
        isUncheckedTls: speaks("tls") || speaks("h2"),
      },
      ...(request.scheme === "https" && { notes: [`TLS ${minimum} or later`] }),
    };
  }
}

function routeOf(rule: PathRule): Route {
  const { path, pathType } = rule;
  if (pathType === "Exact") return { rule, kind: "exact", path };
  if (pathType === "Prefix")
    return path === "/"
      ? { rule, kind: "characters", path }
      : { rule, kind: "segments", path: path.replace(/\/+$/, "") };
  return { rule, kind: /[\^+*[\]%]/.test(path) ? "regex" : "characters", path };
}

/** Both kinds of prefix are one class, in which the length counts first. */
const classOf = ({ kind }: Route): number => Math.min(2, ORDER.indexOf(kind));

const compareRoutes = (a: Route, b: Route): number =>
  classOf(a) - classOf(b) || b.path.length - a.path.length || ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind);

function takes({ kind, path: pattern }: Route, path: string): boolean {
  if (kind === "exact") return path === pattern;
  if (kind === "regex") return expression(pattern).matches(path);
  return kind === "segments" ? isUnder(path, pattern) : path.startsWith(pattern);
}

/** Envoy's search: the name itself, the longest wildcard for any number of labels, then every name. */
function virtualHost(names: readonly string[], host: string): string | undefined {
  if (names.includes(host)) return host;
  const wildcards = names.filter((name) => name.startsWith("*.") && host.endsWith(name.slice(1)));
  return wildcards.sort((a, b) => b.length - a.length)[0] ?? (names.includes("") ? "" : undefined);
}

/** A route of a wildcard host asks for one label, though Envoy found the host by its end. */
const takesLabel = (name: string, host: string): boolean =>
  !name.startsWith("*.") || !host.slice(0, 1 - name.length).includes(".");

const tlsHosts = ({ spec }: PathRule["ingress"]): string[] =>
  list(fields(spec)["tls"]).flatMap((tls) => texts(fields(tls)["hosts"]).map((name) => name.toLowerCase()));

const isHttp = ({ ingress }: PathRule): boolean =>
  shared(ingress, "force-ssl-redirect") === "true" || kubernetes(ingress, "ingress.allow-http") !== "false";

const takesWebsockets = ({ ingress, path }: PathRule): boolean =>
  (own(ingress, "websocket-routes") ?? "").split(",").some((entry) => entry.trim() === path);

/** `retry-on` alone switches retries on. */
function retryOf({ ingress }: PathRule): Pick<Answer, "retry"> {
  const on = own(ingress, "retry-on");
  const count = Number(own(ingress, "num-retries") ?? 1);
  if (on === undefined || !Number.isInteger(count) || count < 0) return {};
  const codes = on.includes("5xx")
    ? [500, 502, 503, 504]
    : on.includes("gateway-error")
      ? [502, 503, 504]
      : [];
  return { retry: { codes, attempts: count === 0 ? 1 : count, backoff: 25 } };
}
