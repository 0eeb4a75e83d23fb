/** A diagnosis for a pull request. */
import { count } from "../place.ts";
import type { Diagnosis, Finding, Place } from "../types.ts";
import { behind, changeLines, placeText } from "./text.ts";

/** The manual's section on a check. */
export const manualPath = (id: string): string => `netsim/docs/doctor.md#${anchor(id)}`;

/** GitHub's anchor of the heading `NS/some-check`. */
export const anchor = (id: string): string =>
  id
    .toLowerCase()
    .replace(/[^a-z0-9_ -]/g, "")
    .replaceAll(" ", "-");

const SIGNS = { error: "🛑", warning: "⚠️", note: "ℹ️" } as const;

/** Markdown's own signs in what comes from manifests stand for themselves. */
const plain = (text: string): string => text.replace(/[\\`*_[\]<>|~#]/g, (sign) => `\\${sign}`);
const code = (text: string): string => `\`${text.replaceAll("`", "'")}\``;

const at = (place: Place): string => {
  const where = placeText(place);
  return [place.object === null ? "" : plain(place.object), where === "" ? "" : code(where)]
    .filter((t) => t !== "")
    .join(" ");
};

export function doctorMarkdown({ findings, failures, counts, checks }: Diagnosis): string {
  const head =
    findings.length === 0
      ? `No findings by ${count(checks.length, "check")}.`
      : `${count(counts.error, "error")}, ${count(counts.warning, "warning")}, ${count(counts.note, "note")}.`;
  const failed = failures.map((f) => `- check ${code(f.id)} could not be run: ${plain(f.message)}`);
  return (
    [`## netsim doctor`, "", head, "", ...findings.flatMap(section), ...failed].join("\n").trimEnd() + "\n"
  );
}

function section({ severity, id, title, message, at: place, subjects, evidence, fix }: Finding): string[] {
  const others = subjects.filter((s) => s.object !== place.object);
  const changes = fix.changes.flatMap(changeLines);
  return [
    `### ${SIGNS[severity]} ${plain(title)} (${code(id)})`,
    "",
    `${at(place)}: ${plain(message)}`,
    "",
    ...evidence.map((e) => `- ${plain(e.text)}${behind(e.text, e) === "" ? "" : ` (${code(placeText(e))})`}`),
    ...(others.length === 0
      ? []
      : [
          `- concerns ${count(others.length, "object")}: ${others
            .slice(0, 10)
            .map((o) => plain(o.object ?? ""))
            .join(", ")}${others.length > 10 ? ", ..." : ""}`,
        ]),
    "",
    `**Fix:** ${plain(fix.text)}`,
    "",
    ...(changes.length === 0 ? [] : ["```yaml", ...changes, "```", ""]),
  ];
}
