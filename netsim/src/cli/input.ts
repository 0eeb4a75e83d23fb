/** What the commands have in common: manifests in, problems out, ports and addresses from the command line. */
import { loadFiles } from "../model/load.ts";
import type { Cluster, Problem } from "../model/types.ts";
import { createEngine } from "../policy/engine.ts";
import type { Engine, Enforcer } from "../policy/engine.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import type { Probe } from "../policy/rule.ts";
import { allocate } from "../service/allocate.ts";
import { UsageError } from "./usage.ts";

const SHOWN = 50;

/** `file:line: Kind namespace/name: field: message`. */
export function problemText({ file, line, object, field, message, severity }: Problem): string {
  const place = line > 0 ? `${file}:${line}: ` : file === "" ? "" : `${file}: `;
  const about = [object, field].filter((s) => s !== undefined).join(": ");
  return `${place}${severity === "warning" ? "warning: " : ""}${about === "" ? "" : `${about}: `}${message}`;
}

export function reportProblems(problems: readonly Problem[]): void {
  for (const problem of problems.slice(0, SHOWN)) process.stderr.write(`${problemText(problem)}\n`);
  if (problems.length > SHOWN) process.stderr.write(`... and ${problems.length - SHOWN} more\n`);
}

const isEmpty = (c: Cluster): boolean =>
  c.namespaces.length + c.nodes.length + c.pods.length + c.services.length + c.others.size === 0 &&
  c.networkPolicies.length +
    c.ciliumPolicies.length +
    c.calicoPolicies.length +
    c.anps.length +
    c.banps.length ===
    0;

/** Loads what the command line names; a name that is nothing, or input without a single object, cannot be used. */
export function loadInput(files: readonly string[]): Cluster {
  if (files.length === 0) throw new UsageError("needs files, directories or - (see `netsim help`)");
  const cluster = loadFiles(files);
  const missing = cluster.problems.find((p) => p.severity === "error" && p.line === 0);
  if (missing !== undefined) throw new UsageError(problemText(missing));
  if (isEmpty(cluster)) {
    reportProblems(cluster.problems);
    throw new UsageError("there is nothing usable in the input");
  }
  return cluster;
}

/** As `loadInput`, with the addresses that the API server would have chosen; what was filled in is said on standard error. */
export function loadRunning(files: readonly string[]): Cluster {
  const given = loadInput(files);
  reportProblems(given.problems);
  const { cluster, services } = allocate(given);
  if (services.length > 0)
    process.stderr.write(
      `assumed: cluster IPs or node ports of ${services.length === 1 ? `Service ${services[0]}` : `${services.length} Services`}, which the API server would choose\n`,
    );
  return cluster;
}

export interface Loaded {
  readonly engine: Engine;
  readonly problems: readonly Problem[];
}

/** As `loadInput`, with the policies compiled and all problems on standard error. */
export function loadEngine(files: readonly string[], enforcer?: Enforcer): Loaded {
  const cluster = loadInput(files);
  const engine = createEngine(cluster, enforcer === undefined ? {} : { enforcer });
  const problems = [...cluster.problems, ...engine.problems];
  reportProblems(problems);
  return { engine, problems };
}

const PROTOCOLS = new Map(["TCP", "UDP", "SCTP", "ICMP", "ICMPv6"].map((p) => [p.toUpperCase(), p]));

/** `80/TCP`, `53/udp`, `80` (TCP), `8/ICMP`. */
export function parseProbe(text: string): Probe {
  const [number = "", name = "TCP", ...rest] = text.split("/");
  const protocol = PROTOCOLS.get(name.toUpperCase());
  const port = /^\d{1,5}$/.test(number) ? Number(number) : NaN;
  if (protocol === undefined || rest.length > 0 || !(port <= 65535)) {
    throw new UsageError(`--port ${text}: write 80/TCP, 53/UDP, 2905/SCTP, 8/ICMP or 128/ICMPv6`);
  }
  return { port, protocol };
}

export function parseExternal(engine: Engine, text: string): Endpoint {
  const endpoint = engine.endpoints.external(text);
  if (endpoint === undefined) throw new UsageError(`--external ${text}: not an IP address`);
  return endpoint;
}

/** The pods that have an address and are not finished, then, if wanted, the nodes, then addresses outside. */
export function endpointList(engine: Engine, externals: readonly string[] = [], nodes = false): Endpoint[] {
  const pods = engine.cluster.pods.flatMap((p) => engine.endpoints.pod(p) ?? []);
  const hosts = nodes ? engine.cluster.nodes.flatMap((n) => engine.endpoints.node(n) ?? []) : [];
  return [...pods, ...externals.map((text) => parseExternal(engine, text)), ...hosts];
}

/** Writes in pieces, waiting while the reader is slow. */
export async function writeAll(pieces: Iterable<string>): Promise<void> {
  let held = "";
  const flush = async (): Promise<void> => {
    const text = held;
    held = "";
    if (text !== "" && !process.stdout.write(text))
      await new Promise((resolve) => process.stdout.once("drain", resolve));
  };
  for (const piece of pieces) {
    held += piece;
    if (held.length > 1 << 16) await flush();
  }
  await flush();
}
