/** Filters of rules and backends: headers, redirects, rewrites, mirrors, CORS. */
import type { Cluster } from "../model/types.ts";
import { readBackend } from "./backends.ts";
import { fields, list, number, text, texts } from "./fields.ts";
import type { Fields } from "./fields.ts";
import { header, hostName, pathOnly, queryOf } from "./request.ts";
import type { Answer, GatewayRequest, HeaderChange, Redirect } from "./request.ts";

/** What a rule's filters and those of the chosen backend make of a request. */
export interface Filtered {
  readonly requestChanges: readonly HeaderChange[];
  readonly responseChanges: readonly HeaderChange[];
  readonly host: string;
  readonly path: string;
  readonly redirect: (Redirect & { readonly status: number }) | null;
  readonly mirrors: Answer["mirrors"];
  /** The answer to a CORS preflight, which no backend sees. */
  readonly preflight: boolean;
  /** A filter that cannot be applied: it must not be skipped, requests get a 500. */
  readonly fault: string | undefined;
}

/** Why filters of one rule cannot be used, undefined when they can (condition Accepted of the route). */
export function filtersFault(
  filters: readonly Fields[],
): "IncompatibleFilters" | "UnsupportedValue" | undefined {
  const types = new Set(filters.map(({ type }) => type));
  if (types.has("RequestRedirect") && types.has("URLRewrite")) return "IncompatibleFilters";
  return filters.every(isKnown) ? undefined : "UnsupportedValue";
}

/** A type, and of redirects a scheme and a status, that the specification lists. */
function isKnown(filter: Fields): boolean {
  if (!KNOWN.has(String(filter["type"]))) return false;
  const { scheme = "http", statusCode = 302 } = fields(filter["requestRedirect"]);
  return ["http", "https"].includes(String(scheme)) && [301, 302, 303, 307, 308].includes(Number(statusCode));
}

/** `ExtensionRef` leads to kinds of other controllers, which netsim does not know; `ExternalAuth` asks a server. */
const KNOWN = new Set([
  "RequestHeaderModifier",
  "ResponseHeaderModifier",
  "RequestRedirect",
  "URLRewrite",
  "RequestMirror",
  "CORS",
  "ExtensionRef",
]);

export function applyFilters(
  cluster: Cluster,
  from: { readonly kind: string; readonly namespace: string },
  filters: readonly Fields[],
  request: GatewayRequest,
  listenerPort: number,
  prefix: string | undefined,
): Filtered {
  const requestChanges: HeaderChange[] = [];
  const responseChanges: HeaderChange[] = [];
  const mirrors: Answer["mirrors"][number][] = [];
  let { host, path } = request;
  let redirect: Filtered["redirect"] = null;
  let preflight = false;
  let fault: string | undefined = filtersFault(filters);
  for (const filter of filters) {
    switch (filter["type"]) {
      case "RequestHeaderModifier":
        requestChanges.push(readChange(filter["requestHeaderModifier"]));
        break;
      case "ResponseHeaderModifier":
        responseChanges.push(readChange(filter["responseHeaderModifier"]));
        break;
      case "RequestRedirect":
        redirect ??= readRedirect(fields(filter["requestRedirect"]), request, listenerPort, prefix);
        break;
      case "URLRewrite": {
        const rewrite = fields(filter["urlRewrite"]);
        host = text(rewrite["hostname"]) ?? host;
        path = replacePath(fields(rewrite["path"]), path, prefix);
        break;
      }
      case "RequestMirror": {
        const mirror = fields(filter["requestMirror"]);
        const { namespace, name, port, fault } = readBackend(cluster, from, mirror["backendRef"]);
        const fraction = fields(mirror["fraction"]);
        const of = number(fraction["numerator"]);
        const share = of === undefined ? undefined : (100 * of) / (number(fraction["denominator"]) ?? 100);
        const percent = share ?? number(mirror["percent"]) ?? 100;
        if (fault === undefined) mirrors.push({ namespace, service: name, port, percent });
        break;
      }
      case "CORS": {
        const cors = readCors(fields(filter["cors"]), request);
        responseChanges.push(cors.change);
        preflight ||= cors.preflight;
        break;
      }
      case "ExtensionRef": {
        const { kind, name } = fields(filter["extensionRef"]);
        fault ??= `${text(kind) ?? "ExtensionRef"} ${text(name) ?? ""} is a filter that netsim does not know`;
        break;
      }
    }
  }
  return { requestChanges, responseChanges, host, path, redirect, mirrors, preflight, fault };
}

function readChange(value: unknown): HeaderChange {
  const change = fields(value);
  const pairs = (entries: unknown): (readonly [string, string])[] =>
    list(entries).map((entry) => [text(fields(entry)["name"]) ?? "", text(fields(entry)["value"]) ?? ""]);
  return { set: pairs(change["set"]), add: pairs(change["add"]), remove: texts(change["remove"]) };
}

