import type { Position } from "./token.ts";

/** What is wrong with a Corefile; stable, for programs. The text of the message may change. */
export type CorefileErrorCode =
  // the language
  | "unknown-directive"
  | "unexpected-token"
  | "unexpected-end"
  | "environment"
  | "import"
  | "snippet"
  // the keys of server blocks
  | "bad-key"
  | "bad-port"
  | "zone-overlap"
  // a directive's arguments and options
  | "argument-count"
  | "bad-value"
  | "unknown-option"
  | "repeated"
  | "not-built-yet"
  | "conflict";

/**
 * Why a Corefile is refused. `message` is the whole line to print, `FILE:LINE: plugin: what is wrong and what would be
 * right`; the parts are there for programs.
 */
export interface CorefileError extends Position {
  readonly code: CorefileErrorCode;
  /** The directive that complains; absent for the language itself. */
  readonly plugin?: string;
  readonly message: string;
}

export function corefileError(
  code: CorefileErrorCode,
  at: Position,
  text: string,
  plugin?: string,
): CorefileError {
  const { file, line } = at;
  const message = oneLine(`${file}:${line}: ${plugin === undefined ? "" : `${plugin}: `}${text}`);
  return plugin === undefined ? { code, file, line, message } : { code, file, line, plugin, message };
}

/** Quoted words of the file may be long, and may hold line ends and characters that nobody sees. */
const oneLine = (text: string): string =>
  text
    .replace(/"([^"]{60})[^"]{20,}"/g, '"$1..."')
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => "\\u" + char.codePointAt(0)!.toString(16).padStart(4, "0"));
