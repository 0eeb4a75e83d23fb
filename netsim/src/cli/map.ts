/** `netsim map FILES... -o map.html`: the cluster as a page to look at, and to ask. */
import { writeFileSync } from "node:fs";
import { mapPage, mapTemplate } from "../map/page.ts";
import { loadInput, reportProblems, writeAll } from "./input.ts";
import type { Cluster } from "../model/types.ts";
import { readArgs, UsageError } from "./usage.ts";

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, {
    output: { type: "string", short: "o" },
    title: { type: "string" },
  });
  const { output = process.stdout.isTTY === true ? undefined : "-", title } = values;
  if (output === undefined) throw new UsageError("needs -o FILE: a page is nothing for a terminal");
  const template = templateOrFault();
  const cluster = loadInput(positionals);
  reportProblems(cluster.problems);
  const page = mapPage(cluster, title ?? titleOf(cluster), template);
  if (output === "-") {
    await writeAll([page]);
    return 0;
  }
  try {
    writeFileSync(output, page);
  } catch (error) {
    throw new UsageError(`${output}: cannot be written: ${(error as Error).message}`);
  }
  process.stderr.write(`${output}: ${(page.length / 1024).toFixed(0)} KiB\n`);
  return 0;
}

const titleOf = ({ pods, nodes }: Cluster): string =>
  `Cluster map: ${pods.length} pods on ${nodes.length} nodes`;

function templateOrFault(): string {
  try {
    return mapTemplate();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
