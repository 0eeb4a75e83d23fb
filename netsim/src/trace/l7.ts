/** What HTTP proxies on the way say of the request. */
import { httpAllowed, ruleAllows } from "../policy/cilium/http.ts";
import type { Side } from "../policy/judge.ts";
import type { Direction } from "../policy/rule.ts";
import type { CiliumHTTPRule, CiliumPortRule } from "../model/types.ts";
import type { Request } from "./goal.ts";
import { hop } from "./origin.ts";
import { originOf } from "./query.ts";
import type { Hop, Stop } from "./types.ts";

export interface Proxied {
  readonly hop: Hop;
  readonly stop: Stop | undefined;
}

const TLS = new Set(["https", "wss"]);

/** Undefined where this end sends the connection through no proxy. */
export function throughProxy(
  side: Side,
  direction: Direction,
  request: Request | undefined,
): Proxied | undefined {
  if (side.action !== "redirect" || side.dns !== undefined) return undefined;
  const parsers = side.l7 ?? [];
  const rules = parsers.flatMap((l) => l.http ?? []);
  const origin = originOf(side);
  const http = parsers.every((l) => l.parser === "http");
  const details = { direction, parser: parsers[0]?.parser ?? "http", rules, request: request ?? null };
  if (request === undefined || !http) {
    const why = http
      ? "no request is given: write TO as http://..."
      : `the ${parsers[0]?.parser ?? ""} proxy's rules are not evaluated`;
    return {
      hop: hop(
        "l7",
        "allow",
        `${direction}: a proxy takes the connection and decides each request (${why})`,
        origin,
        details,
      ),
      stop: undefined,
    };
  }
  const { method, path, scheme } = request;
  const line = `${method} ${path}`;
  const tls = TLS.has(scheme);
  if (tls && rules.length > 0 && !terminates(side)) {
    const remedy = {
      text: "give the proxy the server's certificate, or speak HTTP to it",
      change: "terminatingTLS: {secret: {namespace: NAMESPACE, name: SECRET}}",
      object: origin.object,
      file: origin.file,
      line: origin.line,
    };
    return {
      hop: hop(
        "l7",
        "deny",
        `${direction}: the HTTP proxy is given TLS, which it cannot read, and closes the connection`,
        origin,
        details,
      ),
      stop: { verdict: "deny", reason: "l7-tls", remedy },
    };
  }
  if (httpAllowed(rules, request)) {
    const rule = rules.find((r) => ruleAllows(r, request));
    const by = rule === undefined ? "no HTTP rules: every request passes" : `rule ${httpText(rule)}`;
    return {
      hop: hop("l7", "allow", `${direction}: the HTTP proxy lets ${line} through (${by})`, origin, details),
      stop: undefined,
    };
  }
  const remedy = {
    text: "add an HTTP rule beside those of this port",
    change: `- {method: ${method}, path: ${JSON.stringify(pattern(path))}}`,
    object: origin.object,
    file: origin.file,
    line: origin.line,
  };
  return {
    hop: hop(
      "l7",
      "deny",
      `${direction}: the HTTP proxy refuses ${line} with 403: it takes ${rules.map(httpText).join(", ")}`,
      origin,
      details,
    ),
    stop: { verdict: "deny", reason: "l7-denied", remedy },
  };
}

/** The path as a regular expression, without its query. */
const pattern = (path: string): string => (path.split("?")[0] ?? path).replace(/[.+*()[\]{}^$|\\]/g, "\\$&");

const httpText = ({ method, path, host, headers = [], headerMatches = [] }: CiliumHTTPRule): string =>
  [
    method ?? "any method",
    path ?? "",
    host === undefined ? "" : `for ${host}`,
    ...headers.map((h) => `with ${h}`),
    ...headerMatches.map((m) => `with ${m.name}${m.value === undefined ? "" : `: ${m.value}`}`),
  ]
    .filter((s) => s !== "")
    .join(" ");

/** Whether the rule that redirects has the certificate to look into TLS. */
function terminates({ rule }: Side): boolean {
  let at: unknown = rule?.object;
  for (const key of rule?.path ?? []) {
    at = typeof at === "object" && at !== null ? (at as Record<string | number, unknown>)[key] : undefined;
    const ports = (at as { toPorts?: readonly CiliumPortRule[] } | undefined)?.toPorts;
    if (ports?.some((p) => p.terminatingTLS !== undefined) === true) return true;
    if ((at as CiliumPortRule | undefined)?.terminatingTLS !== undefined) return true;
  }
  return false;
}
