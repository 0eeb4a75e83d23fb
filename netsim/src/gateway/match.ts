/** Matches of HTTPRoute and GRPCRoute: does a rule take a request, and which of several is the most specific. */
import { expression } from "./expressions.ts";
import { fields, list, text } from "./fields.ts";
import type { Fields } from "./fields.ts";
import type { Route } from "./objects.ts";
import { header, pathOnly, queryOf } from "./request.ts";
import type { GatewayRequest } from "./request.ts";

/**
 * How specific a match is, the first difference decides (HTTPRouteRule.matches, GRPCRouteRule.matches in the specification):
 * HTTP exact path, length of the prefix, method, headers, query parameters; gRPC service, method, headers.
 */
export type Specific = readonly number[];

export interface Found {
  readonly rule: Fields;
  readonly index: number;
  readonly specific: Specific;
  /** The prefix that the path was matched by; undefined for other kinds of match. */
  readonly prefix: string | undefined;
}

export const compareSpecific = (a: Specific, b: Specific): number => {
  const at = a.findIndex((value, i) => value !== (b[i] ?? 0));
  return at < 0 ? 0 : (b[at] ?? 0) - (a[at] ?? 0);
};

/** The rule of a route with the most specific match; of equal ones the first. */
export function bestRule(route: Route, request: GatewayRequest): Found | undefined {
  let best: Found | undefined;
  for (const [index, rule] of route.rules.entries()) {
    const matches = list(rule["matches"]);
    for (const value of matches.length === 0 ? [{}] : matches) {
      const match = fields(value);
      const found = route.kind === "GRPCRoute" ? grpc(match, request) : http(match, request);
      if (found === undefined) continue;
      if (best === undefined || compareSpecific(found.specific, best.specific) < 0)
        best = { rule, index, ...found };
    }
  }
  return best;
}

type Matched = Pick<Found, "specific" | "prefix">;

const [EXACT, REGEX, PREFIX] = [3, 2, 1];

function http(match: Fields, request: GatewayRequest): Matched | undefined {
  const path = fields(match["path"]);
  const [type, value] = [text(path["type"]) ?? "PathPrefix", text(path["value"]) ?? "/"];
  const own = pathOnly(request.path);
  if (
    type === "Exact"
      ? own !== value
      : type === "RegularExpression"
        ? !expression(value).matches(own)
        : !isUnder(own, value)
  )
    return undefined;
  const method = text(match["method"]);
  if (method !== undefined && method !== request.method) return undefined;
  const headers = byName(match["headers"], true);
  if (!headers.every((h) => holds(h, header(request.headers, h.name)))) return undefined;
  const given = new URLSearchParams(queryOf(request.path));
  const query = byName(match["queryParams"], false);
  if (!query.every((q) => holds(q, given.get(q.name) ?? undefined))) return undefined;
  const kind = type === "Exact" ? EXACT : type === "RegularExpression" ? REGEX : PREFIX;
  return {
    specific: [kind, value.length, method === undefined ? 0 : 1, headers.length, query.length],
    prefix: kind === PREFIX ? value : undefined,
  };
}

/** gRPC is `POST /package.Service/Method`. */
function grpc(match: Fields, request: GatewayRequest): Matched | undefined {
  if (!isGrpc(request)) return undefined;
  const [, service = "", method = ""] = pathOnly(request.path).split("/");
  const wanted = fields(match["method"]);
  const isRegex = wanted["type"] === "RegularExpression";
  const [s, m] = [text(wanted["service"]), text(wanted["method"])];
  const same = (expected: string | undefined, has: string): boolean =>
    expected === undefined || (isRegex ? expression(expected).matches(has) : expected === has);
  if (!same(s, service) || !same(m, method)) return undefined;
  const headers = byName(match["headers"], true);
  if (!headers.every((h) => holds(h, header(request.headers, h.name)))) return undefined;
  return { specific: [s?.length ?? 0, m?.length ?? 0, headers.length], prefix: undefined };
}

export const isGrpc = ({ headers }: GatewayRequest): boolean =>
  (header(headers, "content-type") ?? "").startsWith("application/grpc");

/** Whole elements of a path: `/v2` takes `/v2` and `/v2/x`, not `/v2x`. */
function isUnder(path: string, prefix: string): boolean {
  const bare = prefix.replace(/\/$/, "");
  return path === bare || path.startsWith(`${bare}/`);
}

interface Wanted {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
}

/** Of several entries for one name only the first counts. */
function byName(value: unknown, foldCase: boolean): Wanted[] {
  const seen = new Set<string>();
  return list(value).flatMap((entry) => {
    const wanted = fields(entry);
    const name = text(wanted["name"]) ?? "";
    const key = foldCase ? name.toLowerCase() : name;
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ name, value: text(wanted["value"]) ?? "", isRegex: wanted["type"] === "RegularExpression" }];
  });
}

const holds = ({ value, isRegex }: Wanted, has: string | undefined): boolean =>
  has !== undefined && (isRegex ? expression(value).matches(has) : value === has);
