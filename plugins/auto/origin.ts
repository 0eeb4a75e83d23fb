import { RE2JS } from "re2js";
import { lower, parseName, type Name } from "../../src/dns/name.ts";

const PATTERN = RE2JS.compile("db\\.(.*)");
const TEMPLATE = "{1}";

/** The zone of a file with this name: `undefined` where the pattern is not in it, a text where what the template makes is no name. */
export type OriginOf = (file: string) => Name | { readonly wrong: string } | undefined;

/** By default `db.example.org` is the file of `example.org`. The template's `{1}`, `{name}` are groups of the pattern; as in Go, `$1` is, too. */
export function originsBy(pattern: RE2JS = PATTERN, template: string = TEMPLATE): OriginOf {
  const named = new Map(Object.entries(pattern.namedGroups()));
  const parts = template.replaceAll("{", "${");
  return (file) => {
    const match = pattern.matcher(file);
    if (!match.find()) return undefined;
    const group = (name: string): string => {
      const number = /^\d+$/.test(name) ? Number(name) : (named.get(name) ?? -1);
      return number >= 0 && number <= match.groupCount() ? (match.group(number) ?? "") : "";
    };
    const text = parts.replace(
      /\$(?:(\$)|\{(\w+)\}|(\w+))/g,
      (_, dollar?: string, braced?: string, bare?: string) => dollar ?? group(braced ?? bare ?? ""),
    );
    const name = parseName(text);
    return name === undefined ? { wrong: text } : lower(name);
  };
}
