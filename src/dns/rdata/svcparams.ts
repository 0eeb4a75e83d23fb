import { ipv4Bytes, ipv4Text, ipv6Bytes, ipv6Text } from "../address.ts";
import { base64Bytes, base64Text } from "./binary.ts";
import { byte, unsigned, word, type Kind, type Tokens } from "./kind.ts";
import { quote, unescape } from "./text.ts";

/** A parameter of SVCB or HTTPS (RFC 9460 §2): key and value in wire form. */
export interface SvcParam {
  readonly key: number;
  readonly value: string;
}

/** How the value of one key is checked, written and read. `text` and `parse` leave quotes and character escapes to others. */
interface Format {
  readonly name: string;
  isGood(value: string): boolean;
  /** undefined for a key that takes no value. */
  text?(value: string): string;
  parse?(text: string): string | undefined;
}

const list = (
  size: number,
  text: (bytes: string) => string,
  parse: (text: string) => string | undefined,
): Omit<Format, "name"> => ({
  isGood: (value) => value.length > 0 && value.length % size === 0,
  text: (value) => pieces(value, size).map(text).join(","),
  parse: (value) => joined(value.split(",").map(parse)),
});

const FLAG: Omit<Format, "name"> = { isGood: (value) => value === "" };
const BYTES: Omit<Format, "name"> = { isGood: () => true, text: (value) => value, parse: (text) => text };

/** RFC 9460 §14.3.2, RFC 9461 §5 (dohpath), RFC 9540 (ohttp). */
const formats: ReadonlyMap<number, Format> = new Map([
  [
    0,
    {
      name: "mandatory",
      ...list(2, (bytes) => keyText(unsigned(bytes, 0, 2)), keyBytes),
      isGood: isMandatory,
      // Written in any order, sent in rising order: keys of two bytes compare as their numbers do.
      parse: (text) => joined(text.split(",").map(keyBytes).sort()),
    },
  ],
  [1, { name: "alpn", isGood: (value) => alpnIds(value) !== undefined, text: alpnText, parse: alpnBytes }],
  [2, { name: "no-default-alpn", ...FLAG }],
  [
    3,
    {
      name: "port",
      isGood: (value) => value.length === 2,
      text: (value) => String(unsigned(value, 0, 2)),
      parse: (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65535 ? word(Number(text)) : undefined),
    },
  ],
  [4, { name: "ipv4hint", ...list(4, ipv4Text, ipv4Bytes) }],
  [5, { name: "ech", ...BYTES, text: base64Text, parse: base64Bytes }],
  [6, { name: "ipv6hint", ...list(16, ipv6Text, ipv6Bytes) }],
  [7, { name: "dohpath", ...BYTES }],
  [8, { name: "ohttp", ...FLAG }],
]);

const keys: ReadonlyMap<string, number> = new Map([...formats].map(([key, { name }]) => [name, key]));

const keyText = (key: number): string => formats.get(key)?.name ?? `key${String(key)}`;

/** No key ever: RFC 9460 §14.3.2. */
const INVALID = 65535;

function parseKey(text: string): number | undefined {
  const known = keys.get(text.toLowerCase());
  if (known !== undefined) return known;
  const number = /^key(0|[1-9]\d{0,4})$/i.exec(text)?.[1];
  return number === undefined || Number(number) >= INVALID ? undefined : Number(number);
}

function keyBytes(text: string): string | undefined {
  const key = parseKey(text);
  return key === undefined ? undefined : word(key);
}

/** Key numbers that rise, without "mandatory" itself (RFC 9460 §8). */
function isMandatory(value: string): boolean {
  const numbers = pieces(value, 2).map((bytes) => unsigned(bytes, 0, 2));
  return (
    value.length > 0 &&
    value.length % 2 === 0 &&
    numbers.every((n, i) => n > (numbers[i - 1] ?? 0) && n < INVALID)
  );
}

