/**
 * ingress-nginx (`k8s.io/ingress-nginx`): hosts and paths become nginx's servers and locations, annotations
 * `nginx.ingress.kubernetes.io/*` rewrites, redirects and canaries.
 * Documentation: https://kubernetes.github.io/ingress-nginx/user-guide/ingress-path-matching/ and
 * .../user-guide/nginx-configuration/annotations/
 */
import type { OtherObject } from "../../model/types.ts";
import { hostName, pathOnly, refused } from "../request.ts";
import type { Answer, GatewayRequest } from "../request.ts";
import { annotationsOf } from "./annotations.ts";
import { withCanary } from "./canary.ts";
import { nginxMirrors, nginxUpstream } from "./nginx-backend.ts";
import { matchPattern, normalPath, parseSize, rewritePath } from "./nginx-paths.ts";
import {
  defaultRule,
  hasRules,
  hasTls,
  isEmpty,
  passedThrough,
  redirected,
  serverName,
  targetOf,
} from "./rules.ts";
import type { IngressInput, PathRule, Serve } from "./rules.ts";

const annotation = annotationsOf("nginx.ingress.kubernetes.io");

const isCanary = (ingress: OtherObject): boolean => annotation(ingress, "canary") === "true";

interface Server {
  readonly locations: PathRule[];
  /** The backend of the Ingress that named the host first, for paths that none of the locations takes. */
  readonly fallback: PathRule | undefined;
}

export function serveNginx({ cluster, ingresses, rules }: IngressInput): Serve {
  const servers = new Map<string, Server>();
  for (const rule of rules.filter(({ ingress }) => !isCanary(ingress))) {
    const server = servers.get(rule.host) ?? { locations: [], fallback: defaultRule(rule.ingress) };
    servers.set(rule.host, server);
    // Of two equal paths the older counts.
    const isTaken = server.locations.some((l) => l.path === rule.path && l.pathType === rule.pathType);
    if (!isTaken) server.locations.push(rule);
  }
  const aliases = new Map<string, string>();
  for (const { ingress, host } of rules)
    for (const alias of (annotation(ingress, "server-alias") ?? "").split(",").map((name) => name.trim()))
      if (alias !== "" && !servers.has(alias)) aliases.set(alias.toLowerCase(), host);
  // The catch-all server: an Ingress with a backend and no rules.
  const catchAll = ingresses.find((ingress) => !hasRules(ingress) && defaultRule(ingress) !== undefined);
  const canaries = rules.filter(({ ingress }) => isCanary(ingress));

  return (request, pick) => {
    const asked = hostName(request.host);
    const host = aliases.get(asked) ?? asked;
    const moved = redirectOfWww(servers, host, request);
    if (moved !== undefined) return moved;
    const name = serverName([...servers.keys()], host);
    const server = name === undefined ? undefined : servers.get(name);
    const location = chooseLocation(server?.locations ?? [], request.path) ?? server?.fallback;
    // The default server is that of rules without a host: its root is the catch-all's.
    const rest = name === undefined || name === "" ? catchAll : undefined;
    const chosen = location ?? (rest === undefined ? undefined : defaultRule(rest));
    if (chosen === undefined)
      return refused(request, 404, "no rule matches, and there is no default backend");
    // The controller must have been started with --enable-ssl-passthrough.
    if (request.scheme === "https" && annotation(chosen.ingress, "ssl-passthrough") === "true")
      return passedThrough(cluster, server?.locations ?? [], request);
    const redirect = redirectOf(ingresses, chosen, request);
    if (redirect !== undefined) return redirect;
    return withCanary(cluster, proxy(chosen, request), chosen, canaries, request, pick);
  };

  function proxy(location: PathRule, request: GatewayRequest): Answer {
    const { ingress, at } = location;
    const rule = { object: ingress, path: at };
    const target = rewriteTarget(location);
    const path = target === undefined ? request.path : rewritePath(location.path, target, request.path);
    const backend = targetOf(cluster, location);
    const host = annotation(ingress, "upstream-vhost") ?? request.host;
    const seen = { path, host, rule };
    if (backend === undefined)
      return { ...refused(request, 503, "the backend's Service is not there, or has no such port"), ...seen };
    if (isEmpty(cluster, backend))
      return { ...refused(request, 503, `${backend.service}: no endpoint is ready`), ...seen };
    const prefix = annotation(ingress, "x-forwarded-prefix");
    const seconds = Number(annotation(ingress, "proxy-read-timeout") ?? 60);
    const limit = parseSize(annotation(ingress, "proxy-body-size") ?? "1m");
    return {
      ...refused(request, 200, ""),
      status: 200,
      backend,
      ...seen,
      ...(prefix !== undefined && {
        requestHeaders: { ...request.headers, "X-Forwarded-Prefix": prefix },
      }),
      weights: { [backend.service]: 1 },
      timeouts: Number.isFinite(seconds) ? { backendRequest: seconds * 1000 } : {},
      mirrors: nginxMirrors(cluster, ingress),
      upstream: nginxUpstream(cluster, ingress, backend),
      ...(limit !== undefined && { bodyLimit: limit }),
    };
  }
}

