/** `netsim matrix`: who reaches whom, as text, JSON, CSV or a heat map. */
import { endpointList, loadEngine, parseProbe, writeAll } from "./input.ts";
import { heatMap } from "./heat-map.ts";
import { GROUPINGS, reachTable } from "./groups.ts";
import type { Table } from "./groups.ts";
import { choice, readArgs } from "./usage.ts";

const FORMATS = ["text", "json", "csv", "html"] as const;

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, {
    by: { type: "string" },
    port: { type: "string", multiple: true },
    external: { type: "string", multiple: true },
    nodes: { type: "boolean" },
    format: { type: "string" },
    json: { type: "boolean" },
  });
  const by = choice("by", values.by, GROUPINGS) ?? "workload";
  const format = choice("format", values.format, FORMATS) ?? (values.json === true ? "json" : "text");
  const probes = (values.port ?? []).map(parseProbe);
  const { engine } = loadEngine(positionals);
  const matrix = engine.matrix(endpointList(engine, values.external, values.nodes));
  const table = reachTable(matrix, by, probes);
  const write = { text: asText, json: asJson, csv: asCsv, html: heatMap }[format];
  await writeAll(write(table, matrix.endpoints.length, matrix.classes.members.length));
  return 0;
}

const share = (open: number, total: number): number => (total === 0 ? -1 : open / total);

/** One character for a cell: all, some, none, nothing to connect to. */
function mark(open: number, total: number): string {
  const of = share(open, total);
  return of < 0 ? " " : of === 1 ? "●" : of === 0 ? "·" : "◐";
}

function* asText({ names, cell }: Table, endpoints: number, classes: number): Generator<string> {
  const columns = process.stdout.columns ?? 160;
  const width = Math.max(4, ...names.map((n) => n.length));
  yield `${endpoints} endpoints in ${classes} classes. ● all connections open, ◐ some, · none\n\n`;
  if (width + 4 + names.length * 3 > columns) {
    yield* asList({ names, cell });
    return;
  }
  yield `${"FROM \\ TO".padEnd(width + 3)}${names.map((_, i) => String(i + 1).padStart(3)).join("")}\n`;
  for (const [i, name] of names.entries()) {
    const cells = names.map((_, j) => {
      const { open, total } = cell(i, j);
      return `  ${mark(open, total)}`;
    });
    yield `${String(i + 1).padStart(2)} ${name.padEnd(width)}${cells.join("")}\n`;
  }
}

/** For more groups than a line has room for: a line for each group, with those it reaches. */
function* asList({ names, cell }: Table): Generator<string> {
  for (const [i, name] of names.entries()) {
    const all = names.filter((_, j) => mark(cell(i, j).open, cell(i, j).total) === "●");
    const some = names.filter((_, j) => mark(cell(i, j).open, cell(i, j).total) === "◐");
    yield `${name}\n  ● ${all.join(" ") || "-"}\n  ◐ ${some.join(" ") || "-"}\n`;
  }
}

function* asJson({ names, cell }: Table, endpoints: number, classes: number): Generator<string> {
  yield `{"endpoints": ${endpoints}, "classes": ${classes}, "groups": ${JSON.stringify(names)}, "cells": [`;
  let separator = "\n";
  for (const [i, from] of names.entries()) {
    for (const [j, to] of names.entries()) {
      const { open, total } = cell(i, j);
      if (total === 0) continue;
      yield `${separator}${JSON.stringify({ from, to, open, total })}`;
      separator = ",\n";
    }
  }
  yield "\n]}\n";
}

const quote = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function* asCsv({ names, cell }: Table): Generator<string> {
  yield `from,to,open,total\n`;
  for (const [i, from] of names.entries()) {
    for (const [j, to] of names.entries()) {
      const { open, total } = cell(i, j);
      if (total > 0) yield `${quote(from)},${quote(to)},${open},${total}\n`;
    }
  }
}
