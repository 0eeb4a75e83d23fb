/** `clusterdns ndots replay`: the load that a mix of lookups is to each server, by cache size, TTL and ndots. */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { svgFile } from "../ndots/draw/svg.ts";
import { replayPage, replayPicture, replayRows } from "../ndots/draw/replay-report.ts";
import { packageFile } from "../ndots/package-files.ts";
import { readMix, type MixSpec } from "../ndots/replay/mix-file.ts";
import { readMixFromLog } from "../ndots/replay/mix-log.ts";
import { replay, type ReplayDocument } from "../ndots/replay/replay.ts";
import { readSweep, USUAL_SWEEPS, type Sweep } from "../ndots/replay/vary.ts";
import { readChain } from "./ndots-chain.ts";
import { chainFlags, CLUSTER_DOMAIN, longFlags, readModels } from "./ndots-options.ts";
import { columns } from "./ndots-table.ts";
import { progressBar } from "./progress.ts";

const usage = `Usage: clusterdns ndots replay [MIX.yaml] [options]
       clusterdns ndots replay --log FILE [options]

Drives a mix of lookups through a chain in this process, in virtual time, and reports the load on each server: as it is,
and with cache size, TTL and ndots varied. Without a mix it is that of the example cluster (examples/mix.yaml).

  --log FILE            take the mix from a query log or a capture (see ndots audit); - for stdin
  --rate N                lookups of each of its clients in a second (default 1): a log does not tell when
  --resolver R            the resolver that its clients have (default glibc)
  --ndots N               their ndots (default 5)
  --seconds N           how long, in virtual time; default the mix's, or 60
  --vary WHAT=V1,V2,... cache (entries of each cache), ttl (seconds), ndots; repeatable
                        (default ${USUAL_SWEEPS.map(({ parameter, values }) => `${parameter}=${values.join(",")}`).join(" ")})
  --search DOMAIN       a search domain of the nodes, repeatable
  --seed N              another course of chance (default 1)
  --json                print a JSON document
  --html FILE, --svg FILE   write plots: a page, a picture

The chain: -conf, --manifests, --nodelocal, --nodelocal-conf, --upstream-records, --rtt as in clusterdns ndots --help.
`;

type Writable = Pick<NodeJS.WritableStream, "write">;

interface Given {
  readonly mix: MixSpec;
  /** Names that the world outside has. */
  readonly outside: readonly string[];
}

export async function run(
  argv: string[],
  out: Writable = process.stdout,
  err: Writable & { readonly isTTY?: boolean } = process.stderr,
): Promise<number> {
  const options = readOptions(argv);
  if (options === "help") {
    out.write(usage);
    return 0;
  }
  const document = typeof options === "string" ? options : await replayed(options, err).catch(oneLine);
  if (typeof options === "string" || typeof document === "string") {
    err.write(`clusterdns ndots replay: ${String(document)}\n`);
    return 2;
  }
  try {
    if (options.html !== undefined) writeFileSync(options.html, replayPage(document));
    if (options.svg !== undefined)
      writeFileSync(options.svg, svgFile(replayPicture(document), "Load on each server"));
  } catch (error) {
    err.write(`clusterdns ndots replay: ${oneLine(error as Error)}\n`);
    return 2;
  }
  out.write(options.json ? JSON.stringify(document, undefined, 2) + "\n" : text(document));
  return 0;
}

const oneLine = (error: Error): string => error.message.split("\n")[0]!;

type Options = Exclude<ReturnType<typeof readOptions>, string>;

