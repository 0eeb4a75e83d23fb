/** Protobuf's JSON mapping (protobuf.dev/programming-guides/json) for the messages of schema.ts, with proto field names out. */
import { enumName, enums, messages } from "./schema.ts";
import type { Field } from "./schema.ts";
import { canonicalTime, parseTime } from "./time.ts";
import type { EventKind, EventResponse, FlowFilter, FlowsResponse } from "./types.ts";

/** Why text is no message; `message` is for people. */
export class DecodeError extends Error {}

type Json = Record<string, unknown>;

/** Names that the text has and the schema has not go here, once. */
type Unknown = (name: string) => void;

const camel = (name: string): string => name.replace(/_([a-z0-9])/gi, (_, c: string) => c.toUpperCase());

const lookup: ReadonlyMap<string, ReadonlyMap<string, Field>> = new Map(
  [...messages].map(([type, fields]) => [
    type,
    new Map(fields.flatMap((f) => [[f.name, f] as const, [camel(f.name), f] as const])),
  ]),
);

const INTEGERS = new Map<string, readonly [bigint, bigint]>([
  ["uint32", [0n, 2n ** 32n - 1n]],
  ["int32", [-(2n ** 31n), 2n ** 31n - 1n]],
  ["Int32Value", [-(2n ** 31n), 2n ** 31n - 1n]],
  ["UInt32Value", [0n, 2n ** 32n - 1n]],
  ["uint64", [0n, 2n ** 64n - 1n]],
  ["int64", [-(2n ** 63n), 2n ** 63n - 1n]],
]);

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** A number, or one as text; fractions and exponents are fine where a whole number comes of them. */
function integer(value: unknown, type: string, [least, most]: readonly [bigint, bigint]): bigint {
  const text =
    typeof value === "string" && !/^-?\d+$/.test(value) && NUMBER.test(value) ? Number(value) : value;
  const fits = typeof text === "number" ? Number.isInteger(text) : NUMBER.test(String(text));
  if ((typeof text === "number" || typeof text === "string") && fits) {
    const number = BigInt(text);
    if (number >= least && number <= most) return number;
  }
  throw new DecodeError(`invalid value for ${type} field: ${JSON.stringify(value)}`);
}

/** Half of a character outside of the basic plane, which no UTF-8 has. */
const HALF = /[\ud800-\udfff]/u;

function scalar(value: unknown, type: string, unknown: Unknown): unknown {
  const wrong = (): never => {
    throw new DecodeError(`invalid value for ${type} field: ${JSON.stringify(value)}`);
  };
  if (type === "string") return typeof value === "string" && !HALF.test(value) ? value : wrong();
  if (type === "bool" || type === "BoolValue") return typeof value === "boolean" ? value : wrong();
  const range = INTEGERS.get(type);
  if (range !== undefined) {
    const number = integer(value, type, range);
    return type.endsWith("int64") ? String(number) : Number(number);
  }
  if (type === "Timestamp") {
    const nanos = typeof value === "string" ? parseTime(value) : undefined;
    return nanos === undefined ? wrong() : canonicalTime(nanos);
  }
  const names = enums.get(type);
  if (names !== undefined) {
    // A name of a later version is left out as an unknown field is.
    if (typeof value === "string" && !names.has(value)) return unknown(value);
    if (typeof value === "string") return value;
    const number = Number(integer(value, type, [-(2n ** 31n), 2n ** 31n - 1n]));
    return enumName(type, number) ?? number;
  }
  // google.protobuf.Any holds what Hubble's extensions put there: kept as it is.
  return type === "Any" ? value : message(value, type, unknown);
}

/** What protobuf does not keep, where a field has no presence of its own. */
const isDefault = (value: unknown, type: string): boolean =>
  value === "" ||
  (type === "bool" && value === false) ||
  (type.endsWith("int64") && value === "0") ||
  ((type === "uint32" || type === "int32") && value === 0) ||
  (enums.has(type) && value === enumName(type, 0));

