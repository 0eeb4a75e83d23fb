/** `netsim conntrack`: how many connections a node's table holds, and how many DNS lookups its race loses. */
import { clashHandling, lossProbability, raceLookups } from "../conntrack/race.ts";
import { conntrackMax, KUBE_PROXY_TIMEOUTS, sustainableRate, type State } from "../conntrack/timeouts.ts";
import { seeded } from "../service/spread.ts";
import { writeAll } from "./input.ts";
import { readArgs, UsageError } from "./usage.ts";

/** What flows of a program leave in the table, for how long: the state that they spend most of their time in. */
const FLOWS: readonly { readonly name: string; readonly protocol: "udp" | "tcp"; readonly state: State }[] = [
  { name: "DNS query", protocol: "udp", state: "REPLIED" },
  { name: "UDP stream", protocol: "udp", state: "STREAM" },
  { name: "TCP, closed at once", protocol: "tcp", state: "TIME_WAIT" },
  { name: "TCP, never closed", protocol: "tcp", state: "ESTABLISHED" },
];

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, {
    cores: { type: "string" },
    max: { type: "string" },
    rate: { type: "string" },
    kernel: { type: "string" },
    endpoints: { type: "string" },
    overlap: { type: "string" },
    lookups: { type: "string" },
    seed: { type: "string" },
    "single-request": { type: "boolean" },
    json: { type: "boolean" },
  });
  if (positionals.length > 0) throw new UsageError("takes no files");
  const cores = number("cores", values.cores, 4, 1, 4096);
  const max = number("max", values.max, conntrackMax(cores), 1, 2 ** 31);
  const rate = number("rate", values.rate, 1000, 0, 1e9);
  const kernel = values.kernel ?? "5.15";
  if (!/^\d+\.\d+/.test(kernel))
    throw new UsageError(`--kernel: write a version such as 4.14, not ${kernel}`);
  const endpoints = number("endpoints", values.endpoints, 2, 1, 10_000);
  const overlap = number("overlap", values.overlap, 0.01, 0, 1);
  const lookups = number("lookups", values.lookups, 10_000, 1, 1_000_000);
  const seed = number("seed", values.seed, 1, 0, 2 ** 32 - 1);

  const flows = FLOWS.map(({ name, protocol, state }) => {
    const seconds = KUBE_PROXY_TIMEOUTS[protocol][state] ?? 0;
    const entries = Math.min(max, rate * seconds);
    const full = rate * seconds > max ? max / rate : null;
    return {
      name,
      protocol,
      state,
      seconds,
      sustainable: sustainableRate(max, seconds),
      entries,
      fullAfter: full,
    };
  });
  const options = { kernel, endpoints, overlap, separate: values["single-request"] === true };
  const lost = raceLookups(lookups, options, seeded(seed)).filter((l) => l.second === undefined).length;
  const race = {
    ...options,
    handling: clashHandling(kernel),
    probability: lossProbability(options),
    lookups,
    lost,
  };
  const result = { max, rate, flows, race };
  await writeAll([values.json === true ? `${JSON.stringify(result, null, 1)}\n` : text(result)]);
  return 0;
}

function number(
  option: string,
  given: string | undefined,
  otherwise: number,
  least: number,
  most: number,
): number {
  if (given === undefined) return otherwise;
  const value = /^\d+(\.\d+)?$/.test(given) ? Number(given) : NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`--${option} must be a number from ${least} to ${most}, not ${given}`);
}

interface Result {
  readonly max: number;
  readonly rate: number;
  readonly flows: readonly {
    readonly name: string;
    readonly protocol: string;
    readonly state: State;
    readonly seconds: number;
    readonly sustainable: number;
    readonly entries: number;
    readonly fullAfter: number | null;
  }[];
  readonly race: {
    readonly kernel: string;
    readonly endpoints: number;
    readonly overlap: number;
    readonly separate: boolean;
    readonly handling: "drop" | "same" | "insert";
    readonly probability: number;
    readonly lookups: number;
    readonly lost: number;
  };
}

const HANDLING = {
  drop: "the second packet is dropped",
  same: "the second packet is saved where both go to the same endpoint",
  insert: "both packets are let through",
} as const;

function text({ max, rate, flows, race }: Result): string {
  const rows = [
    ["flow", "state", "stays", "fills the table at", `at ${rate} new ones a second`],
    ...flows.map((f) => [
      f.name,
      `${f.protocol} ${f.state}`,
      `${f.seconds} s`,
      `${f.sustainable < 10 ? f.sustainable.toFixed(1) : Math.round(f.sustainable)}/s`,
      f.fullAfter === null
        ? `${Math.round(f.entries)} entries, ${Math.round((100 * f.entries) / max)} %`
        : `full after ${Math.round(f.fullAfter)} s: new flows are dropped`,
    ]),
  ];
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd(),
  );
  const share = (100 * race.probability).toFixed(2).replace(/\.?0+$/, "");
  return [
    `nf_conntrack_max ${max}`,
    "",
    ...lines,
    "",
    `A and AAAA from one socket at once (${100 * race.overlap} % of lookups), kernel ${race.kernel}: ${HANDLING[race.handling]}`,
    `${race.endpoints} DNS endpoints${race.separate ? ", a socket for each query" : ""}: ${share} % of lookups lose a packet, ${race.lost} of ${race.lookups} did`,
    "",
  ].join("\n");
}