/** A target that is the path itself changes nothing: nginx is not told to rewrite. */
const rewriteTarget = ({ ingress, path }: PathRule): string | undefined => {
  const target = annotation(ingress, "rewrite-target") ?? "";
  return target === "" || target === path ? undefined : target;
};

const isRegex = (location: PathRule): boolean =>
  annotation(location.ingress, "use-regex") === "true" || rewriteTarget(location) !== undefined;

/** One rewrite or expression on a host makes all of its locations expressions, the longest first. */
function chooseLocation(locations: readonly PathRule[], requestPath: string): PathRule | undefined {
  const path = normalPath(pathOnly(requestPath));
  if (!locations.some(isRegex)) return choosePath(locations, path);
  return locations
    .toSorted((a, b) => b.path.length - a.path.length || (a.path < b.path ? 1 : -1))
    .find((location) => matchPattern(`^${location.path}`, path));
}

/** An equal path that is Exact, then the longest that holds; a Prefix in whole elements, what is neither by its characters. */
function choosePath(locations: readonly PathRule[], path: string): PathRule | undefined {
  const holds = ({ path: own, pathType }: PathRule): boolean => {
    if (pathType === "Exact") return path === own;
    if (pathType === "ImplementationSpecific") return path.startsWith(own);
    const bare = own.replace(/\/$/, "");
    return path === bare || path.startsWith(`${bare}/`);
  };
  const rank = ({ path: own, pathType }: PathRule): number => own.length * 2 + (pathType === "Exact" ? 1 : 0);
  return locations.filter(holds).sort((a, b) => rank(b) - rank(a))[0];
}

/** `from-to-www-redirect`: the one of `www.NAME` and `NAME` that has no server goes to the one that has. */
function redirectOfWww(
  servers: ReadonlyMap<string, Server>,
  host: string,
  request: GatewayRequest,
): Answer | undefined {
  if (servers.has(host)) return undefined;
  const other = host.startsWith("www.") ? host.slice(4) : `www.${host}`;
  const location = servers.get(other)?.locations[0];
  if (location === undefined || annotation(location.ingress, "from-to-www-redirect") !== "true")
    return undefined;
  const to = `${request.scheme}://${other}${request.path}`;
  return redirected(request, location, 308, to, "from-to-www-redirect");
}

/** Redirects by annotation, and to https where the host has a certificate. */
function redirectOf(
  ingresses: readonly OtherObject[],
  location: PathRule,
  request: GatewayRequest,
): Answer | undefined {
  const { ingress } = location;
  const host = hostName(request.host);
  const isForced = annotation(ingress, "force-ssl-redirect") === "true";
  const isWanted = isForced || (hasTls(ingresses, host) && annotation(ingress, "ssl-redirect") !== "false");
  if (request.scheme === "http" && isWanted)
    return redirected(request, location, 308, `https://${host}${request.path}`, "ssl-redirect");
  // A temporal redirect wins where both are written.
  for (const [name, standard] of [
    ["temporal-redirect", 302],
    ["permanent-redirect", 301],
  ] as const) {
    const url = annotation(ingress, name);
    const code = Number(annotation(ingress, `${name}-code`) ?? standard);
    const isCode = Number.isInteger(code) && code >= 300 && code <= 308;
    if (url !== undefined && url !== "")
      return redirected(request, location, isCode ? code : standard, url, name);
  }
  const root = annotation(ingress, "app-root");
  if (root !== undefined && pathOnly(request.path) === "/")
    return redirected(request, location, 302, `${request.scheme}://${request.host}${root}`, "app-root");
  return undefined;
}