/** The path with its query after a replacement of all of it, or of the prefix that matched. */
function replacePath(replacement: Fields, path: string, prefix: string | undefined): string {
  const [own, query] = [pathOnly(path), queryOf(path)];
  if (replacement["type"] === "ReplaceFullPath") return (text(replacement["replaceFullPath"]) ?? "/") + query;
  if (replacement["type"] !== "ReplacePrefixMatch" || prefix === undefined) return path;
  const rest = own.slice(prefix.replace(/\/$/, "").length);
  const start = (text(replacement["replacePrefixMatch"]) ?? "").replace(/\/$/, "");
  const whole = rest === "" && start === "" ? "/" : start + rest;
  return (whole.startsWith("/") ? whole : `/${whole}`) + query;
}

const PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

function readRedirect(
  redirect: Fields,
  request: GatewayRequest,
  listenerPort: number,
  prefix: string | undefined,
): Redirect & { status: number } {
  const scheme = text(redirect["scheme"]);
  const to = scheme ?? request.scheme;
  const host = text(redirect["hostname"]) ?? hostName(request.host);
  // Without a port: that of a scheme that is named, else the one that was asked.
  const port =
    number(redirect["port"]) ?? (scheme === undefined ? listenerPort : (PORTS[scheme] ?? listenerPort));
  const replaced = replacePath(fields(redirect["path"]), request.path, prefix);
  const shownPort = PORTS[to] === port ? "" : `:${port}`;
  return {
    status: number(redirect["statusCode"]) ?? 302,
    scheme: to,
    host,
    port,
    path: pathOnly(replaced),
    location: `${to}://${host.includes(":") ? `[${host}]` : host}${shownPort}${replaced}`,
  };
}

/** What the CORS filter answers with; `preflight` is one that it answers itself. */
function readCors(cors: Fields, request: GatewayRequest): { change: HeaderChange; preflight: boolean } {
  const origin = header(request.headers, "origin");
  const wantedMethod = header(request.headers, "access-control-request-method");
  const preflight = request.method === "OPTIONS" && origin !== undefined && wantedMethod !== undefined;
  const set: (readonly [string, string])[] = [];
  const change = { set, add: [], remove: [] };
  if (origin === undefined || !texts(cors["allowOrigins"]).some((pattern) => isOrigin(pattern, origin)))
    return { change, preflight };

  set.push(["access-control-allow-origin", origin]);
  if (cors["allowCredentials"] === true) set.push(["access-control-allow-credentials", "true"]);
  const exposed = texts(cors["exposeHeaders"]);
  // With credentials browsers take a `*` for a header of that name.
  const isUseless = exposed.includes("*") && cors["allowCredentials"] === true;
  if (exposed.length > 0 && !isUseless) set.push(["access-control-expose-headers", exposed.join(", ")]);
  if (!preflight) return { change, preflight };

  // A wildcard is answered with what was asked for: with credentials browsers take no `*`.
  const methods = texts(cors["allowMethods"]);
  const allowed = methods.includes("*") ? [wantedMethod] : methods;
  if (allowed.length > 0) set.push(["access-control-allow-methods", allowed.join(", ")]);
  const names = texts(cors["allowHeaders"]);
  const asked = header(request.headers, "access-control-request-headers");
  const headers = names.includes("*") ? asked : names.join(", ");
  if (headers !== undefined && headers !== "") set.push(["access-control-allow-headers", headers]);
  set.push(["access-control-max-age", String(number(cors["maxAge"]) ?? 5)]);
  return { change, preflight };
}

/** Without the port that its scheme has anyway. */
const bareOrigin = (origin: string): string =>
  origin.toLowerCase().replace(/^(http:\/\/.*):80$|^(https:\/\/.*):443$/, "$1$2");

/** `*`, `https://www.foo.com`, `https://*.bar.com:8443`. */
function isOrigin(pattern: string, origin: string): boolean {
  if (pattern === "*" || bareOrigin(pattern) === bareOrigin(origin)) return true;
  const parts = /^([a-z][a-z0-9+.-]*:\/\/)\*(\.[^:]+)?(:\d+|:\*)?$/i.exec(pattern);
  if (parts === null) return false;
  const [, scheme = "", domain = "", port = ""] = parts;
  const own = /^([a-z][a-z0-9+.-]*:\/\/)([^/:]+)(:\d+)?$/i.exec(origin);
  if (own?.[1]?.toLowerCase() !== scheme.toLowerCase()) return false;
  const host = (own[2] ?? "").toLowerCase();
  return (
    host.endsWith(domain.toLowerCase()) &&
    host.length > domain.length &&
    (port === ":*" || port === (own[3] ?? ""))
  );
}
