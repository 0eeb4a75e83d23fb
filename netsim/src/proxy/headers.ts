/** Headers on their way through a proxy (RFC 9110, 7.6). */
import type { IncomingHttpHeaders as Http2Headers } from "node:http2";
import type { HeaderChange, Headers } from "../gateway/request.ts";

/** Fields that are about one connection and go no further; `te` may stay where it says `trailers`, which gRPC needs. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** Names and values in turn, as Node has them, as one value for each name: several lines are joined as RFC 9110, 5.3 allows. */
export function readHeaders(raw: readonly string[]): Headers {
  const result = new Map<string, [name: string, value: string]>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [name = "", value = ""] = [raw[i], raw[i + 1]];
    if (name.startsWith(":")) continue;
    const known = result.get(name.toLowerCase());
    if (known === undefined) result.set(name.toLowerCase(), [name, value]);
    else known[1] += (name.toLowerCase() === "cookie" ? "; " : ", ") + value;
  }
  return Object.fromEntries(result.values());
}

/** What a backend is sent: without the fields of the client's connection, with those that say who the client is. */
export function requestHeaders(
  headers: Headers,
  { host, client, scheme, asked }: { host: string; client: string; scheme: string; asked: string },
): Record<string, string> {
  const named = connectionNames(headers);
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const key = name.toLowerCase();
    if (key === "host" || named.has(key)) continue;
    if (key === "te" ? value.toLowerCase() !== "trailers" : HOP_BY_HOP.has(key)) continue;
    result[name] = value;
  }
  const before = Object.keys(result).find((name) => name.toLowerCase() === "x-forwarded-for");
  const known = before === undefined ? undefined : result[before];
  if (before !== undefined) delete result[before];
  result["X-Forwarded-For"] = known === undefined ? client : `${known}, ${client}`;
  result["X-Forwarded-Proto"] ??= scheme;
  if (host !== asked) result["X-Forwarded-Host"] ??= asked;
  return { host, ...result };
}

/** Names in `Connection` are of that connection too. */
function connectionNames(headers: Headers): Set<string> {
  const found = Object.entries(headers).find(([name]) => name.toLowerCase() === "connection");
  return new Set((found?.[1] ?? "").split(",").map((name) => name.trim().toLowerCase()));
}

/** Lines of an answer for the client: each name with its values, several where the backend wrote several. */
export type Lines = Map<string, { readonly name: string; values: string[] }>;

/** What a backend answered, without what was about its connection. */
export function responseLines(raw: readonly string[] | Http2Headers): Lines {
  const lines: Lines = new Map();
  const add = (name: string, value: string): void => {
    const key = name.toLowerCase();
    if (name.startsWith(":") || HOP_BY_HOP.has(key)) return;
    const known = lines.get(key);
    if (known === undefined) lines.set(key, { name, values: [value] });
    else known.values.push(value);
  };
  if (Array.isArray(raw)) {
    const list = raw as readonly string[];
    for (let i = 0; i + 1 < list.length; i += 2) add(list[i] ?? "", list[i + 1] ?? "");
  } else
    for (const [name, value] of Object.entries(raw))
      for (const one of [value].flat()) if (one !== undefined) add(name, String(one));
  return lines;
}

/** Set, then add, then remove, as the filters of a rule say. */
export function changeLines(lines: Lines, changes: readonly HeaderChange[]): void {
  for (const { set, add, remove } of changes) {
    for (const [name, value] of set) lines.set(name.toLowerCase(), { name, values: [value] });
    for (const [name, value] of add) {
      const known = lines.get(name.toLowerCase());
      if (known === undefined) lines.set(name.toLowerCase(), { name, values: [value] });
      else if (name.toLowerCase() === "set-cookie") known.values.push(value);
      else known.values = [`${known.values.join(",")},${value}`];
    }
    for (const name of remove) lines.delete(name.toLowerCase());
  }
}
