import {
  elementType,
  isCustom,
  isList,
  isWord,
  mayMiss,
  type ArgsSpec,
  type OptionSpec,
  type TypedSpec,
  type ValueSpec,
} from "./spec.ts";
import type { AnyDirective } from "./table.ts";

type Words = Readonly<Record<string, readonly [placeholder: string, expected: string]>>;

/** For each type, how the usage line calls it and what an error says would be right. */
const types: Words = {
  text: ["TEXT", "a word"],
  path: ["FILE", "a file's name"],
  name: ["NAME", "a domain name such as example.org"],
  zone: ["ZONE", "a zone such as example.org or 10.0.0.0/24"],
  address: ["ADDRESS", "an IP address such as 192.0.2.1 or 2001:db8::1"],
  hostport: ["ADDRESS:PORT", "an address with a port such as :8080, localhost:8080 or [::1]:8080"],
  cidr: ["CIDR", "a network such as 10.0.0.0/8 or 2001:db8::/32"],
  integer: ["N", "a whole number"],
  seconds: ["SECONDS", "a whole number of seconds, without a unit"],
  number: ["N", "a number"],
  duration: ["DURATION", "a duration with a unit such as 5s, 100ms or 1h30m"],
  bytes: ["SIZE", "a size such as 4096, 64KiB or 2MB"],
  boolean: ["true|false", "true or false"],
  regexp: ["REGEXP", "a regular expression of RE2's syntax"],
  rcode: ["RCODE", "a response code such as NXDOMAIN or SERVFAIL"],
  qtype: ["TYPE", "a record type such as A, MX or ANY"],
  qclass: ["CLASS", "a class such as IN, CH or ANY"],
};

/** What would be right, to follow "is not": "a whole number from 1 to 5". */
export function expected(spec: ValueSpec): string {
  if (isCustom(spec)) return spec.takes;
  if (isWord(spec)) return spec.of.length === 1 ? `"${spec.of[0]!}"` : `one of ${spec.of.join(", ")}`;
  return types[elementType(spec)]![1] + (spec.bare === undefined ? "" : ", or a number of seconds");
}

/** The bounds of numbers and durations: "from 1 to 5". */
export function range({ min, max }: TypedSpec): string {
  if (min !== undefined && max !== undefined) return `from ${min} to ${max}`;
  return min === undefined ? `at most ${max}` : `at least ${min}`;
}

function placeholder(spec: ValueSpec, name?: string): string {
  if (spec.as !== undefined) return spec.as;
  if (isWord(spec)) return spec.of.join("|");
  // A single option has no name for its word.
  if (name !== undefined && name !== "") return name.toUpperCase();
  return isCustom(spec) ? "VALUE" : types[elementType(spec)]![0];
}

function wordUsage(spec: ValueSpec, name?: string): string {
  const text = placeholder(spec, name) + (isList(spec) ? "..." : "");
  return mayMiss(spec) ? `[${text}]` : text;
}

/** Positional arguments as a usage line has them: `CAPACITY [TTL] [ZONES...]`. */
export const argsUsage = (args: ArgsSpec): string =>
  Object.entries(args)
    .map(([name, spec]) => wordUsage(spec, name))
    .join(" ");

/** What stands behind an option's name; empty for a flag. */
export function optionUsage(spec: OptionSpec): string {
  if ("args" in spec) return argsUsage(spec.args);
  if ("line" in spec) return spec.usage;
  if ("notYet" in spec) return spec.usage ?? "";
  if ("ignored" in spec || spec.type === "flag") return "";
  return wordUsage(needed(spec));
}

/** The words of an option that is there: its default is what holds where it is not. */
export function needed(spec: ValueSpec): ValueSpec {
  const { default: _default, optional: _optional, ...rest } = spec;
  return rest as ValueSpec;
}

/** The usage line of a directive and of its options, from the table. */
export function usage(name: string, table: AnyDirective): string {
  if (table.usage !== undefined) return table.usage;
  const head = [name, argsUsage(table.args ?? {})].join(" ").trimEnd();
  const lines = Object.entries(table.options ?? {}).map(([option, spec]) =>
    `${option} ${optionUsage(spec)}`.trimEnd(),
  );
  return lines.length === 0 ? head : `${head} {\n${lines.map((line) => `    ${line}\n`).join("")}}`;
}
