/** `netsim cost`: what a packet to one Service among many meets on its way, by the mode of the service proxy. */
import { costCurve, type Cost } from "../service/curve.ts";
import { MODES, type Mode } from "../service/index.ts";
import { writeAll } from "./input.ts";
import { choice, readArgs, UsageError } from "./usage.ts";

const MOST = 20_000;

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, {
    services: { type: "string" },
    mode: { type: "string", multiple: true },
    endpoints: { type: "string" },
    format: { type: "string" },
    json: { type: "boolean" },
  });
  if (positionals.length > 0) throw new UsageError("takes no files: the Services are made up");
  const sizes = (values.services ?? "10,100,1000,5000")
    .split(",")
    .map((text) => count("services", text, MOST));
  const endpoints = count("endpoints", values.endpoints ?? "3", 200);
  const modes =
    values.mode === undefined ? MODES : values.mode.flatMap((m) => choice("mode", m, MODES) ?? []);
  const format =
    values.json === true ? "json" : (choice("format", values.format, ["text", "csv", "json"]) ?? "text");
  const curves = modes.map((mode) => [mode, costCurve(mode, sizes, endpoints)] as const);
  await writeAll([
    format === "json"
      ? `${JSON.stringify(Object.fromEntries(curves), null, 1)}\n`
      : format === "csv"
        ? csv(curves)
        : text(sizes, curves),
  ]);
  return 0;
}

function count(option: string, value: string, most: number): number {
  const number = /^\d+$/.test(value.trim()) ? Number(value) : NaN;
  if (number >= 1 && number <= most) return number;
  throw new UsageError(`--${option}: ${value.trim()} is no whole number from 1 to ${most}`);
}

type Curves = readonly (readonly [Mode, readonly Cost[]])[];

const csv = (curves: Curves): string =>
  [
    "mode,services,rules,lookups",
    ...curves.flatMap(([mode, costs]) => costs.map((c) => [mode, c.services, c.rules, c.lookups].join(","))),
    "",
  ].join("\n");

/** A line for each number of Services, a column for each mode: rules walked through, and tables asked. */
function text(sizes: readonly number[], curves: Curves): string {
  const cell = ({ rules, lookups }: Cost): string => `${round(rules)} + ${round(lookups)}`;
  const rows = [
    ["Services", ...curves.map(([mode]) => mode)],
    ...sizes.map((size, i) => [String(size), ...curves.map(([, costs]) => cell(costs[i]!))]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) => row.map((value, i) => value.padStart(widths[i]!)).join("  "));
  return `rules + lookups that the first packet of a connection meets (a mean over the Services)\n\n${lines.join("\n")}\n`;
}

const round = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(1));
