import { parseArgs } from "node:util";
import { kinds } from "./servers/index.ts";
import { workloads } from "./workloads.ts";

export interface Options {
  readonly workloads: readonly string[];
  readonly servers: readonly string[];
  /** Counted runs; one more comes first and is thrown away. */
  readonly runs: number;
  readonly seconds: number;
  /** Beside the workloads: memory, cold start and so on. */
  readonly also: readonly string[];
  /** Write the figures into README.md and docs/bench.svg. */
  readonly readme: boolean;
  readonly flame: boolean;
  readonly help: boolean;
}

export const ALSO: readonly string[] = ["cold-start", "driver", "memory", "ndots-plugin", "pauses", "scale"];
/** Takes minutes, and so is measured only where it is asked for. */
const LONG: readonly string[] = ["scale"];

export const usage: string = `npm run bench -- [flags]

  --only A,B     workloads: ${workloads.map(({ name }) => name).join(", ")}; none
  --servers A,B  ${kinds.map(({ name }) => name).join(", ")}
  --runs N       counted runs, after one that is thrown away (default 5)
  --seconds N    of each run (default 3)
  --also A,B     ${ALSO.join(", ")}; none (default: all but scale, where --only is not given)
  --readme       write the tables into README.md and the chart to docs/bench.svg
  --flame        write CPU profiles of ours to bench/results/flame, and say what takes the time

CoreDNS is measured where COREDNS_BIN names its program; CLUSTERDNS_BIN names another checkout's bin/clusterdns.
`;

/** Rejects what it does not know with an Error that says what there is. */
export function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: "string" },
      servers: { type: "string" },
      also: { type: "string" },
      runs: { type: "string", default: "5" },
      seconds: { type: "string", default: "3" },
      readme: { type: "boolean", default: false },
      flame: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const usual = ALSO.filter((name) => !LONG.includes(name)).join(",");
  const also = values.also ?? (values.only === undefined && !values.flame ? usual : "none");
  return {
    workloads: chosen(
      "--only",
      values.only,
      workloads.map(({ name }) => name),
    ),
    servers: chosen(
      "--servers",
      values.servers,
      kinds.map(({ name }) => name),
    ),
    also: chosen("--also", also, ALSO),
    runs: numberOf("--runs", values.runs, 20),
    seconds: numberOf("--seconds", values.seconds, 60),
    readme: values.readme,
    flame: values.flame,
    help: values.help,
  };
}

function chosen(flag: string, value: string | undefined, all: readonly string[]): readonly string[] {
  if (value === undefined) return all;
  if (value === "none") return [];
  const names = value.split(",");
  const unknown = names.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new Error(`${flag}: no "${unknown}": choose from ${all.join(", ")}`);
  return all.filter((name) => names.includes(name));
}

function numberOf(flag: string, text: string, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw new Error(`${flag} ${text}: write a number from 1 to ${most}`);
  return value;
}
