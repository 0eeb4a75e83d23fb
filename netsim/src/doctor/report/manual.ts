/** The manual's part on the checks: made from the checks, so that it cannot say something else than they do. */
import type { Check, Finding } from "../types.ts";
import { anchor } from "./markdown.ts";
import { changeLines } from "./text.ts";

/** The checks of one folder of sources, under a heading. */
export interface Chapter {
  readonly title: string;
  readonly checks: readonly Check[];
}

/** A table with a link to each section. */
export const manualIndex = (chapters: readonly Chapter[]): string =>
  chapters
    .map(({ title, checks }) =>
      [
        `**${title}**`,
        "",
        "| check | severity | |",
        "| --- | --- | --- |",
        ...checks.map((c) => `| [${c.id}](#${anchor(c.id)}) | ${c.severity} | ${c.title} |`),
      ].join("\n"),
    )
    .join("\n\n");

/** `example`: what the check says of its broken cluster, with the file's path as `file`. */
export function manualSection(check: Check, example: Finding, file: string): string {
  const { at, message, evidence, fix } = example;
  const changes = fix.changes.flatMap(changeLines);
  return [
    `### ${check.id}`,
    "",
    `**${check.title}** (${check.severity}). ${check.why}`,
    "",
    "```text",
    `${at.object ?? file}: ${message}`,
    ...evidence.slice(0, 3).map((e) => `- ${e.text}`),
    `fix: ${fix.text}`,
    ...changes.map((line) => `  ${line}`),
    "```",
    "",
    ...check.sources.map(({ text, url }) => `- [${text}](${url})`),
  ].join("\n");
}
