/** `netsim doctor FILES...`: what is wrong with a cluster, why, and what to change. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join, normalize, relative, resolve } from "node:path";
import { CHECKS } from "../doctor/checks.ts";
import { doctor, fullId } from "../doctor/doctor.ts";
import { follow } from "../doctor/follow.ts";
import { parseSysctls } from "../doctor/node/sysctl.ts";
import { count } from "../doctor/place.ts";
import { doctorJson } from "../doctor/report/json.ts";
import { doctorMarkdown } from "../doctor/report/markdown.ts";
import { doctorSarif } from "../doctor/report/sarif.ts";
import { doctorText } from "../doctor/report/text.ts";
import { SEVERITIES, type Diagnosis, type DoctorOptions } from "../doctor/types.ts";
import { textOf } from "../model/bytes.ts";
import { keptInput } from "../model/source.ts";
import { loadInput, reportProblems, writeAll } from "./input.ts";
import { choice, readArgs, UsageError } from "./usage.ts";

const FORMATS = ["text", "json", "sarif", "markdown"] as const;
const NEVER = "never";

/** Exit codes: 0 nothing at or above `--fail-on` (warning by default), 1 something, 2 unusable input or command line. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, {
    only: { type: "string", multiple: true },
    skip: { type: "string", multiple: true },
    severity: { type: "string" },
    format: { type: "string" },
    "fail-on": { type: "string" },
    fix: { type: "string" },
    sysctl: { type: "string", multiple: true },
    flows: { type: "string" },
    nic: { type: "string" },
    color: { type: "string" },
  });
  const format = choice("format", values.format, FORMATS) ?? "text";
  const failOn = choice("fail-on", values["fail-on"], [...SEVERITIES, NEVER]) ?? "warning";
  const color = choice("color", values.color, ["always", "never"]);
  const severity = choice("severity", values.severity, SEVERITIES);
  const flows = numberOf("flows", values.flows);
  const nic = numberOf("nic", values.nic);
  const options: DoctorOptions = {
    ...(values.only !== undefined && { only: idsOf("only", values.only) }),
    ...(values.skip !== undefined && { skip: idsOf("skip", values.skip) }),
    ...(severity !== undefined && { severity }),
    ...(flows !== undefined && { flows }),
    ...(nic !== undefined && { nic }),
    sysctls: (values.sysctl ?? []).flatMap(sysctlsOf),
  };
  const cluster = loadInput(positionals);
  reportProblems(cluster.problems);
  const diagnosis = await doctor(cluster, options);
  const colorful =
    color === undefined
      ? process.stdout.isTTY === true && (process.env["NO_COLOR"] ?? "") === ""
      : color === "always";
  await writeAll([shown(diagnosis, format, colorful)]);
  if (values.fix !== undefined) writeFixes(diagnosis, values.fix);
  for (const { id, message } of diagnosis.failures)
    process.stderr.write(`check ${id} could not be run: ${message}\n`);
  if (failOn === NEVER) return 0;
  const least = SEVERITIES.indexOf(failOn);
  return diagnosis.findings.some((f) => SEVERITIES.indexOf(f.severity) <= least) ? 1 : 0;
}

function shown(diagnosis: Diagnosis, format: (typeof FORMATS)[number], color: boolean): string {
  const json = (value: object): string => `${JSON.stringify(value, null, 1)}\n`;
  switch (format) {
    case "text":
      return doctorText(diagnosis, { color });
    case "markdown":
      return doctorMarkdown(diagnosis);
    case "json":
      return json(doctorJson(diagnosis));
    case "sarif":
      return json(doctorSarif(diagnosis, { read: readText, uriOf: repositoryName }));
  }
}

/** A file's name from the repository's root, or from where the command runs: what code scanning knows it by. */
function repositoryName(file: string): string {
  const absolute = resolve(file);
  for (let dir = process.cwd(); ; dir = dirname(dir)) {
    const inside = relative(dir, absolute);
    const isRoot = existsSync(join(dir, ".git"));
    if (isRoot || dir === dirname(dir))
      return isRoot && !inside.startsWith("..") && !isAbsolute(inside) ? inside : file;
  }
}

function readText(file: string): string | undefined {
  try {
    const kept = keptInput(file);
    return kept === undefined ? readFileSync(file, "utf8") : textOf(kept);
  } catch {
    return undefined;
  }
}

/** Ids separated by commas or given one by one, each of which there must be. */
function idsOf(option: string, given: readonly string[]): string[] {
  const ids = given.flatMap((g) => g.split(",")).map((id) => fullId(id.trim()));
  const unknown = ids.find((id) => !CHECKS.some((c) => c.id === id));
  if (unknown !== undefined)
    throw new UsageError(`--${option} ${unknown}: there is no such check (netsim/docs/doctor.md lists them)`);
  return ids;
}

function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0)
    throw new UsageError(`--${option} ${text}: must be a number above 0`);
  return value;
}

function sysctlsOf(file: string): DoctorOptions["sysctls"] & object {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    throw new UsageError(`--sysctl ${file}: no such file`);
  }
  const lines = parseSysctls(text, file);
  if (lines.length === 0)
    throw new UsageError(`--sysctl ${file}: has no lines of \`sysctl -a\` (key = value)`);
  return lines;
}

/** Copies of the changed files, under the names that they have in the input. */
function writeFixes(diagnosis: Diagnosis, dir: string): void {
  if (existsSync(dir) && !statSync(dir).isDirectory())
    throw new UsageError(`--fix ${dir}: is not a directory`);
  const { files, done, left } = follow(diagnosis.findings, readText);
  for (const { name, after } of files) {
    const path = join(dir, inside(name));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, after);
  }
  const by = files.length === 0 ? "" : ` in ${count(files.length, "file")} below ${dir}`;
  process.stderr.write(`--fix: ${count(done.length, "finding")} mended${by}, ${left.length} left to you\n`);
}

/** A name that stays below the directory: what is above the working directory loses the way there. */
function inside(name: string): string {
  const path = isAbsolute(name) ? relative(process.cwd(), name) : normalize(name);
  const kept = path.split("/").filter((part) => part !== ".." && part !== "." && part !== "");
  return /^[(-]/.test(name) || kept.length === 0 ? "input.yaml" : kept.join("/");
}
