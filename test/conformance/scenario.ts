/** Runs a recorded scenario against our server, in this process, over real sockets. */
import { createSocket } from "node:dgram";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { registry } from "../../plugins/index.ts";
import { createServer, type DnsServer } from "../../src/api/create-server.ts";
import { parseSource } from "../../src/server/configuration.ts";
import { root } from "../support/paths.ts";
import { ask } from "./ask.ts";
import type { Case } from "./case.ts";
import { differences } from "./compare.ts";

const scenarios = join(root, "test/conformance/data/scenarios");

export const scenarioNames = (): string[] =>
  readdirSync(scenarios)
    .filter((name) => existsSync(join(scenarios, name, "cases.jsonl")))
    .sort();

/** Whether a scenario brings objects of its own instead of the fixture's. */
export const hasOwnCluster = (name: string): boolean => existsSync(join(scenarios, name, "cluster"));

/** Directives of a scenario's Corefiles that are not built yet. */
export function missingPlugins(name: string): string[] {
  const built = new Set(registry.order.filter(({ load }) => load !== undefined).map((entry) => entry.name));
  return ["Corefile", "upstream.Corefile"].flatMap((file) => {
    const path = join(scenarios, name, file);
    if (!existsSync(path)) return [];
    const parsed = parseSource(
      { text: readFileSync(path, "utf8"), file: path },
      { registry, env: { PORT: "1", UPSTREAM_PORT: "1", HTTP_PORT: "1", HTTP_PORT2: "1" }, port: 53 },
    );
    if (parsed.error !== undefined) return [];
    return parsed.blocks.flatMap((block) =>
      block.lines.map((line) => line.name).filter((directive) => !built.has(directive)),
    );
  });
}

/** Recorded faults that are not imitated, by scenario and case: the reason. */
const FAULTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "k8s-root-zone": {
    // CoreDNS could not pack its own reply and stayed silent; a server answers (RFC 1035 §4.1.1, RFC 8906 §3).
    "1-10-96-10-in-addr-arpa-ptr": "silence",
  },
};

export interface Outcome {
  readonly id: string;
  readonly differences: readonly string[];
}

/** Runs all cases in order against one server. */
export async function runScenario(
  name: string,
  kubeSource = "manifests",
  kubePath?: string,
): Promise<Outcome[]> {
  const folder = join(scenarios, name);
  const own = join(folder, "cluster");
  const ports = await freePorts(4);
  const env: Record<string, string> = {
    PORT: String(ports[0]),
    UPSTREAM_PORT: String(ports[1]),
    HTTP_PORT: String(ports[2]),
    HTTP_PORT2: String(ports[3]),
    KUBE_SOURCE: kubeSource,
    KUBE_PATH: kubePath ?? (existsSync(own) ? own : join(root, "test/cluster/data")),
  };
  const before = process.cwd();
  process.chdir(folder);
  const servers: DnsServer[] = [];
  try {
    if (existsSync("upstream.Corefile")) servers.push(await start("upstream.Corefile", env, ports[1]!));
    servers.push(await start("Corefile", env, ports[0]!));
    const outcomes: Outcome[] = [];
    for (const one of readFileSync("cases.jsonl", "utf8")
      .split("\n")
      .filter((line) => line.trim() !== "")) {
      const each = JSON.parse(one) as Case;
      if (each.sleep_before_ms !== undefined) await sleep(each.sleep_before_ms);
      const differences = await runCase(each, ports[0]!, env);
      if (FAULTS[name]?.[each.id] === undefined) outcomes.push({ id: each.id, differences });
    }
    return outcomes;
  } finally {
    await Promise.all(servers.map((server) => server.close()));
    process.chdir(before);
  }
}

async function start(file: string, env: Record<string, string>, port: number): Promise<DnsServer> {
  const server = createServer({ file, env: { ...env, PORT: String(port) }, port });
  await server.listen();
  return server;
}

async function runCase(one: Case, port: number, env: Record<string, string>): Promise<string[]> {
  if (one.http !== undefined) return runHttp(one, port, env);
  const got = await ask(one.q!, port, one.compare?.order === "list");
  return differences(one.r, got, one.compare ?? {});
}

async function runHttp(one: Case, port: number, env: Record<string, string>): Promise<string[]> {
  const response = await fetch(`http://127.0.0.1:${env[one.http!.port ?? "HTTP_PORT"]}${one.http!.path}`);
  const body = await response.text();
  if (one.r.metrics === undefined) {
    const same =
      response.status === one.r.status && (one.r.body === undefined || body.trim() === one.r.body.trim());
    return same ? [] : [`want ${one.r.status} ${one.r.body}, got ${response.status} ${body.slice(0, 80)}`];
  }
  const have = new Map(
    [...body.matchAll(/^([^#\s]\S*(?:\{[^}]*\})?) (\S+)$/gm)].map(([, key, value]) => [key!, Number(value)]),
  );
  return Object.entries(one.r.metrics).flatMap(([key, value]) => {
    const series = key.replaceAll("{$PORT}", String(port));
    const found = have.get(series);
    return found === undefined || (value !== null && found !== value)
      ? [`${series}: want ${value}, got ${found}`]
      : [];
  });
}

/** Ports that are free for UDP and TCP alike. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const tcp = createTcpServer();
    await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
    const { port } = tcp.address() as AddressInfo;
    const udp = createSocket("udp4");
    const free = await new Promise<boolean>((resolve) => {
      udp.once("error", () => resolve(false));
      udp.bind(port, "127.0.0.1", () => resolve(true));
    });
    udp.close();
    await new Promise((resolve) => tcp.close(resolve));
    if (free && !ports.includes(port)) ports.push(port);
  }
  return ports;
}
