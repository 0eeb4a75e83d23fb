import type { Token } from "../rdata/kind.ts";

/** One entry of a zone file: a line, or more where parentheses or a quoted text go on (RFC 1035 §5.1). */
export interface Entry {
  /** The line that it begins on, from 1. */
  readonly line: number;
  /** Whether a blank stands first, so that there is no owner. */
  readonly indented: boolean;
  readonly tokens: readonly Token[];
}

export interface LexError {
  readonly line: number;
  readonly error: string;
}

/** The entries of `text`, those without tokens left out. An error ends it. */
export function* entries(text: string, firstLine = 1): Generator<Entry, LexError | undefined> {
  let at = 0;
  let line = firstLine;
  while (at < text.length) {
    const start = line;
    const indented = isBlank(text.charCodeAt(at));
    const tokens: Token[] = [];
    // The line of the parenthesis that is open; 0 without.
    let open = 0;
    let depth = 0;
    let joined = false;
    for (;;) {
      const c = text.charCodeAt(at);
      if (at >= text.length || (c === NEWLINE && depth === 0)) break;
      if (c === NEWLINE || isBlank(c)) {
        if (c === NEWLINE) line++;
        at++;
        joined = false;
      } else if (c === SEMICOLON) {
        const end = text.indexOf("\n", at);
        at = end < 0 ? text.length : end;
      } else if (c === OPEN) {
        if (depth++ === 0) open = line;
        at++;
        joined = false;
      } else if (c === CLOSE) {
        if (--depth < 0) return { line, error: 'a ")" without "(": delete it, or escape it as "\\)"' };
        at++;
        joined = false;
      } else if (c === QUOTE) {
        const end = endOfQuoted(text, at + 1);
        if (end < 0) return { line, error: "a quoted text that does not end: a '\"' is missing" };
        const quoted = text.slice(at + 1, end);
        tokens.push({ text: quoted, quoted: true, joined });
        line += newlines(quoted);
        at = end + 1;
        joined = true;
      } else {
        const end = endOfWord(text, at);
        tokens.push({ text: text.slice(at, end), quoted: false, joined });
        at = end;
        joined = true;
      }
    }
    if (depth > 0) return { line: open, error: 'a "(" that is not closed: a ")" is missing' };
    if (tokens.length > 0) yield { line: start, indented, tokens };
    at++;
    line++;
  }
  return undefined;
}

const NEWLINE = 10;
const QUOTE = 34;
const OPEN = 40;
const CLOSE = 41;
const SEMICOLON = 59;
const BACKSLASH = 92;

// A carriage return is no more than the end of a line of Windows.
const isBlank = (c: number): boolean => c === 32 || c === 9 || c === 13;

function endOfQuoted(text: string, at: number): number {
  for (; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === QUOTE) return at;
    if (c === BACKSLASH) at++;
  }
  return -1;
}

function endOfWord(text: string, at: number): number {
  for (; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === BACKSLASH && text.charCodeAt(at + 1) !== NEWLINE) at++;
    else if (isBlank(c) || c === NEWLINE || c === QUOTE || c === SEMICOLON || c === OPEN || c === CLOSE)
      return at;
  }
  return text.length;
}

function newlines(text: string): number {
  let n = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) n++;
  return n;
}
