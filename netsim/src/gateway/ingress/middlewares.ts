/**
 * Traefik's Middlewares that change paths, headers or redirect, by their documentation:
 * https://doc.traefik.io/traefik/reference/routing-configuration/http/middlewares/overview/
 */
import type { Cluster, OtherObject } from "../../model/types.ts";
import { expression } from "../expressions.ts";
import { fields, list, text, texts } from "../fields.ts";
import { hostName, pathOnly, queryOf } from "../request.ts";
import type { GatewayRequest, HeaderChange } from "../request.ts";

/** `NAMESPACE-NAME@kubernetescrd,...` as the annotation has them; a name without an object stays a name. */
export function middlewaresOf(cluster: Cluster, names: string | undefined): (OtherObject | string)[] {
  const all = (cluster.others.get("Middleware") ?? []).filter(({ apiVersion }) =>
    /^traefik\.(?:io|containo\.us)\//.test(apiVersion),
  );
  const wanted = (names ?? "").split(",").map((name) => name.trim().replace(/@kubernetescrd$/, ""));
  return wanted
    .filter((name) => name !== "")
    .map((name) => all.find(({ metadata: m }) => `${m.namespace}-${m.name}` === name) ?? name)
    .flatMap((one) => (typeof one === "string" ? one : chainOf(all, one, 0)));
}

/** A chain stands for others, which may be chains. */
function chainOf(
  all: readonly OtherObject[],
  middleware: OtherObject,
  depth: number,
): (OtherObject | string)[] {
  const chain = fields(middleware.spec)["chain"];
  if (chain === undefined || depth > 8) return [middleware];
  return list(fields(chain)["middlewares"]).flatMap((value) => {
    const name = text(fields(value)["name"]) ?? "";
    const namespace = text(fields(value)["namespace"]) ?? middleware.metadata.namespace;
    const found = all.find(({ metadata: m }) => m.namespace === namespace && m.name === name);
    return found === undefined ? [`${namespace}-${name}`] : chainOf(all, found, depth + 1);
  });
}

export interface Applied {
  readonly path: string;
  readonly requestChanges: readonly HeaderChange[];
  readonly responseChanges: readonly HeaderChange[];
  readonly redirect: { readonly status: number; readonly location: string } | undefined;
  /** One that is named and is not there. */
  readonly unknown: string | undefined;
}

const slashed = (path: string): string => (path.startsWith("/") ? path : `/${path}`);
const setHeader = (name: string, value: string): HeaderChange => ({
  set: [[name, value]],
  add: [],
  remove: [],
});

/** One after the other, as the annotation names them; the first redirect ends it. */
export function applyMiddlewares(
  middlewares: readonly (OtherObject | string)[],
  request: GatewayRequest,
): Applied {
  let path = pathOnly(request.path);
  const query = queryOf(request.path);
  const requestChanges: HeaderChange[] = [];
  const responseChanges: HeaderChange[] = [];
  const state = (rest: Partial<Applied> = {}): Applied => ({
    path: path + query,
    requestChanges,
    responseChanges,
    redirect: undefined,
    unknown: undefined,
    ...rest,
  });
  for (const middleware of middlewares) {
    if (typeof middleware === "string") return state({ unknown: middleware });
    const spec = fields(middleware.spec);
    const replacement = pathAfter(spec, path);
    if (replacement !== undefined) {
      requestChanges.push(setHeader(replacement.header, replacement.value));
      path = replacement.path;
    }
    const redirect = redirectOf(spec, path + query, request);
    if (redirect !== undefined) return state({ redirect });
    const headers = fields(spec["headers"]);
    requestChanges.push(customHeaders(headers["customRequestHeaders"]));
    responseChanges.push(customHeaders(headers["customResponseHeaders"]));
  }
  return state();
}

function pathAfter(
  spec: Record<string, unknown>,
  path: string,
): { readonly path: string; readonly header: string; readonly value: string } | undefined {
  const replaced = { header: "X-Replaced-Path", value: path };
  const strip = texts(fields(spec["stripPrefix"])["prefixes"]).find((prefix) => path.startsWith(prefix));
  if (strip !== undefined)
    return { path: slashed(path.slice(strip.length)), header: "X-Forwarded-Prefix", value: strip };
  for (const pattern of texts(fields(spec["stripPrefixRegex"])["regex"])) {
    const found = expression(pattern).find(path);
    if (found?.start !== 0) continue;
    const prefix = path.slice(0, found.end);
    return { path: slashed(path.slice(found.end)), header: "X-Forwarded-Prefix", value: prefix };
  }
  const whole = text(fields(spec["replacePath"])["path"]);
  if (whole !== undefined) return { path: whole, ...replaced };
  const byRegex = fields(spec["replacePathRegex"]);
  const pattern = text(byRegex["regex"]);
  if (pattern !== undefined && expression(pattern).find(path) !== undefined)
    return { path: replaceAll(path, pattern, text(byRegex["replacement"]) ?? ""), ...replaced };
  const prefix = text(fields(spec["addPrefix"])["prefix"]);
  return prefix === undefined ? undefined : { path: slashed(prefix + path), ...replaced };
}

/** Go's ReplaceAllString: `$1` and `${1}` are groups. */
function replaceAll(given: string, pattern: string, replacement: string): string {
  let [result, rest] = ["", given];
  for (let count = 0; count < 1000; count++) {
    const found = expression(pattern).find(rest);
    if (found === undefined) break;
    result += rest.slice(0, found.start);
    result += replacement.replace(/\$\{?(\d+)\}?/g, (_, n: string) => found.groups[Number(n)] ?? "");
    const isEmpty = found.end === found.start;
    if (isEmpty) result += rest.slice(found.end, found.end + 1);
    if (rest.length <= found.end) return result;
    rest = rest.slice(found.end + (isEmpty ? 1 : 0));
    // What is anchored matches at the beginning only, which is gone.
    if (pattern.startsWith("^")) break;
  }
  return result + rest;
}

function redirectOf(
  spec: Record<string, unknown>,
  path: string,
  request: GatewayRequest,
): { status: number; location: string } | undefined {
  const isGet = request.method === "GET";
  const status = (value: unknown): number => (value === true ? (isGet ? 301 : 308) : isGet ? 302 : 307);
  const scheme = fields(spec["redirectScheme"]);
  const to = text(scheme["scheme"]);
  if (to !== undefined && to !== request.scheme) {
    const port = text(scheme["port"]) ?? "";
    const standard = { http: "80", https: "443" }[to];
    const shown = port === "" || port === standard ? "" : `:${port}`;
    return {
      status: status(scheme["permanent"]),
      location: `${to}://${hostName(request.host)}${shown}${path}`,
    };
  }
  const byRegex = fields(spec["redirectRegex"]);
  const pattern = text(byRegex["regex"]);
  const url = `${request.scheme}://${request.host}${path}`;
  if (pattern === undefined || expression(pattern).find(url) === undefined) return undefined;
  const location = replaceAll(url, pattern, text(byRegex["replacement"]) ?? "");
  return location === url ? undefined : { status: status(byRegex["permanent"]), location };
}

/** An empty value takes the header away. */
function customHeaders(value: unknown): HeaderChange {
  const entries = Object.entries(fields(value)).map(([name, v]) => [name, text(v) ?? ""] as const);
  return {
    set: entries.filter(([, v]) => v !== ""),
    add: [],
    remove: entries.filter(([, v]) => v === "").map(([name]) => name),
  };
}
