/** What a rule makes of a request that it takes: filters, backend, and what is wrong with them. */
import type { Cluster } from "../model/types.ts";
import { backendRefs } from "./attach.ts";
import { isDeserted, readBackend, upstreamOf } from "./backends.ts";
import type { Backend } from "./backends.ts";
import { fields, list, number, text } from "./fields.ts";
import type { Fields } from "./fields.ts";
import { applyFilters } from "./filters.ts";
import { isGrpc } from "./match.ts";
import type { Found } from "./match.ts";
import type { Route } from "./objects.ts";
import { changeHeaders } from "./request.ts";
import type { Answer, GatewayRequest, Pick, Retry } from "./request.ts";

export interface Asked {
  readonly request: GatewayRequest;
  /** The port that the client asked; redirects without one keep it. */
  readonly port: number;
  readonly pick: Pick;
}

export function forward(
  cluster: Cluster,
  route: Route,
  { rule, index, prefix }: Found,
  { request, port, pick }: Asked,
): Answer {
  const backends = backendRefs(rule).map((ref) => readBackend(cluster, route, ref));
  const chosen = backends[pick(backends.map(({ weight }) => weight))];
  const filters = [...list(rule["filters"]).map(fields), ...(chosen?.filters ?? [])];
  const filtered = applyFilters(cluster, route, filters, request, port, prefix);
  const { redirect, preflight } = filtered;
  const isAnswered = filtered.fault === undefined && (redirect !== null || preflight);
  const fault = filtered.fault === undefined ? undefined : { status: 500, reason: filtered.fault };
  const broken = fault ?? (isAnswered ? undefined : faultOf(cluster, chosen, isGrpc(request)));
  const to =
    isAnswered || broken !== undefined || chosen === undefined
      ? null
      : { namespace: chosen.namespace, service: chosen.name, port: chosen.port };
  const retry = retryOf(fields(rule["retry"]));
  return {
    status: broken?.status ?? redirect?.status ?? (preflight ? 204 : 200),
    ...(broken !== undefined && { reason: broken.reason }),
    backend: to,
    path: filtered.path,
    host: filtered.host,
    requestHeaders: changeHeaders(request.headers, filtered.requestChanges),
    responseChanges: filtered.responseChanges,
    redirect: redirect === null || !isAnswered ? null : redirectOf(redirect),
    mirrors: filtered.mirrors,
    weights: sharesOf(backends),
    timeouts: timeoutsOf(fields(rule["timeouts"])),
    ...(retry !== undefined && { retry }),
    ...(to !== null && { upstream: upstreamOf(cluster, to) }),
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

/**
 * 500 where there is nobody to ask, or somebody who must not be asked; 503 where a Service has no endpoint that is ready
 * (HTTPRouteRule.backendRefs); 500 again where TLS with the backend cannot be trusted.
 */
function faultOf(
  cluster: Cluster,
  chosen: Backend | undefined,
  grpc: boolean,
): { readonly status: number; readonly reason: string } | undefined {
  if (chosen === undefined) return { status: 500, reason: "the rule has no backend with a weight" };
  const { namespace, name, port, fault } = chosen;
  const say = (status: number, what: string) => ({
    status,
    reason: `backend ${namespace}/${name}: ${what}${grpc ? " (UNAVAILABLE)" : ""}`,
  });
  if (fault !== undefined) return say(500, fault);
  const { tls } = upstreamOf(cluster, { namespace, service: name, port });
  if (tls?.isBroken === true)
    return say(500, `BackendTLSPolicy ${tls.policy.metadata.name} has no authority that can be used`);
  return isDeserted(cluster, namespace, name) ? say(503, "no endpoint is ready") : undefined;
}

/** By the Service's name, with its namespace where two have the same. */
function sharesOf(backends: readonly Backend[]): Record<string, number> {
  const total = backends.reduce((sum, { weight }) => sum + weight, 0);
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

function timeoutsOf(timeouts: Fields): Answer["timeouts"] {
  const [request, backendRequest] = [
    parseDuration(timeouts["request"]),
    parseDuration(timeouts["backendRequest"]),
  ];
  return {
    ...(request !== undefined && { request }),
    ...(backendRequest !== undefined && { backendRequest }),
  };
}

/** `retry` of a rule: codes, attempts and backoff; nothing without it. What is left out: one further try, at once. */
function retryOf(retry: Fields): Retry | undefined {
  if (Object.keys(retry).length === 0) return undefined;
  return {
    codes: list(retry["codes"]).flatMap((code) => number(code) ?? []),
    attempts: number(retry["attempts"]) ?? 1,
    backoff: parseDuration(retry["backoff"]) ?? 0,
  };
}
