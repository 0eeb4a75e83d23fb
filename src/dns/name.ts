/**
 * Domain names.
 *
 * A `Name` is a string that holds the bytes of the uncompressed wire form (RFC 1035 §3.1), one character a byte:
 * `api.shop.` is "\x03api\x04shop\x00". Such a string is comparable with `===`, a key of a Map, a value that can't
 * change, and every label byte is possible in it; a suffix of it is a slice. The letters are as they were given;
 * whoever looks names up folds them with `lower` first.
 */
declare const nameBrand: unique symbol;
export type Name = string & { readonly [nameBrand]: true };

export const ROOT = "\0" as Name;

/** Limits of RFC 1035 §2.3.4, in octets. */
export const MAX_NAME = 255;
export const MAX_LABEL = 63;

const A = 65;
const Z = 90;
const DOT = 46;
const BACKSLASH = 92;

/** `name` with the ASCII letters folded to lower case (RFC 4343); the same string where nothing changes. */
export function lower(name: Name): Name {
  // A length octet is at most 63, so it is never mistaken for a letter.
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    if (c >= A && c <= Z) return lowerFrom(name, i);
  }
  return name;
}

function lowerFrom(name: string, from: number): Name {
  let out = name.slice(0, from);
  for (let i = from; i < name.length; i++) {
    const c = name.charCodeAt(i);
    out += c >= A && c <= Z ? String.fromCharCode(c + 32) : name[i];
  }
  return out as Name;
}

export type NameError = "empty-label" | "label-too-long" | "name-too-long" | "bad-escape";

/**
 * The name that a presentation form stands for: `\.` and `\DDD` escapes (RFC 1035 §5.1), with or without the final
 * dot (a missing one is added: there are no relative names here). Characters over U+007F stand for their UTF-8 bytes.
 * Returns undefined where `text` is no name; `whyNot` tells why.
 */
export function parseName(text: string): Name | undefined {
  const name = scan(text);
  return isError(name) ? undefined : name;
}

/** Why `parseName` refuses `text`, or undefined where it does not. */
export function whyNot(text: string): NameError | undefined {
  const name = scan(text);
  return isError(name) ? name : undefined;
}

/** `parseName` for text that the program itself wrote. Throws a RangeError on what is no name. */
export function nameOf(text: string): Name {
  const name = scan(text);
  if (isError(name)) throw new RangeError(`not a domain name (${name}): ${JSON.stringify(text)}`);
  return name;
}

const errors: ReadonlySet<string> = new Set<NameError>([
  "empty-label",
  "label-too-long",
  "name-too-long",
  "bad-escape",
]);
const isError = (value: string): value is NameError => errors.has(value);

function scan(text: string): Name | NameError {
  if (text === "." || text === "") return ROOT;
  const bytes = /[^\0-\x7f]/.test(text) ? Buffer.from(text, "utf8").toString("latin1") : text;
  let out = "";
  let label = "";
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes.charCodeAt(i);
    if (c === DOT) {
      if (label === "") return "empty-label";
      out += String.fromCharCode(label.length) + label;
      label = "";
    } else if (c === BACKSLASH) {
      const digits = /^\d{3}/.exec(bytes.slice(i + 1, i + 4))?.[0];
      if (digits !== undefined) {
        if (Number(digits) > 255) return "bad-escape";
        label += String.fromCharCode(Number(digits));
        i += 3;
      } else {
        if (i + 1 >= bytes.length) return "bad-escape";
        label += bytes[++i];
      }
    } else {
      label += bytes[i];
    }
    if (label.length > MAX_LABEL) return "label-too-long";
  }
  if (label !== "") out += String.fromCharCode(label.length) + label;
  return out.length + 1 > MAX_NAME ? "name-too-long" : ((out + "\0") as Name);
}

/** The presentation form, with the final dot: the inverse of `parseName`. Bytes that are no printable ASCII become `\DDD`. */
export function nameText(name: Name): string {
  if (name === ROOT) return ".";
  let out = "";
  for (let at = 0; name.charCodeAt(at) > 0; at += name.charCodeAt(at) + 1) {
    out += labelText(name.slice(at + 1, at + 1 + name.charCodeAt(at))) + ".";
  }
  return out;
}

/** One label in presentation form, as miekg's DNS library and so CoreDNS write it. */
export function labelText(label: string): string {
  if (/^[A-Za-z0-9_*/-]*$/.test(label)) return label;
  let out = "";
  for (let i = 0; i < label.length; i++) {
    const c = label.charCodeAt(i);
    const char = label[i]!;
    if (`.()";\\@' `.includes(char)) out += "\\" + char;
    else if (c < 32 || c > 126) out += "\\" + String(c).padStart(3, "0");
    else out += char;
  }
  return out;
}

/** The labels from left to right, raw bytes, without the root's. */
export function labelsOf(name: Name): string[] {
  const out: string[] = [];
  for (let at = 0; name.charCodeAt(at) > 0; at += name.charCodeAt(at) + 1) {
    out.push(name.slice(at + 1, at + 1 + name.charCodeAt(at)));
  }
  return out;
}

export function fromLabels(labels: readonly string[]): Name {
  let out = "";
  for (const label of labels) out += String.fromCharCode(label.length) + label;
  return (out + "\0") as Name;
}

/** Number of labels, the root's not counted. */
export function labelCount(name: Name): number {
  let n = 0;
  for (let at = 0; name.charCodeAt(at) > 0; at += name.charCodeAt(at) + 1) n++;
  return n;
}

/** The name without its first label; the root's parent is the root. */
export function parentOf(name: Name): Name {
  return name === ROOT ? ROOT : (name.slice(name.charCodeAt(0) + 1) as Name);
}

/** `label` (raw bytes, 1 to 63) put in front of `name`. The result may be too long: see `fits`. */
export function prepend(label: string, name: Name): Name {
  return (String.fromCharCode(label.length) + label + name) as Name;
}

/** `prefix`'s labels in front of `suffix`'s. The result may be too long: see `fits`. */
export function join(prefix: Name, suffix: Name): Name {
  return (prefix.slice(0, -1) + suffix) as Name;
}

export const fits = (name: Name): boolean => name.length <= MAX_NAME;

/**
 * Whether `name` is `zone` or below it. Both in the same letters (see `lower`).
 * The cut must fall on a label's start: the bytes of a longer label could happen to look like the zone.
 */
export function isWithin(name: Name, zone: Name): boolean {
  const cut = name.length - zone.length;
  if (cut < 0 || !name.endsWith(zone)) return false;
  let at = 0;
  while (at < cut) at += name.charCodeAt(at) + 1;
  return at === cut;
}

/** What stands in front of `zone` in `name` as raw labels, left to right; undefined where `name` is not within it. */
export function labelsBefore(name: Name, zone: Name): string[] | undefined {
  if (!isWithin(name, zone)) return undefined;
  return labelsOf((name.slice(0, name.length - zone.length) + "\0") as Name);
}

/** Canonical order of RFC 4034 §6.1: by label from the right, as lower-cased bytes. */
export function compareNames(a: Name, b: Name): number {
  const x = labelsOf(lower(a)).reverse();
  const y = labelsOf(lower(b)).reverse();
  for (let i = 0; i < x.length && i < y.length; i++) {
    if (x[i] !== y[i]) return x[i]! < y[i]! ? -1 : 1;
  }
  return x.length - y.length;
}
