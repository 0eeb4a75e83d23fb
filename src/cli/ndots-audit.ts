/** `clusterdns ndots audit`: who asks for nothing, from logs, captures or a running server. */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { patches, patchText, type Patch } from "../ndots/audit/patch.ts";
import { readInput, type Counts } from "../ndots/audit/read.ts";
import { readObjects, type KubeObject } from "../ndots/objects.ts";
import { Ledger } from "../ndots/walk/ledger.ts";
import { summarize, type Summary, type Waste } from "../ndots/walk/summary.ts";
import { createWorkloads } from "../ndots/workloads.ts";
import { CLUSTER_DOMAIN } from "./ndots-options.ts";
import { columns } from "./ndots-table.ts";
import { progressBar } from "./progress.ts";

const usage = `Usage: clusterdns ndots audit FILE... [options]
       clusterdns ndots audit --url http://ADDR:PORT/ndots [options]

Reads query logs (the log plugin's, CoreDNS's or clusterdns's) or captures (pcap, pcapng; DNS over UDP), either of them
with .gz, - for stdin; or asks the ndots plugin of a running server. Says whose queries are needless steps of a search
list, what they cost, and what dnsConfig would end them.

  --manifests PATH       pods and workloads: a file or a directory, as of kubectl get -o yaml
  --cluster-domain NAME  default ${CLUSTER_DOMAIN}
  --search DOMAIN        a search domain of the nodes, repeatable; without it they are learned
  --cpu MICROSECONDS     CPU time of one query at the server (default 19)
  --rtt MS               round-trip time of a query beyond what the log says (default 0)
  --top N                rows of each list (default 20)
  --for SECONDS          end so long after the start: for a log that goes on
  --patch FILE           write the dnsConfig patches, as YAML; - for stdout instead of the tables
  --json                 print a JSON document
`;

/** CoreDNS 1.14 with kubeadm's Corefile takes so long for one, in microseconds. */
const CPU = "19";

/** What `--json` prints. */
export interface AuditDocument extends Summary {
  readonly read: Counts;
  readonly patches: readonly Patch[];
}

type Writable = Pick<NodeJS.WritableStream, "write">;

interface Options {
  readonly files: readonly string[];
  readonly url: string | undefined;
  readonly manifests: string | undefined;
  readonly clusterDomain: string;
  readonly search: readonly string[];
  readonly cpu: number;
  readonly rtt: number;
  readonly top: number;
  readonly seconds: number | undefined;
  readonly patch: string | undefined;
  readonly json: boolean;
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
  const document = typeof options === "string" ? options : await audit(options, err).catch(oneLine);
  if (typeof options === "string" || typeof document === "string") {
    err.write(`clusterdns ndots audit: ${String(document)}\n`);
    return 2;
  }
  if (options.patch !== undefined && options.patch !== "-") {
    try {
      writeFileSync(options.patch, patchText(document.patches));
    } catch (error) {
      err.write(`clusterdns ndots audit: ${oneLine(error as Error)}\n`);
      return 2;
    }
  }
  if (options.json) out.write(JSON.stringify(document, undefined, 2) + "\n");
  else out.write(options.patch === "-" ? patchText(document.patches) : text(document, options));
  return 0;
}

const oneLine = (error: Error): string => error.message.split("\n")[0]!;

function readOptions(argv: readonly string[]): Options | "help" | string {
  try {
    const { values, positionals: files } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        url: { type: "string" },
        manifests: { type: "string" },
        "cluster-domain": { type: "string", default: CLUSTER_DOMAIN },
        search: { type: "string", multiple: true, default: [] },
        cpu: { type: "string", default: CPU },
        rtt: { type: "string", default: "0" },
        top: { type: "string", default: "20" },
        for: { type: "string" },
        patch: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) return "help";
    if ((files.length === 0) === (values.url === undefined))
      return "nothing to read: give files (- for stdin), or --url http://ADDR:PORT/ndots";
    const number = (name: "cpu" | "rtt" | "top" | "for"): number => {
      const word = values[name]!;
      if (!/^\d+(\.\d+)?$/.test(word)) throw new Error(`--${name} ${word}: not a number`);
      return Number(word);
    };
    return {
      files,
      url: values.url,
      manifests: values.manifests,
      clusterDomain: values["cluster-domain"].replace(/^\.|\.$/g, "").toLowerCase(),
      search: values.search,
      cpu: number("cpu"),
      rtt: number("rtt"),
      top: number("top"),
      seconds: values.for === undefined ? undefined : number("for"),
      patch: values.patch,
      json: values.json,
    };
  } catch (error) {
    return `${(error as Error).message.split(". ")[0]!}; see clusterdns ndots audit --help`;
  }
}

