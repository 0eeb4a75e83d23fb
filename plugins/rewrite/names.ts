/** Comparing names and making others of them. Rules are about names as text: in lower case, with the final dot. */
import type { RE2JS } from "re2js";
import { parseName, type Name } from "../../src/dns/name.ts";
import type { Matcher } from "./directive.ts";

export interface NameTest {
  /** False where the name surely does not match: nothing is allocated for it. */
  may(name: Name): boolean;
  matches(text: string): boolean;
}

/** The name by which a name is replaced, or undefined where it does not match. */
export type NameChange = (text: string) => string | undefined;

export function compileTest({ match, text, regexp }: Matcher): NameTest {
  const always = { may: () => true };
  switch (match) {
    case "exact": {
      const name = parseName(text);
      return { may: (one) => one === name, matches: (one) => one === text };
    }
    case "prefix": {
      const bytes = wireForm(text, true);
      return {
        may: bytes === undefined ? always.may : (one) => one.startsWith(bytes),
        matches: (one) => one.startsWith(text),
      };
    }
    case "suffix": {
      const bytes = wireForm(text, false);
      return {
        may: bytes === undefined ? always.may : (one) => one.endsWith(`${bytes}\0`),
        matches: (one) => one.endsWith(text),
      };
    }
    case "substring": {
      const bytes = wireForm(text, false);
      return {
        may: bytes === undefined ? always.may : (one) => one.includes(bytes),
        matches: (one) => one.includes(text),
      };
    }
    case "regex":
      return { ...always, matches: (one) => regexp!.matcher(one).find() };
  }
}

/**
 * What a name in wire form must have for its text to have `text` in it: the labels with their lengths, but for the first one, of which `text` may
 * have only the end (`whole`: it has all of it). Undefined where that can't be said: of escapes.
 */
function wireForm(text: string, whole: boolean): string | undefined {
  if (text.includes("\\")) return undefined;
  const [first = "", ...labels] = text.replace(/\.$/, "").split(".");
  const counted = (label: string): string => String.fromCharCode(label.length) + label;
  return (whole ? counted(first) : first) + labels.map(counted).join("");
}

/** `to` with the groups that `regexp` found in `text` for `{0}`, `{1}`, ...; undefined where it found nothing. */
export function expand(regexp: RE2JS, to: string, text: string): string | undefined {
  const matcher = regexp.matcher(text);
  if (!matcher.find()) return undefined;
  let out = to;
  for (let i = 0; i <= matcher.groupCount(); i++) out = out.replaceAll(`{${i}}`, matcher.group(i) ?? "");
  return out;
}

export function compileChange({ match, text, regexp }: Matcher, to: string): NameChange {
  switch (match) {
    case "exact":
      return (name) => (name === text ? to : undefined);
    case "prefix":
      return (name) => (name.startsWith(text) ? to + name.slice(text.length) : undefined);
    case "suffix":
      return (name) => (name.endsWith(text) ? name.slice(0, name.length - text.length) + to : undefined);
    case "substring":
      return (name) => (name.includes(text) ? name.replaceAll(text, to) : undefined);
    case "regex":
      return (name) => expand(regexp!, to, name);
  }
}

/** `from`, and what is below it, becomes `to`, and what is below that. */
export function remap(from: string, to: string): NameChange {
  return (name) => {
    if (name === from) return to;
    return name.endsWith(`.${from}`) ? name.slice(0, name.length - from.length) + to : undefined;
  };
}