function alpnIds(value: string): string[] | undefined {
  const ids: string[] = [];
  for (let at = 0; at < value.length;) {
    const length = value.charCodeAt(at);
    if (length === 0 || at + 1 + length > value.length) return undefined;
    ids.push(value.slice(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return ids.length === 0 ? undefined : ids;
}

// In a list of values a backslash keeps a comma or a backslash from its meaning (RFC 9460 appendix A.1).
function alpnText(value: string): string {
  return (alpnIds(value) ?? []).map((id) => id.replace(/[,\\]/g, "\\$&")).join(",");
}

function alpnBytes(text: string): string | undefined {
  const ids = [""];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === ",") ids.push("");
    else if (text[i] !== "\\") ids[ids.length - 1] += text[i]!;
    else if (++i < text.length) ids[ids.length - 1] += text[i]!;
    else return undefined;
  }
  const good = ids.every((id) => id.length > 0 && id.length <= 255);
  return good ? ids.map((id) => byte(id.length) + id).join("") : undefined;
}

const pieces = (value: string, size: number): string[] => {
  const out: string[] = [];
  for (let at = 0; at < value.length; at += size) out.push(value.slice(at, at + size));
  return out;
};

const joined = (parts: readonly (string | undefined)[]): string | undefined =>
  parts.includes(undefined) ? undefined : parts.join("");

/** Parameters to the end of the rdata, by rising keys. */
export const svcParams: Kind<readonly SvcParam[]> = {
  expects: 'service parameters, such as alpn="h2,h3"',
  end(bytes, at) {
    for (let last = -1; at < bytes.length;) {
      const key = unsigned(bytes, at, 2);
      const end = at + 4 + unsigned(bytes, at + 2, 2);
      if (!(key > last && key < INVALID && end <= bytes.length)) return -1;
      if (formats.get(key)?.isGood(bytes.slice(at + 4, end)) === false) return -1;
      last = key;
      at = end;
    }
    return at;
  },
  text: (bytes) => svcParams.value(bytes).map(paramText).join(" "),
  parse(tokens) {
    const params = new Map<number, string>();
    while (!tokens.done) {
      const param = parseParam(tokens);
      if (param === undefined || params.has(param.key)) return undefined;
      params.set(param.key, param.value);
    }
    return svcParams.bytes([...params].map(([key, value]) => ({ key, value })));
  },
  value(bytes) {
    const params: SvcParam[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = at + 4 + unsigned(bytes, at + 2, 2);
      params.push({ key: unsigned(bytes, at, 2), value: bytes.slice(at + 4, end) });
      at = end;
    }
    return params;
  },
  bytes(params) {
    const sorted = [...params].sort((a, b) => a.key - b.key);
    const out = sorted.map(({ key, value }) => word(key) + word(value.length) + value).join("");
    return svcParams.end(out, 0) === out.length ? out : undefined;
  },
};

function paramText({ key, value }: SvcParam): string {
  const format = formats.get(key);
  if (format === undefined) return value === "" ? keyText(key) : `${keyText(key)}=${quote(value)}`;
  return format.text === undefined ? format.name : `${format.name}=${quote(format.text(value))}`;
}

/** `key`, `key=value`, or `key=` and a quoted value right behind it. */
function parseParam(tokens: Tokens): SvcParam | undefined {
  const { text, quoted } = tokens.next()!;
  const equals = text.indexOf("=");
  const key = quoted ? undefined : parseKey(equals < 0 ? text : text.slice(0, equals));
  if (key === undefined) return undefined;
  let written = equals < 0 ? "" : text.slice(equals + 1);
  const next = tokens.peek();
  if (equals === text.length - 1 && next?.quoted === true && next.joined) written = tokens.next()!.text;
  const plain = unescape(written);
  if (plain === undefined) return undefined;
  const format = formats.get(key);
  const value = format?.parse === undefined ? plain : format.parse(plain);
  return value === undefined ? undefined : { key, value };
}
