/** The figures as Markdown, which is readable on a terminal too. */
import type { Spread } from "../lib/numbers.ts";
import { isMet, type Verdict } from "./bounds.ts";
import type { Figures } from "./figures.ts";
import type { Kind } from "../servers/server.ts";
import type { Workload } from "../workloads.ts";

export interface Report {
  readonly machine: string;
  readonly versions: readonly string[];
  readonly method: string;
  readonly figures: readonly Figures[];
  readonly verdicts: readonly Verdict[];
  /** Figures of the other programs: memory, pauses and so on. */
  readonly extra: readonly string[];
}

export function tables(
  { figures }: Pick<Report, "figures">,
  workloads: readonly Workload[],
  kinds: readonly Kind[],
): string {
  return workloads
    .flatMap(({ name, title, rate }) => {
      const rows = kinds.flatMap((kind) => {
        const found = figures.find((one) => one.workload === name && one.server === kind.name);
        return found === undefined ? [] : [row(kind.title, found, rate !== undefined)];
      });
      if (rows.length === 0) return [];
      const head = ["", "CPU/query", "user", "system", "queries/s a core"];
      if (rate !== undefined) head.push(`p50 at ${rate / 1000}k/s`, `p99 at ${rate / 1000}k/s`);
      return [`**${name}**: ${title}`, "", line(head), line(head.map(() => "---")), ...rows.map(line), ""];
    })
    .join("\n");
}

function row(
  title: string,
  { cpu, user, system, perCore, p50, p99 }: Figures,
  withLatency: boolean,
): string[] {
  const us = (spread: Spread): string => `${spread.median.toFixed(1)} µs`;
  const cells = [
    title,
    `${cpu.median.toFixed(1)} µs (${cpu.min.toFixed(1)}–${cpu.max.toFixed(1)})`,
    us(user),
    us(system),
    `${Math.round(perCore.median / 1000)}k`,
  ];
  const ms = (spread: Spread | undefined): string =>
    spread === undefined
      ? ""
      : `${spread.median.toFixed(2)} ms (${spread.min.toFixed(2)}–${spread.max.toFixed(2)})`;
  return withLatency ? [...cells, ms(p50), ms(p99)] : cells;
}

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

export function verdictTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map((verdict) => {
    const { title, most, unit, value } = verdict;
    const bound = `at most ${most.toFixed(2)}${unit && ` ${unit}`}`;
    if (value === undefined) return [title, bound, "not measured", ""];
    const { median, min, max } = value;
    return [
      title,
      bound,
      `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`,
      isMet(verdict) ? "ok" : "NOT OK",
    ];
  });
  return [["ratio, or figure", "bound", "measured", ""], ["---", "---", "---", "---"], ...rows]
    .map(line)
    .join("\n");
}