function readOptions(argv: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: longFlags(argv),
      allowPositionals: true,
      options: {
        log: { type: "string" },
        rate: { type: "string", default: "1" },
        resolver: { type: "string", default: "glibc" },
        ndots: { type: "string", default: "5" },
        seconds: { type: "string" },
        vary: { type: "string", multiple: true, default: [] },
        search: { type: "string", multiple: true, default: [] },
        seed: { type: "string", default: "1" },
        json: { type: "boolean", default: false },
        html: { type: "string" },
        svg: { type: "string" },
        ...chainFlags,
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) return "help" as const;
    if (positionals.length > (values.log === undefined ? 1 : 0)) return "one mix, or --log FILE";
    const number = (name: "rate" | "ndots" | "seed" | "seconds", whole: boolean): number => {
      const word = values[name]!;
      if (!(whole ? /^\d{1,9}$/ : /^\d{1,9}(\.\d+)?$/).test(word))
        throw new Error(`--${name} ${word}: not a number`);
      return Number(word);
    };
    const sweeps: Sweep[] = [];
    for (const word of values.vary) {
      const sweep = readSweep(word);
      if (typeof sweep === "string") return `--vary ${sweep}`;
      sweeps.push(sweep);
    }
    const models = readModels([values.resolver]);
    if (typeof models === "string") return models;
    return {
      file: positionals[0],
      log: values.log,
      rate: number("rate", false),
      model: models[0]!,
      ndots: number("ndots", true),
      seconds: values.seconds === undefined ? undefined : number("seconds", false),
      sweeps: sweeps.length === 0 ? USUAL_SWEEPS : sweeps,
      search: values.search,
      seed: number("seed", true),
      json: values.json,
      html: values.html,
      svg: values.svg,
      chain: {
        conf: values.conf,
        manifests: values.manifests,
        nodelocal: values.nodelocal || values["nodelocal-conf"] !== undefined,
        nodelocalConf: values["nodelocal-conf"],
        records: values["upstream-records"],
        rtt: values.rtt,
      },
    };
  } catch (error) {
    return `${oneLine(error as Error).split(". ")[0]!}; see clusterdns ndots replay --help`;
  }
}

/** Rejects with one line where something can't be read or run. */
async function replayed(
  options: Options,
  err: Writable & { readonly isTTY?: boolean },
): Promise<ReplayDocument | string> {
  const { seconds, search, seed, sweeps } = options;
  const given = options.log === undefined ? fromFile(options.file) : await fromLog(options, options.log, err);
  if (typeof given === "string") return given;
  const { groups } = given.mix;
  const namespaces = groups.map(({ namespace }) => namespace);
  const parts = await readChain(options.chain, given.outside, namespaces[0]!);
  if (typeof parts === "string") return parts;
  const bar = progressBar(err);
  try {
    return await replay({
      mix: { ...given.mix, seconds: seconds ?? given.mix.seconds },
      sweeps,
      corefile: parts.corefile,
      nodelocal: parts.withNodeLocal ? parts.nodelocal : undefined,
      objects: parts.objects,
      records: parts.records,
      legs: parts.legs,
      clusterDomain: CLUSTER_DOMAIN,
      search,
      seed,
      tell: (done, all) => bar.show(done / all, `run ${String(done + 1)} of ${String(all)}`),
    });
  } finally {
    bar.end();
  }
}

function fromFile(file: string = packageFile("examples/mix.yaml")): Given | string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return oneLine(error as Error);
  }
  const mix = readMix(text);
  if (typeof mix === "string") return `${file}: ${mix}`;
  const missing = new Set(mix.missing);
  const names = mix.groups.flatMap(({ names }) => [...names.keys()]);
  return { mix, outside: names.filter((name) => !missing.has(name)) };
}

async function fromLog(
  { search, seconds = 60, rate, ndots, model }: Options,
  file: string,
  err: Writable & { readonly isTTY?: boolean },
): Promise<Given | string> {
  const bar = progressBar(err);
  const { mix, existing, queries } = await readMixFromLog(
    file,
    { clusterDomain: CLUSTER_DOMAIN, search, seconds, rate, ndots, model },
    ({ bytes, total, read }) =>
      bar.show(total === undefined ? undefined : bytes / total, `${file}: ${String(read)} read`),
  ).finally(() => bar.end());
  if (mix.groups.length === 0) return `${file}: no lookups in its ${String(queries)} queries`;
  return { mix, outside: existing };
}

const text = (document: ReplayDocument): string =>
  columns(replayRows(document).map((row) => row.map((cell) => (cell === null ? "-" : String(cell)))));
