import { RE2JS } from "re2js";
import { normalizeZone } from "../corefile/index.ts";
import { ipv4Bytes, ipv4Text, ipv6Bytes, ipv6Text } from "../dns/address.ts";
import { lower, parseName, type Name } from "../dns/name.ts";
import { classText, parseClass, parseRcode, parseType, typeText } from "../dns/types.ts";
import { expected, range } from "./describe.ts";
import { isProblem, problem, type Problem } from "./problem.ts";
import { parseBytes, parseDuration } from "./quantity.ts";
import {
  elementType,
  isCustom,
  isWord,
  type Cidr,
  type HostPort,
  type TypedSpec,
  type TypeMap,
  type ValueSpec,
} from "./spec.ts";

/** CoreDNS's bound: compiling takes memory in proportion. */
const MAX_REGEXP = 10_000;

/** What `word` is by its spec; several for a CIDR that stands for zones. Or why it can't be taken. */
export function readWord(spec: ValueSpec, word: string): readonly unknown[] | Problem {
  if (isCustom(spec)) {
    const value = spec.parse(word);
    return isProblem(value) ? value : [value];
  }
  if (isWord(spec)) {
    const folded = spec.fold === true ? word.toLowerCase() : word;
    const found = spec.of.find((each) => (spec.fold === true ? each.toLowerCase() : each) === folded);
    return found === undefined ? problem(`"${word}" is not ${expected(spec)}`) : [found];
  }
  const type = elementType(spec);
  if (type === "zone") return readZones(word) ?? problem(`"${word}" is not ${expected(spec)}`);
  if (type === "regexp") return readRegexp(word);
  const value = readers[type](word, spec);
  if (value === undefined) return problem(`"${word}" is not ${expected(spec)}`);
  return inRange(value, spec) ? [value] : problem(`"${word}" is out of range: it must be ${range(spec)}`);
}

type Readers = {
  readonly [T in Exclude<keyof TypeMap, "zone" | "regexp">]: (
    word: string,
    spec: TypedSpec,
  ) => TypeMap[T] | undefined;
};

const readers: Readers = {
  text: (word) => word,
  path: (word) => word,
  name: (word) => {
    const name = word === "" ? undefined : parseName(word);
    return name === undefined ? undefined : lower(name);
  },
  address: (word) => addressText(word),
  hostport: readHostPort,
  cidr: readCidr,
  integer: readInteger,
  seconds: readInteger,
  number: (word) => (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word) ? Number(word) : undefined),
  duration: (word, spec) =>
    spec.bare !== undefined && /^[+-]?\d+$/.test(word) ? Number(word) * 1000 : parseDuration(word),
  bytes: (word) => parseBytes(word),
  boolean: (word) =>
    /^(1|t|T|TRUE|true|True)$/.test(word)
      ? true
      : /^(0|f|F|FALSE|false|False)$/.test(word)
        ? false
        : undefined,
  rcode: (word, spec) => (spec.fold === true || word === word.toUpperCase() ? parseRcode(word) : undefined),
  qtype: (word, spec) => mnemonic(word, spec, parseType, typeText),
  qclass: (word, spec) => mnemonic(word, spec, parseClass, classText),
};

/** Only what has a mnemonic, as CoreDNS: neither `TYPE28` nor, without `fold`, `aaaa`. */
function mnemonic(
  word: string,
  spec: TypedSpec,
  parse: (text: string) => number | undefined,
  text: (value: number) => string,
): number | undefined {
  const value = parse(word);
  if (value === undefined || /^(?:TYPE|CLASS)\d+$/i.test(word)) return undefined;
  return spec.fold === true || text(value) === word ? value : undefined;
}

function inRange(value: unknown, spec: TypedSpec): boolean {
  if (typeof value !== "number") return true;
  const { min, max } = spec;
  return (min === undefined || value >= bound(min)) && (max === undefined || value <= bound(max));
}

const bound = (value: number | string): number =>
  typeof value === "number" ? value : (parseDuration(value) ?? NaN);

/** Go's strconv.Atoi, or ParseUint for `unsigned`; what no number can hold exactly is refused. */
function readInteger(word: string, spec: TypedSpec): number | undefined {
  const pattern = spec.unsigned === true ? /^\d+$/ : /^[+-]?\d+$/;
  const value = pattern.test(word) ? Number(word) : NaN;
  return Number.isSafeInteger(value) ? value + 0 : undefined;
}

function readZones(word: string): readonly Name[] | undefined {
  const names = normalizeZone(word)?.map(parseName);
  if (names === undefined || names.includes(undefined)) return undefined;
  return (names as Name[]).map(lower);
}

function readRegexp(word: string): readonly RE2JS[] | Problem {
  if (word.length > MAX_REGEXP)
    return problem(
      `a regular expression of ${word.length} characters is too long: at most ${MAX_REGEXP} are read`,
    );
  try {
    return [RE2JS.compile(word)];
  } catch (error) {
    return problem(`"${word}" is no regular expression of RE2's syntax: ${(error as Error).message}`);
  }
}

/** Go's net.ParseIP, in canonical text (RFC 5952); an IPv6 zone is not taken. */
export function addressText(word: string): string | undefined {
  const v4 = ipv4Bytes(word);
  if (v4 !== undefined) return ipv4Text(v4);
  const v6 = ipv6Bytes(word);
  return v6 === undefined ? undefined : ipv6Text(v6);
}

/** Go's net.SplitHostPort: `:8080`, `localhost:53`, `[::1]:53`. */
export function readHostPort(word: string): HostPort | undefined {
  const match = /^(?:\[([^[\]]*)\]|([^[\]:]*)):([^[\]:]*)$/.exec(word);
  if (match === null) return undefined;
  return { host: match[1] ?? match[2]!, port: match[3]!, text: word };
}

/** Go's net.ParseCIDR, host bits cleared. */
export function readCidr(word: string): Cidr | undefined {
  const [, address, length] = /^([^/]+)\/(\d{1,3})$/.exec(word) ?? [];
  if (address === undefined) return undefined;
  const bytes = ipv4Bytes(address) ?? ipv6Bytes(address);
  const bits = Number(length);
  if (bytes === undefined || bits > bytes.length * 8) return undefined;
  let masked = "";
  for (let i = 0; i < bytes.length; i++) {
    const kept = Math.min(8, Math.max(0, bits - 8 * i));
    masked += String.fromCharCode(bytes.charCodeAt(i) & (0xff00 >> kept) & 0xff);
  }
  return bytes.length === 4
    ? { address: ipv4Text(masked), bits, family: 4 }
    : { address: ipv6Text(masked), bits, family: 6 };
}
