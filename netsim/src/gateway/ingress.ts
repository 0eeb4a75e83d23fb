/**
 * Where an Ingress controller sends a request, with the semantics of ingress-nginx: hosts and paths become servers and locations,
 * annotations `nginx.ingress.kubernetes.io/*` rewrites and redirects.
 */
import type { Cluster, OtherObject } from "../model/types.ts";
import { fields, list, number, text, texts } from "./fields.ts";
import { byAge } from "./objects.ts";
import { hostName, pathOnly, refused } from "./request.ts";
import type { Answer, GatewayRequest, Redirect, Target } from "./request.ts";
import { matchPattern, normalPath, rewritePath } from "./nginx.ts";

const PREFIX = "nginx.ingress.kubernetes.io/";

interface Location {
  readonly ingress: OtherObject;
  readonly at: readonly (string | number)[];
  readonly path: string;
  readonly pathType: "Exact" | "Prefix" | "ImplementationSpecific";
  readonly backend: unknown;
}

export interface IngressTable {
  readonly ingresses: readonly OtherObject[];
  route(request: GatewayRequest): Answer;
}

/** The Ingresses of a class: named in the spec or the old annotation, or none named and the class the default one or "". */
function ofClass(cluster: Cluster, name: string): OtherObject[] {
  const isDefault = name === "" || defaultClasses(cluster).includes(name);
  return cluster.ingresses
    .filter((ingress) => {
      const own = classOf(ingress);
      return own === undefined ? isDefault : own === name;
    })
    .map((object) => ({ object }))
    .sort(byAge)
    .map(({ object }) => object);
}

/** Classes that Ingresses of the input name, or are of by default; "" for those without any. */
export function ingressClasses(cluster: Cluster): string[] {
  const [standard] = defaultClasses(cluster);
  const names = cluster.ingresses.map((ingress) => classOf(ingress) ?? standard ?? "");
  return [...new Set(names)];
}

const classOf = (ingress: OtherObject): string | undefined =>
  text(fields(ingress.spec)["ingressClassName"]) ??
  ingress.metadata.annotations["kubernetes.io/ingress.class"];

const defaultClasses = (cluster: Cluster): string[] =>
  (cluster.others.get("IngressClass") ?? [])
    .filter(({ metadata }) => metadata.annotations["ingressclass.kubernetes.io/is-default-class"] === "true")
    .map(({ metadata }) => metadata.name);

export function createIngressTable(cluster: Cluster, ingressClass: string): IngressTable {
  const ingresses = ofClass(cluster, ingressClass);
  const servers = new Map<string, Location[]>();
  for (const ingress of ingresses)
    for (const [i, value] of list(fields(ingress.spec)["rules"]).entries()) {
      const host = (text(fields(value)["host"]) ?? "").toLowerCase();
      const locations = servers.get(host) ?? [];
      servers.set(host, locations);
      for (const [j, path] of list(fields(fields(value)["http"])["paths"]).entries()) {
        const type = fields(path)["pathType"];
        locations.push({
          ingress,
          at: ["spec", "rules", i, "http", "paths", j],
          path: text(fields(path)["path"]) ?? "/",
          pathType: type === "Exact" || type === "Prefix" ? type : "ImplementationSpecific",
          backend: fields(path)["backend"],
        });
      }
    }
  const fallback = ingresses.find((ingress) => fields(ingress.spec)["defaultBackend"] !== undefined);

  return {
    ingresses,
    route(request) {
      const name = serverName([...servers.keys()], hostName(request.host));
      const location = name === undefined ? undefined : chooseLocation(servers.get(name) ?? [], request.path);
      if (location !== undefined) return proxy(cluster, ingresses, location, request);
      if (fallback === undefined)
        return refused(request, 404, "no rule matches, and there is no default backend");
      const backend = fields(fallback.spec)["defaultBackend"];
      const at = ["spec", "defaultBackend"];
      return proxy(
        cluster,
        ingresses,
        { ingress: fallback, at, path: "/", pathType: "Prefix", backend },
        request,
      );
    },
  };
}

/** An exact name, then a wildcard for exactly one label, then the server of rules without a host. */
function serverName(names: readonly string[], host: string): string | undefined {
  if (names.includes(host)) return host;
  const dot = host.indexOf(".");
  const wildcard = dot > 0 ? `*${host.slice(dot)}` : "";
  if (wildcard !== "" && names.includes(wildcard)) return wildcard;
  return names.includes("") ? "" : undefined;
}

const annotation = ({ metadata }: OtherObject, name: string): string | undefined =>
  Object.hasOwn(metadata.annotations, PREFIX + name) ? metadata.annotations[PREFIX + name] : undefined;

const isRegex = ({ ingress }: Location): boolean =>
  annotation(ingress, "use-regex") === "true" || (annotation(ingress, "rewrite-target") ?? "") !== "";

