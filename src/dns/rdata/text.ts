import { byte, type Kind, type Token } from "./kind.ts";

/** Character-strings (RFC 1035 §3.3) and other text in rdata. */

/**
 * The bytes that a token stands for: `\DDD` and `\X` undone, characters over U+007F as UTF-8.
 * undefined where an escape is cut off or says more than 255.
 */
export function unescape(text: string): string | undefined {
  const bytes = /[^\0-\x7f]/.test(text) ? Buffer.from(text, "utf8").latin1Slice() : text;
  if (!bytes.includes("\\")) return bytes;
  let out = "";
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== "\\") {
      out += bytes[i];
      continue;
    }
    const digits = bytes.slice(i + 1, i + 4);
    if (/^\d{3}$/.test(digits)) {
      if (Number(digits) > 255) return undefined;
      out += byte(Number(digits));
      i += 3;
    } else if (i + 1 < bytes.length) out += bytes[++i];
    else return undefined;
  }
  return out;
}

/** Bytes in quotes, with `\"`, `\\` and `\DDD` where needed. */
export const quote = (bytes: string): string =>
  `"${bytes.replace(/["\\]/g, "\\$&").replace(/[^ -~]/g, (c) => "\\" + String(c.charCodeAt(0)).padStart(3, "0"))}"`;

const counted = (bytes: string): string | undefined =>
  bytes.length > 255 ? undefined : byte(bytes.length) + bytes;

function countedToken(token: Token | undefined): string | undefined {
  const bytes = token === undefined ? undefined : unescape(token.text);
  return bytes === undefined ? undefined : counted(bytes);
}

function endOfString(bytes: string, at: number): number {
  const end = at + 1 + bytes.charCodeAt(at);
  return end <= bytes.length ? end : -1;
}

/** One character-string. */
export const string: Kind<string> = {
  expects: "a text of at most 255 bytes",
  end: endOfString,
  text: (bytes) => quote(bytes.slice(1)),
  parse: (tokens) => countedToken(tokens.next()),
  value: (bytes) => bytes.slice(1),
  bytes: counted,
};

/** HINFO's second text: the words that are left, none included, as other servers read it. */
export const lastString: Kind<string> = {
  ...string,
  parse(tokens) {
    const words = tokens.rest().map((token) => unescape(token.text));
    return words.includes(undefined) ? undefined : counted(words.join(" "));
  },
};

/** One or more character-strings to the end. A longer text is written as several of 255 bytes. */
export const strings: Kind<readonly string[]> = {
  expects: "texts",
  end(bytes, at) {
    if (at === bytes.length) return -1;
    while (at !== -1 && at < bytes.length) at = endOfString(bytes, at);
    return at;
  },
  text: (bytes) => strings.value(bytes).map(quote).join(" "),
  parse: (tokens) => concat(tokens.rest().map((token) => cut(unescape(token.text)))),
  value(bytes) {
    const out: string[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = endOfString(bytes, at);
      out.push(bytes.slice(at + 1, end));
      at = end;
    }
    return out;
  },
  bytes: (texts) => concat(texts.map(counted)),
};

function cut(text: string | undefined): string | undefined {
  if (text === undefined || text.length <= 255) return text === undefined ? undefined : counted(text);
  return counted(text.slice(0, 255))! + cut(text.slice(255))!;
}

const concat = (parts: readonly (string | undefined)[]): string | undefined =>
  parts.length === 0 || parts.includes(undefined) ? undefined : parts.join("");

/** Text to the end, without a length before it: CAA's value, URI's target. */
export const target: Kind<string> = {
  expects: "a text",
  end: (bytes) => bytes.length,
  text: quote,
  parse(tokens) {
    const token = tokens.next();
    return token === undefined ? undefined : unescape(token.text);
  },
  value: (bytes) => bytes,
  bytes: (bytes) => bytes,
};

/** CAA's property tag (RFC 8659 §4.1): a character-string of letters and digits, not quoted. */
export const tag: Kind<string> = {
  expects: "a tag of letters and digits, such as issue",
  end: (bytes, at) => (bytes.charCodeAt(at) === 0 ? -1 : endOfString(bytes, at)),
  text: (bytes) => (isTag(bytes.slice(1)) ? bytes.slice(1) : undefined),
  parse(tokens) {
    const text = tokens.next()?.text;
    return text === undefined || !isTag(text) ? undefined : counted(text);
  },
  value: (bytes) => bytes.slice(1),
  bytes: (text) => (isTag(text) ? counted(text) : undefined),
};

const isTag = (text: string): boolean => /^[A-Za-z0-9]{1,255}$/.test(text);