/** Rejects with one line where something can't be read. */
async function audit(options: Options, err: Writable & { readonly isTTY?: boolean }): Promise<AuditDocument> {
  const workloads = createWorkloads(await objectsOf(options.manifests));
  if (options.url !== undefined) {
    const summary = await fetchSummary(options.url);
    return { ...summary, read: { read: summary.queries, skipped: 0 }, patches: patches(summary, workloads) };
  }
  const { clusterDomain, search, cpu, rtt, top, seconds } = options;
  const ledger = new Ledger({ clusterDomain, search, ownerOf: workloads.ownerOf });
  const counts: Counts = { read: 0, skipped: 0 };
  const signal = seconds === undefined ? undefined : AbortSignal.timeout(seconds * 1000);
  for (const file of options.files) {
    const bar = progressBar(err);
    const { read, skipped } = await readInput(
      file,
      ({ address, name, kind, negative, ms }) => ledger.see(address, name, kind, negative, ms),
      ({ bytes, total, read }) =>
        bar.show(total === undefined ? undefined : bytes / total, `${file}: ${String(read)} read`),
      signal,
    ).finally(() => bar.end());
    counts.read += read;
    counts.skipped += skipped;
  }
  const costs = { cpuMicroseconds: cpu, rtt };
  // Patches for all, whatever is shown.
  const whole = summarize(ledger, costs, Infinity);
  return {
    ...whole,
    namespaces: whole.namespaces.slice(0, top),
    workloads: whole.workloads.slice(0, top),
    outside: whole.outside.slice(0, top),
    read: counts,
    patches: patches(whole, workloads),
  };
}

async function objectsOf(path: string | undefined): Promise<readonly KubeObject[]> {
  if (path === undefined) return [];
  const { objects, problems } = await readObjects(path);
  if (problems.length > 0) throw new Error(problems[0]!);
  return objects;
}

async function fetchSummary(url: string): Promise<Summary> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`HTTP ${String(response.status)}`);
    const summary = (await response.json()) as Summary;
    if (!Array.isArray(summary.workloads) || !Array.isArray(summary.namespaces))
      throw new Error("this is not what the ndots plugin says");
    return summary;
  } catch (error) {
    const { message, cause } = error as Error & { cause?: Error };
    throw new Error(`${url}: ${cause?.message ?? message}`, { cause: error });
  }
}

const percent = (part: number, whole: number): string =>
  `${(whole === 0 ? 0 : (100 * part) / whole).toFixed(1)} %`;
const secondsText = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

function text(document: AuditDocument, { files, url }: Options): string {
  const { read, queries, wasted, cpu_ms, latency_ms, namespaces, workloads, outside, patches } = document;
  const costs = (one: Waste): string[] => [
    String(one.queries),
    String(one.wasted),
    percent(one.wasted, one.queries),
    secondsText(one.cpu_ms),
    secondsText(one.latency_ms),
  ];
  const head = ["queries", "needless", "part", "CPU", "waited"];
  const table = (title: string, rows: readonly (readonly string[])[]): string =>
    rows.length < 2 ? "" : `\n${title}\n${columns(rows.map((row) => ["", ...row]))}`;
  const skipped =
    read.skipped === 0 ? "" : `, ${String(read.skipped)} of ${String(read.read)} lines or packets were none`;
  return [
    `${url ?? files.join(", ")}: ${String(queries)} queries${skipped}\n`,
    `${String(wasted)} needless (${percent(wasted, queries)}): ${secondsText(cpu_ms)} of CPU, ${secondsText(latency_ms)} of waiting\n`,
    table("By namespace", [
      ["namespace", ...head],
      ...namespaces.map((one) => [one.namespace === "" ? "?" : one.namespace, ...costs(one)]),
    ]),
    table("By workload", [
      ["namespace", "workload", ...head, "most of it for"],
      ...workloads.map((one) => [
        one.namespace === "" ? "?" : one.namespace,
        one.kind === "" ? one.name : `${one.kind}/${one.name}`,
        ...costs(one),
        one.names
          .slice(0, 3)
          .map(({ name }) => name)
          .join(", "),
      ]),
    ]),
    table("Names outside, by needless queries on the way to them", [
      ["name", "needless"],
      ...outside.map(({ name, wasted }) => [name, String(wasted)]),
    ]),
    table("dnsConfig that would help (--patch FILE writes it)", [
      ["workload", "ndots", "then", "saves", "of"],
      ...patches.map(({ namespace, kind, name, ndots, saves, wasted }) => [
        `${namespace} ${kind}/${name}`,
        String(ndots.now),
        String(ndots.then),
        String(saves),
        String(wasted),
      ]),
    ]),
  ].join("");
}
