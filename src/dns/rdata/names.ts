import { fits, join, nameText, parseName, type Name } from "../name.ts";
import type { Kind } from "./kind.ts";

/** Domain names in rdata. */

/** Where the name without pointers that starts at `at` ends; -1 where there is none. */
export function nameEnd(bytes: string, at: number): number {
  const start = at;
  for (;;) {
    const length = bytes.charCodeAt(at);
    at += length + 1;
    // The comparison is false for the NaN of a missing byte, too.
    if (!(length <= 63) || at > bytes.length || at - start > 255) return -1;
    if (length === 0) return at;
  }
}

/**
 * The name that a zone file's text stands for below `origin`: `@` is the origin, and what does not end in a dot that
 * counts is relative to it (RFC 1035 §5.1). undefined where it is no name or too long.
 */
export function parseRelative(text: string, origin: Name): Name | undefined {
  if (text === "@") return origin;
  const name = text === "" ? undefined : parseName(text);
  if (name === undefined || isAbsolute(text)) return name;
  const whole = join(name, origin);
  return fits(whole) ? whole : undefined;
}

function isAbsolute(text: string): boolean {
  if (!text.endsWith(".")) return false;
  const backslashes = /\\*$/.exec(text.slice(0, -1))![0];
  return backslashes.length % 2 === 0;
}

/** A name that is never compressed in a message (RFC 3597 §4). */
export const name: Kind<Name> = {
  expects: "a domain name",
  end: nameEnd,
  text: (bytes) => nameText(bytes as Name),
  parse(tokens) {
    const token = tokens.next();
    return token === undefined || token.quoted ? undefined : parseRelative(token.text, tokens.origin);
  },
  value: (bytes) => bytes as Name,
  bytes: (value) => value,
};

/** A name of a type of RFC 1035, that may be compressed. */
export const cname: Kind<Name> = { ...name };

/** Names to the end, none included: HIP's rendezvous servers. */
export const names: Kind<readonly Name[]> = {
  expects: "domain names",
  end(bytes, at) {
    while (at !== -1 && at < bytes.length) at = nameEnd(bytes, at);
    return at;
  },
  text: (bytes) => names.value(bytes).map(nameText).join(" "),
  parse(tokens) {
    const all = tokens.rest().map((token) => parseRelative(token.text, tokens.origin));
    return all.includes(undefined) ? undefined : all.join("");
  },
  value(bytes) {
    const out: Name[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = nameEnd(bytes, at);
      out.push(bytes.slice(at, end) as Name);
      at = end;
    }
    return out;
  },
  bytes: (values) => values.join(""),
};
