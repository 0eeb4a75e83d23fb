/**
 * Names in policies: `toFQDNs` and `rules.dns` with matchName and matchPattern (Cilium 1.20, pkg/fqdn/matchpattern). A `*`
 * stands for characters of one label; `**.` in front for one label or more; a pattern of nothing but stars for any name.
 * Matching is of the whole lower-case name with its final dot.
 */
import type { FQDNSelector } from "../../model/types.ts";
import { compileRegex } from "./regex.ts";

const CHARACTERS = "[-a-zA-Z0-9_]";
const MANY_LABELS = `(${CHARACTERS}+([.]${CHARACTERS}+){0,})[.]`;
const ONLY_STARS = /^[*]+[.]?$/;
const MAX_LENGTH = 255;
/** Matches everything, malformed names too: what a rule set becomes that has a match-all pattern in it. */
export const MATCH_ALL = "(?:)";

const withDot = (name: string): string => (name.endsWith(".") ? name : `${name}.`);
const sanitize = (pattern: string): string => (ONLY_STARS.test(pattern) ? pattern : withDot(pattern));

function escape(pattern: string): string {
  return pattern
    .replaceAll(".", "[.]")
    .replace(/^[*]{2,}\[\.\]/, MANY_LABELS)
    .replace(/[*]+/g, `${CHARACTERS}*`);
}

/** The pattern's regular expression, anchored. */
export function patternRegexp(pattern: string): string {
  const text = pattern.trim().toLowerCase();
  if (ONLY_STARS.test(text)) return `(^(${CHARACTERS}+[.])+$)|(^[.]$)`;
  return `^${escape(text)}$`;
}

/** The regular expression of one selector; a matchName comes before a matchPattern. */
export function selectorRegexp({ matchName = "", matchPattern = "" }: FQDNSelector): string {
  return patternRegexp(matchName === "" ? sanitize(matchPattern) : withDot(matchName));
}

/** Whether an expression made here matches the text. */
export const regexpMatches = (regexp: string, text: string): boolean =>
  compileRegex(regexp)?.matcher(text).find() ?? false;

/** Whether a `toFQDNs` selector takes the name, upper or lower case, with or without its final dot. */
export const selectsName = (selector: FQDNSelector, name: string): boolean =>
  regexpMatches(selectorRegexp(selector), withDot(name).toLowerCase());

/** The regular expression that the DNS proxy makes of `rules.dns`; an absent or empty list lets everything through. */
export function dnsRulesRegexp(rules: readonly FQDNSelector[] | null | undefined): string {
  if (rules === null || rules === undefined || rules.length === 0) return MATCH_ALL;
  const parts: string[] = [];
  for (const { matchName = "", matchPattern = "" } of rules) {
    if (matchName !== "") parts.push(escape(withDot(matchName).toLowerCase().trim()));
    if (matchPattern === "") continue;
    const pattern = sanitize(matchPattern).trim().toLowerCase();
    if (ONLY_STARS.test(pattern)) return MATCH_ALL;
    parts.push(escape(pattern));
  }
  return `^(?:${parts.join("|")})$`;
}

/** Whether the DNS proxy lets a query through to a server that these rules are for. */
export function dnsAllowed(rules: readonly FQDNSelector[] | null | undefined, name: string): boolean {
  const regexp = dnsRulesRegexp(rules);
  return regexp === MATCH_ALL || regexpMatches(regexp, withDot(name).toLowerCase());
}

/** Why the agent refuses a selector; undefined when it takes it. A DNS rule may have both fields, a toFQDNs entry not. */
export function fqdnFault(
  { matchName = "", matchPattern = "" }: FQDNSelector,
  dnsRule = false,
): string | undefined {
  if (!dnsRule && matchName !== "" && matchPattern !== "") return "has both matchName and matchPattern";
  if (matchName !== "" && !/^[-a-zA-Z0-9_.]+$/.test(matchName)) {
    return `matchName ${JSON.stringify(matchName)} has characters that no name has (for a * use matchPattern)`;
  }
  if (matchPattern.trim().length > MAX_LENGTH) return `matchPattern is longer than ${MAX_LENGTH} characters`;
  if (matchPattern !== "" && !/^[-a-zA-Z0-9_.*]+$/.test(matchPattern)) {
    return `matchPattern ${JSON.stringify(matchPattern)} may only have letters, digits, "-", "_", "." and "*"`;
  }
  return undefined;
}

/** Whether the CustomResourceDefinition's own pattern takes the fields (the API server checks it first). */
export const crdAccepts = ({ matchName, matchPattern }: FQDNSelector): boolean =>
  (matchName === undefined || /^([-a-zA-Z0-9_]+[.]?)+$/.test(matchName)) &&
  (matchPattern === undefined || /^([-a-zA-Z0-9_*]+[.]?)+$/.test(matchPattern));
