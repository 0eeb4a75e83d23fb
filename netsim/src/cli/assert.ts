/**
 * `netsim assert EXPECTATIONS FILES...`: expectations in YAML, as a test for CI.
 *
 *     expect:
 *       - name: only the shop's web pods reach the API
 *         from: [shop/web, "shop/*"]
 *         to: pay/api:8080
 *         verdict: allow
 */
import { readFileSync } from "node:fs";
import { load } from "js-yaml";
import { createNet } from "../policy/net.ts";
import type { Connection, Net, Outcome } from "../policy/net.ts";
import { loadInput, parseProbe, reportProblems } from "./input.ts";
import { UsageError, readArgs } from "./usage.ts";

interface Expectation {
  readonly name: string;
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly ports: readonly string[];
  readonly method: string | undefined;
  readonly verdict: Outcome;
}

interface Result {
  readonly name: string;
  readonly ok: boolean;
  readonly checked: number;
  readonly failures: readonly Connection[];
}

const VERDICTS: readonly Outcome[] = ["allow", "deny", "redirect", "reject", "nxdomain"];

export function run(args: readonly string[]): number {
  const { values, positionals } = readArgs(args, { json: { type: "boolean" } });
  const [file, ...files] = positionals;
  if (file === undefined) throw new UsageError("needs a file of expectations, and manifests");
  const expectations = readExpectations(file);
  const net = createNet(loadInput(files));
  reportProblems(net.problems);
  const results = expectations.map((e) => check(net, e));
  process.stdout.write(values.json === true ? `${JSON.stringify({ results }, null, 1)}\n` : asText(results));
  return results.every((r) => r.ok) ? 0 : 1;
}

function readExpectations(file: string): Expectation[] {
  let document: unknown;
  try {
    document = load(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message.split("\n")[0]}`);
  }
  const list = (document as { expect?: unknown } | null | undefined)?.expect;
  if (!Array.isArray(list)) throw new UsageError(`${file}: has no list \`expect\``);
  return list.map((entry: unknown, i) => readExpectation(entry, `${file}: expect[${i}]`));
}

function readExpectation(entry: unknown, where: string): Expectation {
  if (typeof entry !== "object" || entry === null) throw new UsageError(`${where}: must be a mapping`);
  const fields = entry as Record<string, unknown>;
  const strings = (key: string, needed: boolean): string[] => {
    const value = fields[key];
    const all = (Array.isArray(value) ? value : value === undefined ? [] : [value]) as unknown[];
    if (needed && all.length === 0) throw new UsageError(`${where}: needs ${key}`);
    return all.map((v) => {
      if (typeof v === "string" || typeof v === "number") return String(v);
      throw new UsageError(`${where}: ${key} must be text or a list of texts`);
    });
  };
  const unknown = Object.keys(fields).find(
    (k) => !["name", "from", "to", "port", "method", "verdict"].includes(k),
  );
  if (unknown !== undefined) throw new UsageError(`${where}: there is no field ${unknown}`);
  const [verdict] = strings("verdict", true);
  if (!VERDICTS.includes(verdict as Outcome))
    throw new UsageError(`${where}: verdict must be ${VERDICTS.join(", ")}, not ${verdict}`);
  const [from, to] = [strings("from", true), strings("to", true)];
  const [name = `${from.join(", ")} -> ${to.join(", ")}: ${verdict}`] = strings("name", false);
  const [method] = strings("method", false);
  return { name, from, to, ports: strings("port", false), method, verdict: verdict as Outcome };
}

function check(net: Net, { name, from, to, ports, method, verdict }: Expectation): Result {
  const probes = ports.length > 0 ? ports.map(parseProbe) : [undefined];
  const connections = from.flatMap((f) =>
    to.flatMap((t) =>
      probes.flatMap((port) =>
        net.connections(f, t, {
          ...(port !== undefined && { port }),
          ...(method !== undefined && { http: { method } }),
        }),
      ),
    ),
  );
  const failures = connections.filter((c) => c.verdict !== verdict && c.from !== c.to);
  return { name, ok: failures.length === 0, checked: connections.length, failures };
}

const SHOWN = 3;

function asText(results: readonly Result[]): string {
  const lines = results.flatMap(({ name, ok, checked, failures }) => {
    if (ok) return [`ok      ${name} (${checked})`];
    const shown = failures
      .slice(0, SHOWN)
      .flatMap((f) => [
        `          ${f.from} -> ${f.to}${f.port === undefined ? "" : ` ${f.port.port}/${f.port.protocol}`}: ${f.verdict}`,
        ...f.why.map((w) => `            ${w}`),
      ]);
    const more = failures.length > SHOWN ? [`          ... and ${failures.length - SHOWN} more`] : [];
    return [`FAILED  ${name} (${failures.length} of ${checked})`, ...shown, ...more];
  });
  const failed = results.filter((r) => !r.ok).length;
  return `${lines.join("\n")}\n\n${results.length} expectations, ${failed} failed\n`;
}