function message(value: unknown, type: string, unknown: Unknown): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new DecodeError(`${type} must be an object, not ${JSON.stringify(value)?.slice(0, 40)}`);
  const result: Json = {};
  const seen = new Set<string>();
  let oneof: string | undefined;
  for (const [key, held] of Object.entries(value)) {
    const field = lookup.get(type)?.get(key);
    if (field === undefined) {
      unknown(key);
      continue;
    }
    if (seen.has(field.name)) throw new DecodeError(`${type} has ${key} twice`);
    seen.add(field.name);
    if (held === null) continue;
    if (field.oneof) {
      if (oneof !== undefined) throw new DecodeError(`${type} has both ${oneof} and ${key}`);
      oneof = key;
    }
    if (field.repeated) {
      if (!Array.isArray(held)) throw new DecodeError(`${type}: ${key} must be a list`);
      const list = held.map((entry) => scalar(entry, field.type, unknown)).filter((one) => one !== undefined);
      if (list.length > 0) result[field.name] = list;
    } else {
      const decoded = scalar(held, field.type, unknown);
      if (decoded !== undefined && !isDefault(decoded, field.type)) result[field.name] = decoded;
    }
  }
  return result;
}

/** Whole numbers that JavaScript's have no room for are read as text. */
const LONG = /[:[,]\s*-?\d{16}/;
const NUMBERS = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;
const exact = (token: string): string => (token.startsWith('"') ? token : `"${token}"`);

function decode(text: string, type: string, unknown: Unknown): Json {
  let value: unknown;
  try {
    value = JSON.parse(LONG.test(text) ? text.replace(NUMBERS, exact) : text);
  } catch (error) {
    throw new DecodeError((error as Error).message);
  }
  return message(value, type, unknown);
}

/** One line of a recording. Throws DecodeError; fields that are not known are named to `unknown` and left out. */
export function decodeResponse(text: string, unknown: Unknown): FlowsResponse {
  return decode(text, "GetFlowsResponse", unknown) as FlowsResponse;
}

/** One line of agent or debug events, as their servers answer. Throws DecodeError. */
export function decodeEvent(kind: EventKind, text: string, unknown: Unknown): EventResponse {
  return decode(text, EVENTS[kind], unknown) as EventResponse;
}

export function encodeEvent(kind: EventKind, response: EventResponse): string {
  return encode(response, EVENTS[kind]);
}

const EVENTS: Readonly<Record<EventKind, string>> = {
  "agent-events": "GetAgentEventsResponse",
  "debug-events": "GetDebugEventsResponse",
};

/** A filter as `--allowlist` takes it; a field that is not known is an error. Throws DecodeError. */
export function decodeFilter(text: string): FlowFilter {
  return decode(text, "FlowFilter", (name) => {
    throw new DecodeError(`unknown field ${JSON.stringify(name)}`);
  }) as FlowFilter;
}

/** As Go's encoder, which keeps text safe inside HTML. */
const ESCAPES: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

function ordered(value: unknown, type: string): unknown {
  const fields = messages.get(type);
  if (fields === undefined) return value;
  const result: Json = {};
  for (const { name, type: of, repeated } of fields) {
    const held = (value as Json)[name];
    if (held === undefined) continue;
    result[name] = repeated ? (held as unknown[]).map((entry) => ordered(entry, of)) : ordered(held, of);
  }
  return result;
}

const encode = (value: unknown, type: string): string =>
  JSON.stringify(ordered(value, type)).replace(/[<>&\u2028\u2029]/g, (c) => ESCAPES[c] ?? c);

/** One line of `-o json`, without its end. */
export function encodeResponse(response: FlowsResponse): string {
  return encode(response, "GetFlowsResponse");
}

export function encodeFilter(filter: FlowFilter): string {
  return encode(filter, "FlowFilter");
}
