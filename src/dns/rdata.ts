import { ROOT, type Name } from "./name.ts";
import { hexBytes, hexText } from "./rdata/binary.ts";
import { Tokens, type Token } from "./rdata/kind.ts";
import { isName, layoutOf, type Fields, type KnownType } from "./rdata/layouts.ts";
import type { Rdata } from "./rr.ts";
import { TYPE, typeText } from "./types.ts";
import { readName, type Cursor } from "./wire.ts";

/** Rdata between wire form, presentation form and values. The layouts of the types are in `rdata/layouts.ts`. */

/** Why a text is no rdata: one line, without a place. */
export interface RdataError {
  readonly error: string;
}

/**
 * The rdata of `length` bytes at `offset` of a message, names in it written out in full; undefined where the bytes are not
 * what the type wants. No bytes at all are good for every type: an update's record without rdata (RFC 2136 §2.4).
 * A reader of the whole message lends its cursor, which is moved somewhere.
 */
export function readRdata(
  type: number,
  message: Buffer,
  offset: number,
  length: number,
  cursor: Cursor = { at: offset },
): Rdata | undefined {
  const end = offset + length;
  if (end > message.length) return undefined;
  if (length === 0) return "" as Rdata;
  switch (type) {
    case TYPE.A:
      return length === 4 ? (message.latin1Slice(offset, end) as Rdata) : undefined;
    case TYPE.AAAA:
      return length === 16 ? (message.latin1Slice(offset, end) as Rdata) : undefined;
  }
  const raw = message.latin1Slice(offset, end) as Rdata;
  const layout = layoutOf(type);
  if (layout === undefined) return raw;
  let out = "";
  let at = 0;
  for (const { kind } of layout.fields) {
    if (isName(kind)) {
      cursor.at = offset + at;
      const name = readName(message, cursor);
      if (name === undefined || cursor.at > end) return undefined;
      out += name;
      at = cursor.at - offset;
    } else {
      const next = kind.end(raw, at);
      if (next < 0) return undefined;
      if (layout.named > 0) out += raw.slice(at, next);
      at = next;
    }
  }
  if (at !== length) return undefined;
  return layout.named > 0 ? (out as Rdata) : raw;
}

/** Whether `rdata`, names in full, is what the type wants. */
export function isGoodRdata(type: number, rdata: string): rdata is Rdata {
  return rdata.length <= 0xffff && (layoutOf(type) === undefined || split(type, rdata) !== undefined);
}

/** The bytes of each field; undefined where there are no fields or they don't fit. */
function split(type: number, rdata: string): string[] | undefined {
  const layout = layoutOf(type);
  if (layout === undefined) return undefined;
  const parts: string[] = [];
  let at = 0;
  for (const { kind } of layout.fields) {
    const end = kind.end(rdata, at);
    if (end < 0) return undefined;
    parts.push(rdata.slice(at, end));
    at = end;
  }
  return at === rdata.length ? parts : undefined;
}

/**
 * Presentation form: the type's own, or `\# LENGTH HEX` (RFC 3597 §5) for a type that has none, and for rdata that it can't
 * express. Texts are quoted, hexadecimal digits in lower case, base64 in one piece.
 */
export function rdataText(type: number, rdata: Rdata): string {
  const parts = split(type, rdata);
  if (parts === undefined) return genericText(rdata);
  const { fields } = layoutOf(type)!;
  const texts = parts.map((part, i) => fields[i]!.kind.text(part));
  return texts.includes(undefined) ? genericText(rdata) : texts.filter((text) => text !== "").join(" ");
}

const genericText = (rdata: string): string =>
  rdata === "" ? "\\# 0" : `\\# ${String(rdata.length)} ${hexText(rdata)}`;

/** The rdata that a presentation form stands for; relative names in it are completed with `origin`. */
export function parseRdata(type: number, words: readonly Token[], origin: Name = ROOT): Rdata | RdataError {
  if (words[0]?.text === "\\#" && !words[0].quoted) return parseGeneric(type, words);
  const layout = layoutOf(type);
  if (layout === undefined)
    return {
      error: `${typeText(type)}: expected \\# LENGTH HEX, which is how types without a form of their own are written (RFC 3597)`,
    };
  const tokens = new Tokens(words, origin);
  let out = "";
  for (const { name, kind } of layout.fields) {
    const bytes = kind.parse(tokens);
    if (bytes === undefined)
      return { error: `${typeText(type)}: ${name}: expected ${kind.expects}, not ${found(tokens)}` };
    out += bytes;
  }
  if (!tokens.done)
    return {
      error: `${typeText(type)}: nothing may follow the rdata, but there is ${quoted(tokens.next()!)}`,
    };
  if (!isGoodRdata(type, out)) return { error: `${typeText(type)}: rdata out of range` };
  return out;
}

const quoted = (token: Token): string => JSON.stringify(token.text);

const found = (tokens: Tokens): string =>
  tokens.last === undefined ? "the end of the record" : quoted(tokens.last);

function parseGeneric(type: number, words: readonly Token[]): Rdata | RdataError {
  const [, length, ...digits] = words;
  const bytes = hexBytes(digits.map((token) => token.text).join(""));
  if (bytes === undefined)
    return { error: `${typeText(type)}: expected hexadecimal digits, two a byte, behind \\# and the length` };
  if (!/^\d+$/.test(length?.text ?? "") || Number(length!.text) !== bytes.length) {
    return {
      error: `${typeText(type)}: \\# says ${length?.text ?? "no length"}, but there are ${String(bytes.length)} bytes`,
    };
  }
  return bytes === "" || isGoodRdata(type, bytes)
    ? (bytes as Rdata)
    : { error: `${typeText(type)}: these bytes are no rdata of this type` };
}

/** The values of the rdata's fields; undefined where the rdata is not what the type wants (it may be empty, see `readRdata`). */
export function rdataFields<T extends KnownType>(type: T, rdata: Rdata): Fields<T> | undefined {
  const parts = split(type, rdata);
  if (parts === undefined) return undefined;
  const { fields } = layoutOf(type)!;
  return Object.fromEntries(
    parts.map((part, i) => [fields[i]!.name, fields[i]!.kind.value(part)]),
  ) as Fields<T>;
}

/** The inverse of `rdataFields`; undefined where a value is out of its range. */
export function makeRdata<T extends KnownType>(type: T, values: Fields<T>): Rdata | undefined {
  let out = "";
  for (const { name, kind } of layoutOf(type)!.fields) {
    const bytes = kind.bytes((values as Record<string, unknown>)[name]);
    if (bytes === undefined) return undefined;
    out += bytes;
  }
  return isGoodRdata(type, out) ? out : undefined;
}

/** The same rdata with each name in it replaced by what `change` makes of it. A name that grows too long is the caller's affair. */
export function mapNames(type: number, rdata: Rdata, change: (name: Name) => Name): Rdata {
  const layout = layoutOf(type);
  if (layout === undefined || layout.named === 0) return rdata;
  const parts = split(type, rdata);
  if (parts === undefined) return rdata;
  return parts
    .map((part, i) => (isName(layout.fields[i]!.kind) ? change(part as Name) : part))
    .join("") as Rdata;
}

export type { Fields, KnownType, Token };
