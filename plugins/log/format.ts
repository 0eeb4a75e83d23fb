/** Formats of query log lines: compiled once into a list of pieces. */
import { nameText } from "../../src/dns/name.ts";
import type { Answer } from "../../src/dns/message.ts";
import { replyFlags } from "../../src/dns/message.ts";
import type { Query } from "../../src/dns/query.ts";
import { answerType, classOf } from "../../src/dns/classify.ts";
import { classText, FLAG, rcodeText, typeText } from "../../src/dns/types.ts";

type Piece = (query: Query, answer: Answer, seconds: number) => string;
export type Format = Piece;

const COMMON =
  '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}';
const EMPTY = "-";

const host = (address: string): string => (address.includes(":") ? `[${address}]` : address);

/** Seconds as Go prints a float without exponent. */
function duration(seconds: number): string {
  const text = seconds.toFixed(9);
  let end = text.length;
  while (text.charCodeAt(end - 1) === 48) end--;
  if (text.charCodeAt(end - 1) === 46) end--;
  return text.slice(0, end) + "s";
}

const FLAG_NAMES = [
  [FLAG.AA, "aa"],
  [FLAG.TC, "tc"],
  [FLAG.RD, "rd"],
  [FLAG.RA, "ra"],
  [FLAG.Z, "z"],
  [FLAG.AD, "ad"],
  [FLAG.CD, "cd"],
] as const;

function flagText(flags: number): string {
  let text = "qr";
  for (const [bit, name] of FLAG_NAMES) if ((flags & bit) !== 0) text += "," + name;
  return text;
}

function replyFlagText(query: Query, answer: Answer): string {
  switch (answer.kind) {
    case "message":
      return flagText(answer.flags);
    case "failure":
      return flagText(replyFlags(query));
    case "stream":
      return flagText(replyFlags(query) | FLAG.AA);
    case "drop":
      return EMPTY;
  }
}

function replySize(query: Query, answer: Answer): string {
  if (answer.kind === "message") return String(answer.plainSize);
  return answer.kind === "failure" ? String(12 + query.rawName.length + 4) : "0";
}

const TOKENS: Readonly<Record<string, Piece>> = {
  "{type}": (query) => typeText(query.type),
  "{name}": (query) => nameText(query.name),
  "{class}": (query) => classText(query.class),
  "{proto}": (query) => query.peer.protocol,
  "{size}": (query) => String(query.length),
  "{remote}": (query) => host(query.peer.address),
  "{port}": (query) => String(query.peer.port),
  "{local}": (query) => host(query.peer.localAddress),
  "{duration}": (_query, _answer, seconds) => duration(seconds),
  "{rcode}": (_query, answer) => {
    if (answer.kind === "message" || answer.kind === "failure") return rcodeText(answer.rcode);
    return answer.kind === "stream" ? "NOERROR" : EMPTY;
  },
  "{rsize}": replySize,
  "{>rflags}": replyFlagText,
  "{>id}": (query) => String(query.origin.id),
  "{>opcode}": (query) => String(query.opcode),
  "{>do}": (query) => (query.dnssecOk ? "true" : "false"),
  "{>bufsize}": (query) => String(query.limit),
};

/** The metadata that `log` itself knows, and everyone else's. */
function metadata(query: Query, answer: Answer, label: string): string {
  if (label === "log/type" || label === "log/class") {
    const type = answerType(answer, query.type);
    return label === "log/type" ? type : classOf(type);
  }
  return query.meta(label);
}

/** Compiles a format; what is no token stays as it stands. */
export function compileFormat(text: string): Format {
  const source = text.replaceAll("{combined}", COMMON + ' "{>opcode}"').replaceAll("{common}", COMMON);
  const pieces: Piece[] = [];
  let literal = "";
  const flush = (): void => {
    if (literal === "") return;
    const piece = literal;
    pieces.push(() => piece);
    literal = "";
  };
  for (let at = 0; at < source.length;) {
    const token = /^\{[^{}]*\}/.exec(source.slice(at))?.[0];
    const known = token === undefined ? undefined : pieceOf(token);
    if (known === undefined) {
      literal += source[at++];
      continue;
    }
    flush();
    pieces.push(known);
    at += token!.length;
  }
  flush();
  return (query, answer, seconds) => {
    let line = "";
    for (const piece of pieces) line += piece(query, answer, seconds);
    return line;
  };
}

function pieceOf(token: string): Piece | undefined {
  if (Object.hasOwn(TOKENS, token)) return TOKENS[token];
  if (!token.startsWith("{/")) return undefined;
  const label = token.slice(2, -1);
  return (query, answer) => metadata(query, answer, label) || EMPTY;
}

export const DEFAULT_FORMAT = "{common}";
