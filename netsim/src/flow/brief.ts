/** `-o brief`: who, to whom, over what, with what verdict, in columns; neither ports nor summaries. Not a form of Hubble's. */
import { alignColumns } from "./columns.ts";
import { createPaint } from "./paint.ts";
import { hostNames, type Printer, type PrinterOptions } from "./printer.ts";
import { timeFormatter } from "./time.ts";
import type { Flow } from "./types.ts";

const HEAD = ["SOURCE", "DESTINATION", "TYPE", "VERDICT"];

export function createBriefPrinter(options: PrinterOptions): Printer {
  const { safe } = createPaint(false);
  const time = timeFormatter(options.timeFormat);
  const rows: { at: string; cells: readonly string[] }[] = [];
  return {
    print({ flow }) {
      if (flow === undefined) return { out: "", err: "" };
      const cells = [
        ...hostNames(flow, options.translate),
        typeOf(flow),
        String(flow.verdict ?? "VERDICT_UNKNOWN"),
      ];
      rows.push({ at: time(flow.time), cells: cells.map((cell) => safe(cell).replace(/[\t\n\v\f]/g, " ")) });
      return { out: "", err: "" };
    },
    end() {
      if (rows.length === 0) return "";
      const table = alignColumns(
        [HEAD, ...rows.map(({ cells }) => cells)].map((c) => c.join("\t")).join("\n"),
        2,
        3,
      );
      const times = ["TIMESTAMP", ...rows.map(({ at }) => at)];
      const width = Math.max(...times.map((at) => at.length));
      return `${table
        .split("\n")
        .map((line, i) => `${(times[i] ?? "").padEnd(width)}  ${line}\n`)
        .join("")}`;
    },
  };
}

/** `L4/TCP`, `L7/HTTP`, ... */
function typeOf({ l4 = {}, l7 }: Flow): string {
  if (l7 !== undefined) return l7.http !== undefined ? "L7/HTTP" : l7.dns !== undefined ? "L7/DNS" : "L7";
  const [protocol] = Object.keys(l4);
  return protocol === undefined ? "L3" : `L4/${protocol.replace(/v[46]$/, "")}`;
}