/** One rewrite or expression on a host makes all of its locations expressions, in the order of their length. */
function chooseLocation(locations: readonly Location[], requestPath: string): Location | undefined {
  const path = normalPath(pathOnly(requestPath));
  if (locations.some(isRegex))
    return locations
      .toSorted((a, b) => b.path.length - a.path.length)
      .find((location) => matchPattern(`^${location.path}`, path));
  return choosePath(locations, path);
}

/** An equal path that is Exact, then the longest that holds; a Prefix in whole elements. */
function choosePath(locations: readonly Location[], path: string): Location | undefined {
  const holds = ({ path: own, pathType }: Location): boolean => {
    if (pathType === "Exact") return path === own;
    if (pathType === "ImplementationSpecific") return path.startsWith(own);
    const bare = own.replace(/\/$/, "");
    return path === bare || path.startsWith(`${bare}/`);
  };
  const rank = ({ path: own, pathType }: Location): number => own.length * 2 + (pathType === "Exact" ? 1 : 0);
  return locations.filter(holds).sort((a, b) => rank(b) - rank(a))[0];
}

function proxy(
  cluster: Cluster,
  ingresses: readonly OtherObject[],
  location: Location,
  request: GatewayRequest,
): Answer {
  const { ingress, at } = location;
  const rule = { object: ingress, path: at };
  const redirect = redirectOf(ingresses, location, request);
  if (redirect !== undefined)
    return { ...refused(request, redirect.status, redirect.reason), redirect: redirect.to, rule };

  const target = rewriteTarget(location);
  const path = target === undefined ? request.path : rewritePath(location.path, target, request.path);
  const backend = serviceOf(cluster, ingress.metadata.namespace, location.backend);
  const host = annotation(ingress, "upstream-vhost") ?? request.host;
  if (backend === undefined)
    return {
      ...refused(request, 503, "the backend's Service is not there, or has no such port"),
      path,
      host,
      rule,
    };
  return {
    ...refused(request, 200, ""),
    status: 200,
    backend,
    path,
    host,
    weights: { [backend.service]: 1 },
    rule,
  };
}

const rewriteTarget = ({ ingress }: Location): string | undefined => {
  const target = annotation(ingress, "rewrite-target");
  return target === "" ? undefined : target;
};

/** Redirects by annotation, and to https where the host has a certificate. */
function redirectOf(
  ingresses: readonly OtherObject[],
  { ingress }: Location,
  request: GatewayRequest,
): { readonly status: number; readonly reason: string; readonly to: Redirect } | undefined {
  const host = hostName(request.host);
  const hasTls = ingresses.some((object) =>
    list(fields(object.spec)["tls"]).some((tls) => {
      const hosts = texts(fields(tls)["hosts"]);
      return serverName(hosts, host) !== undefined;
    }),
  );
  const forced = annotation(ingress, "force-ssl-redirect") === "true";
  const wanted = forced || (hasTls && annotation(ingress, "ssl-redirect") !== "false");
  if (request.scheme === "http" && wanted)
    return { status: 308, reason: "ssl-redirect", to: locationOf(`https://${host}${request.path}`, request) };
  for (const [name, status] of [
    ["permanent-redirect", 301],
    ["temporal-redirect", 302],
  ] as const) {
    const url = annotation(ingress, name);
    const code =
      name === "permanent-redirect" ? Number(annotation(ingress, `${name}-code`) ?? status) : status;
    if (url !== undefined) return { status: code, reason: name, to: locationOf(url, request) };
  }
  const root = annotation(ingress, "app-root");
  if (root !== undefined && pathOnly(request.path) === "/")
    return {
      status: 302,
      reason: "app-root",
      to: locationOf(`${request.scheme}://${request.host}${root}`, request),
    };
  return undefined;
}

function locationOf(location: string, request: GatewayRequest): Redirect {
  const own = URL.canParse(location) ? new URL(location) : undefined;
  const scheme = own?.protocol.replace(":", "") ?? request.scheme;
  const port = Number(own?.port === "" ? undefined : own?.port) || (scheme === "https" ? 443 : 80);
  return { scheme, host: own?.hostname ?? request.host, port, path: own?.pathname ?? location, location };
}

function serviceOf(cluster: Cluster, namespace: string, value: unknown): Target | undefined {
  const service = fields(fields(value)["service"]);
  const name = text(service["name"]);
  const port = fields(service["port"]);
  const found = cluster.services.find((s) => s.metadata.namespace === namespace && s.metadata.name === name);
  const own = found?.spec.ports.find(
    (p) => p.port === number(port["number"]) || (p.name !== undefined && p.name === text(port["name"])),
  );
  return found === undefined || own === undefined
    ? undefined
    : { namespace, service: found.metadata.name, port: own.port };
}
