/** A place in a configuration file. `file` is the name as it was given, an absolute path for an imported file; lines count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
}

/** One word of a Corefile, without its quotes, its environment references replaced. `line` is that of its first character. */
export interface Token extends Position {
  readonly text: string;
}

/** The line that `token` ends on: a quoted word may span several. */
export function lastLine(token: Token): number {
  let lines = 0;
  for (let at = token.text.indexOf("\n"); at >= 0; at = token.text.indexOf("\n", at + 1)) lines++;
  return token.line + lines;
}

/** Whether `next`, the word that follows `token`, stands on another line (or in another file) than `token`'s end. */
export const startsLine = (token: Token, next: Token): boolean =>
  token.file !== next.file || lastLine(token) < next.line;
