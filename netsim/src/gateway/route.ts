/** Where a Gateway sends a request: listener, route, rule, backend, and what it changes on the way (Gateway API v1). */
import type { Cluster, OtherObject } from "../model/types.ts";
import { attach, backendRefs, effectiveListeners } from "./attach.ts";
import type { Effective } from "./attach.ts";
import { readBackend } from "./backends.ts";
import type { Backend } from "./backends.ts";
import { fields, list, text } from "./fields.ts";
import { applyFilters } from "./filters.ts";
import { bestMatch, hostMatches, specificity } from "./hostname.ts";
import { bestRule, compareSpecific, isGrpc } from "./match.ts";
import type { Found } from "./match.ts";
import { readRoutes } from "./objects.ts";
import type { Route } from "./objects.ts";
import { changeHeaders, hostName, refused } from "./request.ts";
import type { Answer, GatewayRequest } from "./request.ts";

export interface GatewayTable {
  readonly gateway: OtherObject;
  readonly listeners: readonly Effective[];
  /** What becomes of a request on a port of the Gateway. */
  route(request: GatewayRequest, port: number): Answer;
}

interface Entry {
  readonly route: Route;
  readonly hostnames: readonly string[];
}

/** Reads a Gateway, its listeners and the routes attached to them, once for many requests. */
export function createGatewayTable(cluster: Cluster, gateway: OtherObject): GatewayTable {
  const listeners = effectiveListeners(cluster, gateway);
  const entries = new Map<Effective, Entry[]>(listeners.map((listener) => [listener, []]));
  for (const route of readRoutes(cluster))
    for (const parent of route.parents) {
      const attachment = attach(cluster, route, parent, listeners);
      if (attachment.reason !== "Accepted") continue;
      for (const { listener, hostnames } of attachment.listeners)
        if (listener.fault === undefined) entries.get(listener)?.push({ route, hostnames });
    }

  return {
    gateway,
    listeners,
    route(request, port) {
      const open = listeners.filter((l) => l.port === port && l.fault === undefined);
      if (open.length === 0) return refused(request, 0, `nothing listens on port ${port}`);
      const isTls = open.some((l) => l.protocol === "HTTPS" || l.protocol === "TLS");
      const named = isTls ? (request.sni ?? hostName(request.host)) : hostName(request.host);
      const listener = mostSpecific(open, named.toLowerCase());
      if (listener === undefined)
        return isTls
          ? refused(request, 0, `no listener on port ${port} has a certificate for ${named}`)
          : refused(request, 404, `no listener on port ${port} takes the host ${named}`);
      if (listener.protocol !== "HTTP" && listener.protocol !== "HTTPS")
        return stream(cluster, entries.get(listener) ?? [], named.toLowerCase(), request);
      // One connection for another name: the client must ask again on a new one (RFC 9110, 15.5.20).
      if (isTls && mostSpecific(open, hostName(request.host)) !== listener)
        return refused(request, 421, `the connection was made for ${named}`);
      return web(cluster, entries.get(listener) ?? [], request, request.port ?? port);
    },
  };
}

function mostSpecific(listeners: readonly Effective[], host: string): Effective | undefined {
  return listeners
    .filter(({ hostname }) => hostMatches(hostname, host))
    .sort((a, b) => specificity(b.hostname) - specificity(a.hostname))[0];
}

/** TLSRoute by name, TCPRoute and UDPRoute: the most specific name, then the oldest. */
function stream(cluster: Cluster, entries: readonly Entry[], name: string, request: GatewayRequest): Answer {
  const found = entries
    .flatMap(({ route, hostnames }) => {
      const best = bestMatch(hostnames, name);
      return best === undefined ? [] : [{ route, rank: best.rank }];
    })
    .sort((a, b) => b.rank - a.rank)[0];
  const rule = found?.route.rules[0];
  if (found === undefined || rule === undefined) return refused(request, 0, `no route takes ${name}`);
  return forward(cluster, found.route, { rule, index: 0, specific: [], prefix: undefined }, request, 0);
}

