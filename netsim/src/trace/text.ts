/** A trace for people: a line for each hop, its place below it, the verdict at the end. */
import { REASONS, type Hop, type Note, type Remedy, type Trace, type TraceVerdict } from "./types.ts";

export interface TextOptions {
  readonly color: boolean;
  /** Columns. */
  readonly width: number;
}

type Paint = (code: string, text: string) => string;

const COLORS: Readonly<Record<TraceVerdict, string>> = {
  allow: "32",
  deny: "31",
  reject: "31",
  timeout: "33",
  nxdomain: "33",
  unroutable: "31",
};
const MARKS: Readonly<Record<TraceVerdict, string>> = {
  allow: "ok",
  deny: "DENY",
  reject: "REJECT",
  timeout: "TIMEOUT",
  nxdomain: "NXDOMAIN",
  unroutable: "UNROUTABLE",
};
/** Of a query's answer the sentence says it already. */
const isPlain = (verdict: TraceVerdict): boolean => verdict === "allow" || verdict === "nxdomain";
const LAYER = 9;

export function traceText(trace: Trace, { color, width }: TextOptions): string {
  const paint: Paint = (code, text) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const columns = Math.max(40, width);
  const lines = [
    paint("1", `${endText(trace.from)} -> ${endText(trace.to)}`),
    "",
    ...trace.hops.flatMap((h, i) => hopLines(h, trace.hops[i - 1], paint, columns)),
    ...(trace.hops.length === 0 ? [] : [""]),
    ...verdictLines(trace, paint, columns),
    ...trace.notes.flatMap((n) => noteLines(n, paint, columns)),
  ];
  return `${lines.join("\n")}\n`;
}

const endText = ({ text, id, address }: Trace["from"]): string => {
  const more = [
    id === text ? undefined : id,
    address === text || address === id ? undefined : address,
  ].filter((s) => s !== undefined && s !== null);
  return more.length === 0 ? text : `${text} (${more.join(", ")})`;
};

/** The place of a hop that is the same as the last one's (query after query) is not said again. */
function hopLines(
  { layer, verdict, what, ...origin }: Hop,
  before: Hop | undefined,
  paint: Paint,
  width: number,
): string[] {
  const head = layer.padEnd(LAYER);
  const mark = isPlain(verdict) ? "" : `${paint(COLORS[verdict], MARKS[verdict])} `;
  const space = isPlain(verdict) ? 0 : MARKS[verdict].length + 1;
  const [first = "", ...rest] = wrap(what, width - LAYER, width - LAYER - space);
  const same = before?.layer === "dns" && layer === "dns" && placeText(before) === placeText(origin);
  const rule = origin.rule !== null && what.includes(origin.rule) ? null : origin.rule;
  const place = same ? "" : placeText({ ...origin, rule });
  return [
    `${paint("36", head)}${mark}${first}`,
    ...rest.map((line) => `${" ".repeat(LAYER)}${line}`),
    ...(place === ""
      ? []
      : wrap(place, width - LAYER - 2).map((line) => paint("2", `${" ".repeat(LAYER + 2)}${line}`))),
  ];
}

function placeText({ rule, object, file, line }: Pick<Hop, "rule" | "object" | "file" | "line">): string {
  const at = file === null ? "" : `${file}${line === null ? "" : `:${line}`}`;
  return [at, object ?? "", rule ?? ""].filter((s) => s !== "").join("  ");
}

function verdictLines({ verdict, reason, remedy }: Trace, paint: Paint, width: number): string[] {
  const [first = "", ...rest] = wrap(
    `${reason}: ${REASONS[reason]}`,
    width - LAYER,
    width - verdict.length - 1,
  );
  return [
    `${paint(`1;${COLORS[verdict]}`, verdict)} ${first}`,
    ...rest.map((line) => `${" ".repeat(LAYER)}${line}`),
    ...(remedy === null ? [] : remedyLines(remedy, paint, width)),
  ];
}

function remedyLines({ text, change, object, file, line }: Remedy, paint: Paint, width: number): string[] {
  const place = placeText({ rule: null, object, file, line });
  return [
    ...wrap(`to change: ${text}`, width - 2).map((l) => `  ${l}`),
    ...(place === "" ? [] : [paint("2", `    ${place}`)]),
    // Never wrapped: it is there to be copied.
    ...(change === null ? [] : [`    ${paint("32", `+ ${change}`)}`]),
  ];
}

function noteLines({ code, text, file, line }: Note, paint: Paint, width: number): string[] {
  const at = file === null ? "" : ` (${file}${line === null ? "" : `:${line}`})`;
  const [first = "", ...rest] = wrap(`${text}${at}`, width - 4, width - code.length - 8);
  return [`${paint("33", "note")} ${code}: ${first}`, ...rest.map((l) => `    ${l}`)];
}

/** Breaks at spaces; a word that is longer than a line stands on one of its own. */
function wrap(text: string, width: number, first = width): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const room = lines.length === 0 ? first : width;
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
