/**
 * `rules.http`: whether Envoy would let a request through. Path, method and host are RE2 expressions over the whole
 * value; rules are alternatives, the parts of a rule conditions. (Translation: Cilium 1.20, pkg/envoy/policy.)
 */
import type { CiliumHTTPRule } from "../../model/types.ts";
import { compileRegex } from "./regex.ts";

export interface HttpRequest {
  readonly method: string;
  /** With its query string. */
  readonly path: string;
  /** The :authority, with its port when there is one. */
  readonly host: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A bad expression (the agent does not look at `host`) fails in the proxy, and so does the rule. */
function fullMatch(regexp: string | undefined, value: string): boolean {
  if (regexp === undefined || regexp === "") return true;
  return compileRegex(`\\A(?:${regexp})\\z`)?.matcher(value).find() ?? false;
}

type Header = (name: string) => string | undefined;

/** `X-Team: shop` or `X-Team shop` is a value to match; what has no space in it is a name that must be there. */
function headerHolds(text: string, header: Header): boolean {
  const space = text.indexOf(" ");
  if (space < 0) return header(text) !== undefined;
  return header(text.slice(0, space).replace(/:+$/, "")) === text.slice(space + 1);
}

type HeaderMatch = NonNullable<CiliumHTTPRule["headerMatches"]>[number];

/** A mismatch action changes or logs the request and lets it through. A secret's value is not known here: no match. */
function matchHolds({ name, value, mismatch, secret }: HeaderMatch, header: Header): boolean {
  if (mismatch !== undefined && ["LOG", "ADD", "DELETE", "REPLACE"].includes(mismatch)) return true;
  const given = header(name);
  if (value !== undefined && value !== "") return given === value;
  return secret === undefined && given !== undefined;
}

export function ruleAllows(rule: CiliumHTTPRule, request: HttpRequest): boolean {
  const headers = new Map(Object.entries(request.headers ?? {}).map(([k, v]) => [k.toLowerCase(), v]));
  const header: Header = (name) => headers.get(name.toLowerCase());
  return (
    fullMatch(rule.method, request.method) &&
    fullMatch(rule.path, request.path) &&
    fullMatch(rule.host, request.host) &&
    (rule.headers ?? []).every((h) => headerHolds(h, header)) &&
    (rule.headerMatches ?? []).every((m) => matchHolds(m, header))
  );
}

/** No rules let everything through. */
export const httpAllowed = (rules: readonly CiliumHTTPRule[], request: HttpRequest): boolean =>
  rules.length === 0 || rules.some((rule) => ruleAllows(rule, request));
