/** Where a Gateway sends a request: listener, route, rule, backend, and what it changes on the way (Gateway API v1). */
import type { Cluster, OtherObject } from "../model/types.ts";
import { attachAll } from "./attach.ts";
import type { Entry } from "./attach.ts";
import { forward } from "./forward.ts";
import { bestMatch, hostMatches, specificity } from "./hostname.ts";
import { effectiveListeners, isServed } from "./listeners.ts";
import type { Effective } from "./listeners.ts";
import { bestRule, compareSpecific } from "./match.ts";
import type { Found } from "./match.ts";
import type { Route } from "./objects.ts";
import { PASSTHROUGH, heaviest, hostName, refused } from "./request.ts";
import type { Answer, GatewayRequest, Pick } from "./request.ts";

export interface GatewayTable {
  readonly gateway: OtherObject;
  readonly listeners: readonly Effective[];
  /** What becomes of a request on a port of the Gateway; `pick` chooses among weighted backends. */
  route(request: GatewayRequest, port: number, pick?: Pick): Answer;
  /** The listener that a connection with this name is for, of those on a port that speak TLS. */
  listenerFor(port: number, serverName: string): Effective | undefined;
}

/** Reads a Gateway, its listeners and the routes attached to them, once for many requests. */
export function createGatewayTable(cluster: Cluster, gateway: OtherObject): GatewayTable {
  const listeners = effectiveListeners(cluster, gateway);
  const attached = attachAll(cluster, listeners);
  const openOn = (port: number): Effective[] => listeners.filter((l) => l.port === port && isServed(l));

  return {
    gateway,
    listeners,
    listenerFor: (port, serverName) => mostSpecific(openOn(port), serverName.toLowerCase()),
    route(request, port, pick = heaviest) {
      const open = openOn(port);
      if (open.length === 0) return refused(request, 0, reasonClosed(listeners, port));
      const isTls = open.some((l) => l.protocol === "HTTPS" || l.protocol === "TLS");
      const named = isTls ? (request.sni ?? hostName(request.host)) : hostName(request.host);
      const listener = mostSpecific(open, named.toLowerCase());
      if (listener === undefined)
        return isTls
          ? refused(request, 0, `no listener on port ${port} has a certificate for ${named}`)
          : refused(request, 404, `no listener on port ${port} takes the host ${named}`);
      const routes = attached.at(listener);
      if (listener.protocol !== "HTTP" && listener.protocol !== "HTTPS")
        return stream(cluster, routes, listener, named.toLowerCase(), request, pick);
      // One connection for another name: the client must ask again on a new one (RFC 9110, 15.5.20).
      if (isTls && mostSpecific(open, hostName(request.host)) !== listener)
        return refused(request, 421, `the connection was made for ${named}`);
      return routeRequest(cluster, routes, request, request.port ?? port, pick);
    },
  };
}

function reasonClosed(listeners: readonly Effective[], port: number): string {
  const here = listeners.find((l) => l.port === port);
  if (here === undefined) return `nothing listens on port ${port}`;
  return `listener ${here.name} on port ${port} is not used: ${here.fault ?? here.refFault ?? "Invalid"}`;
}

function mostSpecific(listeners: readonly Effective[], host: string): Effective | undefined {
  return listeners
    .filter(({ hostname }) => hostMatches(hostname, host))
    .sort((a, b) => specificity(b.hostname) - specificity(a.hostname))[0];
}

/** TLSRoute by name, TCPRoute and UDPRoute: the most specific name, then the oldest. */
function stream(
  cluster: Cluster,
  entries: readonly Entry[],
  { protocol, tlsMode }: Effective,
  name: string,
  request: GatewayRequest,
  pick: Pick,
): Answer {
  // Without names there is nothing that a connection could be told apart by: the oldest route has them all.
  const isNamed = protocol === "TLS";
  const found = entries
    .flatMap(({ route, hostnames }) => {
      const best = isNamed ? bestMatch(hostnames, name) : { rank: 0 };
      return best === undefined ? [] : [{ route, rank: best.rank }];
    })
    .sort((a, b) => b.rank - a.rank)[0];
  const rule = found?.route.rules[0];
  if (found === undefined || rule === undefined)
    return refused(request, 0, isNamed ? `no route takes ${name}` : "no route is attached");
  const answer = forward(
    cluster,
    found.route,
    { rule, index: 0, specific: [], prefix: undefined },
    { request, port: 0, pick },
  );
  const passed = tlsMode === "Passthrough" ? { isPassthrough: true as const, notes: [PASSTHROUGH] } : {};
  // A connection has no status: it is there, or it is not.
  return { ...answer, status: answer.backend === null ? 0 : 200, ...passed };
}

/** The best rule of several routes, the oldest first, and what it makes of a request; 404 where none takes it. */
export function routeRequest(
  cluster: Cluster,
  entries: readonly Entry[],
  request: GatewayRequest,
  port: number,
  pick: Pick,
): Answer {
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
  return forward(cluster, best.route, best.found, { request, port, pick });
}
