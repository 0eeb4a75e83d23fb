/** A diagnosis for a terminal. */
import { dump } from "js-yaml";
import { fieldName } from "../../model/read.ts";
import { partsOf } from "../apply.ts";
import { count } from "../place.ts";
import type { Change, Diagnosis, Finding, Operation, Place, Severity } from "../types.ts";

export interface TextOptions {
  readonly color?: boolean;
  /** Subjects and pieces of evidence that are named one by one. */
  readonly most?: number;
}

const CODES: Readonly<Record<Severity | "bold" | "dim", string>> = {
  error: "31",
  warning: "33",
  note: "36",
  bold: "1",
  dim: "2",
};

/** A place in parentheses, unless the text names it. */
export function behind(text: string, place: Place): string {
  const where = placeText(place);
  return where === "" || text.includes(where) ? "" : ` (${where})`;
}

/** `file:line`, `file`, or nothing. */
export const placeText = ({ file, line }: Place): string =>
  file === null ? "" : line === null ? file : `${file}:${line}`;

export function doctorText(
  { findings, failures, counts, checks }: Diagnosis,
  options: TextOptions = {},
): string {
  const { color = false, most = 4 } = options;
  const paint = (style: keyof typeof CODES, text: string): string =>
    color ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text;
  const about = (finding: Finding): string => {
    const { severity, id, title, message, at, subjects, evidence, fix } = finding;
    const where = [placeText(at), at.object].filter((p) => p !== null && p !== "").join(" ");
    const others = subjects.filter((s) => s.object !== at.object);
    const more = others.length > most ? [`          ... and ${others.length - most} more`] : [];
    return [
      `${paint(severity, severity.padEnd(7))}  ${paint("bold", title)} ${paint("dim", id)}`,
      `          ${where === "" ? "" : `${where}: `}${message}`,
      ...others
        .slice(0, most)
        .map(
          (s) =>
            `          concerns ${s.object ?? ""}${s.file === null ? "" : paint("dim", ` (${placeText(s)})`)}`,
        ),
      ...more,
      ...evidence.map((e) => `        ${paint("dim", "-")} ${e.text}${paint("dim", behind(e.text, e))}`),
      `        ${paint("bold", "fix:")} ${fix.text}`,
      ...fix.changes.flatMap(changeLines).map((l) => paint("dim", `          ${l}`)),
    ].join("\n");
  };
  const summary =
    findings.length === 0
      ? `nothing found by ${count(checks.length, "check")}`
      : `${count(counts.error, "error")}, ${count(counts.warning, "warning")}, ${count(counts.note, "note")}, by ${count(checks.length, "check")}`;
  const failed = failures.map((f) => `check ${f.id} could not be run: ${f.message}`);
  return `${[...findings.map(about), ...failed, summary].join("\n\n")}\n`;
}

const MOST_LINES = 24;

/** What to write, for people: one line for each place, and YAML for what is put there. */
export function changeLines(change: Change): readonly string[] {
  if (change.kind === "sysctl") return [`${change.file}:${change.line}: ${change.key} = ${change.value}`];
  if (change.kind === "create") return limited(yaml(change.object));
  const { kind, namespace, name } = change.target;
  const head = `${kind} ${namespace === "" ? "" : `${namespace}/`}${name}:`;
  if (change.shown !== undefined) return [head, ...change.shown.map((line) => `  ${line}`)];
  return [
    head,
    ...change.operations.flatMap((operation) => {
      const path = fieldName(
        partsOf(operation.path).map((part) => (/^\d+$/.test(part) ? Number(part) : part)),
      );
      if (path.endsWith(".-")) return added(path.slice(0, -2), operation);
      if (operation.op === "remove") return [`  remove ${path}`];
      const { value } = operation;
      if (typeof value !== "object" || value === null) {
        const text = String(value);
        return text.includes("\n")
          ? [`  ${path}: |`, ...limited(text.split("\n")).map((l) => `    ${l}`)]
          : [`  ${path}: ${text}`];
      }
      return [`  ${path}:`, ...limited(yaml(value)).map((l) => `    ${l}`)];
    }),
  ];
}

const added = (list: string, operation: Operation): readonly string[] => [
  `  ${list}:`,
  ...limited(yaml(["value" in operation ? operation.value : ""]))
    .map((l) => `    ${l}`)
    .map((l, i) => (i === 0 ? l.replace("    - ", "  + - ") : l)),
];

const yaml = (value: unknown): string[] => dump(value, { lineWidth: -1, noRefs: true }).trimEnd().split("\n");
const limited = (lines: readonly string[]): readonly string[] =>
  lines.length > MOST_LINES
    ? [...lines.slice(0, MOST_LINES), `... (${lines.length - MOST_LINES} more lines)`]
    : lines;