function web(cluster: Cluster, entries: readonly Entry[], request: GatewayRequest, port: number): Answer {
  const host = hostName(request.host);
  let best: { route: Route; rank: number; found: Found } | undefined;
  for (const { route, hostnames } of entries) {
    const name = bestMatch(hostnames, host);
    const found = name === undefined ? undefined : bestRule(route, request);
    if (name === undefined || found === undefined) continue;
    // Entries come oldest first, so only what is better takes the place.
    const better =
      best === undefined ||
      name.rank > best.rank ||
      (name.rank === best.rank && compareSpecific(found.specific, best.found.specific) < 0);
    if (better) best = { route, rank: name.rank, found };
  }
  if (best === undefined) return refused(request, 404, "no rule matches");
  return forward(cluster, best.route, best.found, request, port);
}

function forward(
  cluster: Cluster,
  route: Route,
  { rule, index, prefix }: Found,
  request: GatewayRequest,
  port: number,
): Answer {
  const backends = backendRefs(rule).map((ref) => readBackend(cluster, route, ref));
  const total = backends.reduce((sum, { weight }) => sum + weight, 0);
  const chosen = backends.reduce<Backend | undefined>(
    (best, b) => (b.weight > (best?.weight ?? 0) ? b : best),
    undefined,
  );
  const filters = [...list(rule["filters"]).map(fields), ...(chosen?.filters ?? [])];
  const filtered = applyFilters(cluster, route, filters, request, port, prefix);
  const { redirect, preflight } = filtered;
  const answered = redirect !== null || preflight;
  const fault = answered ? undefined : faultOf(chosen, isGrpc(request));
  const to = answered || fault !== undefined ? undefined : chosen;
  return {
    status: redirect?.status ?? (preflight ? 204 : fault === undefined ? 200 : 500),
    ...(fault !== undefined && { reason: fault }),
    backend: to === undefined ? null : { namespace: to.namespace, service: to.name, port: to.port },
    path: filtered.path,
    host: filtered.host,
    requestHeaders: changeHeaders(request.headers, filtered.requestChanges),
    responseChanges: filtered.responseChanges,
    redirect: redirect === null ? null : redirectOf(redirect),
    mirrors: filtered.mirrors,
    weights: sharesOf(backends, total),
    timeouts: timeoutsOf(fields(rule["timeouts"])),
    rule: { object: route.object, path: ["spec", "rules", index] },
  };
}

const redirectOf = ({ scheme, host, port, path, location }: NonNullable<Answer["redirect"]>) => ({
  scheme,
  host,
  port,
  path,
  location,
});

function faultOf(chosen: Backend | undefined, grpc: boolean): string | undefined {
  if (chosen === undefined) return "the rule has no backend with a weight";
  if (chosen.fault === undefined) return undefined;
  return `backend ${chosen.namespace}/${chosen.name}: ${chosen.fault}${grpc ? " (UNAVAILABLE)" : ""}`;
}

/** By the Service's name, with its namespace where two have the same. */
function sharesOf(backends: readonly Backend[], total: number): Record<string, number> {
  const shares: Record<string, number> = {};
  for (const { namespace, name, weight } of backends) {
    const isShared = backends.some((b) => b.name === name && b.namespace !== namespace);
    const key = isShared ? `${namespace}/${name}` : name;
    shares[key] = (shares[key] ?? 0) + (total === 0 ? 0 : weight / total);
  }
  return shares;
}

const MILLISECONDS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Durations of the Gateway API (GEP-2257): `1h30m`, `500ms`. */
export function parseDuration(value: unknown): number | undefined {
  const given = text(value);
  if (given === undefined || !/^(?:\d{1,5}(?:h|ms|m|s)){1,4}$/.test(given)) return undefined;
  let total = 0;
  for (const [, count, unit = ""] of given.matchAll(/(\d+)(h|ms|m|s)/g))
    total += Number(count) * (MILLISECONDS[unit] ?? 0);
  return total;
}

function timeoutsOf(timeouts: Record<string, unknown>): Answer["timeouts"] {
  const [request, backendRequest] = [
    parseDuration(timeouts["request"]),
    parseDuration(timeouts["backendRequest"]),
  ];
  return {
    ...(request !== undefined && { request }),
    ...(backendRequest !== undefined && { backendRequest }),
  };
}
