/** Formats of query log lines: compiled once into a list of pieces. */
import type { Answer } from "../../src/dns/message.ts";
import { replyFlags } from "../../src/dns/message.ts";
import type { Query } from "../../src/dns/query.ts";
import { answerType, classOf } from "../../src/dns/classify.ts";
import { classText, FLAG, rcodeText, typeText } from "../../src/dns/types.ts";
import { Line } from "./line.ts";

type Piece = (line: Line, query: Query, answer: Answer, seconds: number) => void;
/** Gives the line, without a line end. */
export type Format = (query: Query, answer: Answer, seconds: number) => string;

const COMMON =
  '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}';
const EMPTY = "-";

function host(line: Line, address: string): void {
  if (!address.includes(":")) return line.text(address);
  line.text("[");
  line.text(address);
  line.text("]");
}

const FLAG_NAMES = [
  [FLAG.AA, ",aa"],
  [FLAG.TC, ",tc"],
  [FLAG.RD, ",rd"],
  [FLAG.RA, ",ra"],
  [FLAG.Z, ",z"],
  [FLAG.AD, ",ad"],
  [FLAG.CD, ",cd"],
] as const;

function flags(line: Line, flags: number): void {
  line.text("qr");
  for (let i = 0; i < FLAG_NAMES.length; i++)
    if ((flags & FLAG_NAMES[i]![0]) !== 0) line.text(FLAG_NAMES[i]![1]);
}

function replyFlagText(line: Line, query: Query, answer: Answer): void {
  switch (answer.kind) {
    case "message":
      return flags(line, answer.flags);
    case "failure":
      return flags(line, replyFlags(query));
    case "stream":
      return flags(line, replyFlags(query) | FLAG.AA);
    case "drop":
      return line.text(EMPTY);
  }
}

function replySize(query: Query, answer: Answer): number {
  if (answer.kind === "message") return answer.plainSize;
  return answer.kind === "failure" ? 12 + query.rawName.length + 4 : 0;
}

function rcode(answer: Answer): string {
  if (answer.kind === "message" || answer.kind === "failure") return rcodeText(answer.rcode);
  return answer.kind === "stream" ? "NOERROR" : EMPTY;
}

const TOKENS: Readonly<Record<string, Piece>> = {
  "{type}": (line, query) => line.text(typeText(query.type)),
  "{name}": (line, query) => line.name(query.name),
  "{class}": (line, query) => line.text(classText(query.class)),
  "{proto}": (line, query) => line.text(query.peer.protocol),
  "{size}": (line, query) => line.number(query.length),
  "{remote}": (line, query) => host(line, query.peer.address),
  "{port}": (line, query) => line.number(query.peer.port),
  "{local}": (line, query) => host(line, query.peer.localAddress),
  "{duration}": (line, _query, _answer, seconds) => line.duration(seconds),
  "{rcode}": (line, _query, answer) => line.text(rcode(answer)),
  "{rsize}": (line, query, answer) => line.number(replySize(query, answer)),
  "{>rflags}": replyFlagText,
  "{>id}": (line, query) => line.number(query.origin.id),
  "{>opcode}": (line, query) => line.number(query.opcode),
  "{>do}": (line, query) => line.text(query.dnssecOk ? "true" : "false"),
  "{>bufsize}": (line, query) => line.number(query.limit),
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
    pieces.push((line) => line.text(piece));
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
  const line = new Line();
  return (query, answer, seconds) => {
    for (let i = 0; i < pieces.length; i++) pieces[i]!(line, query, answer, seconds);
    return line.take();
  };
}

function pieceOf(token: string): Piece | undefined {
  if (Object.hasOwn(TOKENS, token)) return TOKENS[token];
  if (!token.startsWith("{/")) return undefined;
  const label = token.slice(2, -1);
  return (line, query, answer) => line.text(metadata(query, answer, label) || EMPTY);
}

export const DEFAULT_FORMAT = "{common}";
