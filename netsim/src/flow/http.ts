/** Filters of HTTP: status, method, path, URL, headers. They hold for L7 events only. */
import { inside, regex } from "./expressions.ts";
import type { Test } from "./filter.ts";
import { FilterError } from "./patterns.ts";
import type { FlowFilter } from "./types.ts";

const L7 = 129;

function needsL7(what: string, { event_type: types = [] }: FlowFilter): void {
  if (types.length > 0 && !types.some(({ type }) => type === L7))
    throw new FilterError(
      `filtering by http ${what} requires the event type filter to only match 'l7' events`,
    );
}

export function byStatus(codes: readonly string[], filter: FlowFilter): Test {
  needsL7("status code", filter);
  for (const code of codes)
    if (!/^(?:[1-5][0-9]{2}|[1-5][0-9]?\+)$/.test(code))
      throw new FilterError(
        `invalid http status code filter: invalid status code prefix: ${JSON.stringify(code)}`,
      );
  return (f) => {
    const code = f?.l7?.http?.code;
    if (code === undefined) return false;
    const text = String(code).padStart(3, "0");
    return codes.some((c) => (c.endsWith("+") ? text.startsWith(c.slice(0, -1)) : text === c));
  };
}

export function byUrl(what: "path" | "url", part: (url: string) => string | undefined) {
  return (texts: readonly string[], filter: FlowFilter): Test => {
    needsL7(what, filter);
    const expressions = inside(`http ${what}`, () => texts.map(regex));
    return (f) => {
      const url = f?.l7?.http?.url;
      const text = url === undefined ? undefined : part(url);
      return text !== undefined && expressions.some((e) => e.matcher(text).find());
    };
  };
}

/** The decoded path of a request's URI, which is absolute or begins with a slash; undefined when it is none. */
export function pathOf(url: string): string | undefined {
  if (/[\u0000-\u001f\u007f]/.test(url)) return undefined;
  const [, scheme, rest = ""] = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?([^?]*)/.exec(url) ?? [];
  if (url === "*") return "*";
  if (!rest.startsWith("/")) return scheme === undefined ? undefined : "";
  const path = rest.startsWith("//") && scheme !== undefined ? rest.replace(/^\/\/[^/]*/, "") : rest;
  try {
    return decodeURIComponent(path);
  } catch {
    return /%(?![0-9a-fA-F]{2})/.test(path) ? undefined : path;
  }
}

export function byMethod(methods: readonly string[], filter: FlowFilter): Test {
  needsL7("method", filter);
  const wanted = methods.map((method) => method.toLowerCase());
  return (f) => {
    const method = f?.l7?.http?.method;
    return method !== undefined && wanted.includes(method.toLowerCase());
  };
}

/** One of the headers, name and value as they stand. */
export function byHeader(headers: NonNullable<FlowFilter["http_header"]>, filter: FlowFilter): Test {
  needsL7("headers", filter);
  return (f) =>
    f?.l7?.http?.headers?.some((has) =>
      headers.some(({ key, value }) => key === has.key && value === has.value),
    ) ?? false;
}
