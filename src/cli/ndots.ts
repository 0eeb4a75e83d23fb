/** `clusterdns ndots`: what lookups cost, by models of real resolvers, and what can be done about it. */
import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { usualNames } from "../ndots/chain/cluster-facts.ts";
import type { Hop } from "../ndots/chain/chain.ts";
import { labStage, type Lab } from "../ndots/chain/lab.ts";
import { remedyEntry, type ChainDescription, type Document } from "../ndots/document.ts";
import { documentPage, documentPicture } from "../ndots/draw/report.ts";
import { svgFile } from "../ndots/draw/svg.ts";
import { tryRemedies, type Stage } from "../ndots/remedies.ts";
import { serverStage } from "../ndots/server-stage.ts";
import type { TracedLookup } from "../ndots/trace.ts";
import { realClock, seededRandom } from "../resolver/clock.ts";
import { socketTransport } from "../resolver/sockets.ts";
import { readChain } from "./ndots-chain.ts";
import { CLUSTER_DOMAIN, readOptions, usage, type Options } from "./ndots-options.ts";
import { dearerText, lookupTable, remedyTable } from "./ndots-table.ts";

export type { Document };

type Writable = Pick<NodeJS.WritableStream, "write">;

/** Commands in place of a name; `--` in front of such a name looks it up. */
const COMMANDS: Readonly<Record<string, () => Promise<{ run: typeof run }>>> = {
  audit: () => import("./ndots-audit.ts"),
  claims: () => import("./ndots-claims.ts"),
  replay: () => import("./ndots-replay.ts"),
};

/** 0 though a lookup fails; 2 where the arguments are no use, with the reason on stderr. */
export async function run(
  argv: string[],
  out: Writable = process.stdout,
  err: Writable = process.stderr,
): Promise<number> {
  const command = Object.hasOwn(COMMANDS, argv[0] ?? "") ? COMMANDS[argv[0]!] : undefined;
  if (command !== undefined) return (await command()).run(argv.slice(1), out, err);
  const options = readOptions(argv);
  if (options === "help") {
    out.write(usage);
    return 0;
  }
  const document =
    typeof options === "string" ? options : await (options.endpoints ? real : virtual)(options);
  if (typeof document === "string" || typeof options === "string") {
    err.write(`clusterdns ndots: ${String(document)}\n`);
    return 2;
  }
  try {
    if (options.html !== undefined) writeFileSync(options.html, documentPage(document));
    if (options.svg !== undefined)
      writeFileSync(options.svg, svgFile(documentPicture(document), "What the lookups cost"));
  } catch (error) {
    err.write(`clusterdns ndots: ${(error as Error).message}\n`);
    return 2;
  }
  out.write(options.json ? JSON.stringify(document, undefined, 2) + "\n" : text(document));
  return 0;
}

/** With a server that runs somewhere, in real time. */
async function real(options: Options): Promise<Document> {
  const { names, models, conf, net, seed, endpoints, remedies } = options;
  const random = seed === undefined ? Math.random : seededRandom(seed);
  const stage = serverStage({
    conf,
    net,
    transport: () => socketTransport(endpoints!),
    clock: realClock,
    random,
  });
  const lookups: TracedLookup[] = [];
  for (const name of names) {
    for (const model of models) lookups.push(await stage.lookUp(model, name));
  }
  return remedies ? { lookups, ...(await tried(stage, options, names)) } : { lookups };
}

/** In a chain in this process, in virtual time. A string is what is wrong. */
async function virtual(options: Options): Promise<Document | string> {
  const { names, models, conf, namespace, net } = options;
  const parts = await readChain(options.chain, names, namespace);
  if (typeof parts === "string") return parts;
  const lab: Lab = {
    ...parts,
    namespace,
    clusterDomain: CLUSTER_DOMAIN,
    conf,
    net,
    seed: options.seed ?? randomInt(2 ** 32),
  };
  const stage = labStage(lab);
  try {
    const lookups = (await stage.play({}, names, models)).map(({ first }) => first);
    const usual = usualNames(lab.objects, namespace, CLUSTER_DOMAIN);
    const probes = [...usual, ...names.filter((name) => !name.endsWith("."))];
    const { remedies } = await tried(stage, options, probes);
    return { lookups, chain: describe(lab), remedies };
  } catch (error) {
    return (error as Error).message;
  }
}

async function tried(
  stage: Stage,
  { names, models }: Options,
  probes: readonly string[],
): Promise<Required<Pick<Document, "remedies">>> {
  const all = await tryRemedies(stage, names, models, [...new Set(probes)]);
  return { remedies: all.map(remedyEntry) };
}

function describe({ namespace, withNodeLocal, legs }: Lab): ChainDescription {
  return {
    namespace,
    hops: withNodeLocal ? ["nodelocal", "cluster", "upstream"] : ["cluster", "upstream"],
    rtt_ms: { node: legs.node.rtt, cluster: legs.cluster.rtt, upstream: legs.upstream.rtt },
  };
}

const REMEDY_HOPS: readonly Hop[] = ["nodelocal", "cluster", "upstream"];

function text({ lookups, chain, remedies }: Document): string {
  const parts = lookups.map((lookup) => lookupTable(lookup, chain?.hops));
  if (remedies !== undefined) {
    const hops = chain === undefined ? [] : REMEDY_HOPS;
    for (const { name, resolver } of lookups) parts.push(remedyTable(remedies, name, resolver, hops));
    parts.push(dearerText(remedies));
  }
  return parts.filter((part) => part !== "").join("\n");
}
