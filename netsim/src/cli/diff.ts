/** `netsim diff BEFORE AFTER`: which connections between the same pods a change of the manifests opens or closes. */
import { createEngine } from "../policy/engine.ts";
import type { Engine } from "../policy/engine.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import type { Matrix } from "../policy/matrix.ts";
import type { Probe } from "../policy/rule.ts";
import { groupName, probesOf } from "./groups.ts";
import { loadInput, parseProbe, reportProblems } from "./input.ts";
import { UsageError, choice, readArgs } from "./usage.ts";

interface Change {
  readonly from: string;
  readonly to: string;
  readonly port: string;
  readonly change: "opened" | "closed";
  /** How many pairs of pods. */
  pairs: number;
}

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, {
    json: { type: "boolean" },
    port: { type: "string", multiple: true },
    "fail-on": { type: "string" },
  });
  const failOn = choice("fail-on", values["fail-on"], ["opened", "closed", "any"]);
  const [before, after, ...more] = positionals;
  if (before === undefined || after === undefined || more.length > 0)
    throw new UsageError("needs two files or directories: BEFORE AFTER");
  const [a, b] = [load(before), load(after)];
  const { changes, added, removed } = compare(a, b, (values.port ?? []).map(parseProbe));
  process.stdout.write(
    values.json === true
      ? `${JSON.stringify({ changes, added, removed }, null, 1)}\n`
      : asMarkdown(changes, added, removed),
  );
  const found = (kind: "opened" | "closed") => changes.some((c) => c.change === kind);
  const failed = failOn === "any" ? changes.length > 0 : failOn !== undefined && found(failOn);
  return failed ? 1 : 0;
}

function load(input: string): Engine {
  const cluster = loadInput([input]);
  const engine = createEngine(cluster);
  reportProblems([...cluster.problems, ...engine.problems]);
  return engine;
}

const podsOf = (engine: Engine): Map<string, Endpoint> =>
  new Map(engine.cluster.pods.flatMap((p) => engine.endpoints.pod(p) ?? []).map((e) => [e.id, e]));

const workload = (e: Endpoint): string => groupName(e, "workload");

/** Pods that are alike before and alike after are compared once, as a pair of classes. */
function compare(a: Engine, b: Engine, given: readonly Probe[]) {
  const [before, after] = [podsOf(a), podsOf(b)];
  const both = [...before.keys()].filter((id) => after.has(id));
  const only = (one: Map<string, Endpoint>, other: Map<string, Endpoint>) =>
    [...new Set([...one.values()].filter((e) => !other.has(e.id)).map(workload))].sort();
  const old = a.matrix(both.map((id) => before.get(id) as Endpoint));
  const now = b.matrix(both.map((id) => after.get(id) as Endpoint));
  const kinds = new Map<string, { old: number; now: number; to: Endpoint; workloads: Map<string, number> }>();
  for (const [i, to] of now.endpoints.entries()) {
    const pair = { old: old.classes.classOf[i] as number, now: now.classes.classOf[i] as number };
    const key = `${pair.old} ${pair.now}`;
    const kind = kinds.get(key) ?? { ...pair, to, workloads: new Map<string, number>() };
    kind.workloads.set(workload(to), (kind.workloads.get(workload(to)) ?? 0) + 1);
    kinds.set(key, kind);
  }
  const changes = new Map<string, Change>();
  const ports = createPorts(old, now);
  for (const from of kinds.values()) {
    for (const to of kinds.values()) {
      for (const probe of probesOf(to.to, given)) {
        const { old: p, now: q } = ports(probe);
        const was = p.verdict(from.old, to.old) !== "deny";
        const is = q.verdict(from.now, to.now) !== "deny";
        if (was !== is)
          note(changes, from.workloads, to.workloads, probe, is ? "opened" : "closed", from === to);
      }
    }
  }
  const sorted = [...changes.values()].sort((x, y) => (changeKey(x) < changeKey(y) ? -1 : 1));
  return {
    changes: sorted.filter((c) => c.pairs > 0),
    added: only(after, before),
    removed: only(before, after),
  };
}

const changeKey = (c: Change): string => `${c.change === "opened" ? 0 : 1} ${c.from} ${c.to} ${c.port}`;

function createPorts(old: Matrix, now: Matrix) {
  const known = new Map<string, { old: ReturnType<Matrix["port"]>; now: ReturnType<Matrix["port"]> }>();
  return (probe: Probe) => {
    const key = `${probe.port}/${probe.protocol}`;
    let both = known.get(key);
    if (both === undefined) known.set(key, (both = { old: old.port(probe), now: now.port(probe) }));
    return both;
  };
}

function note(
  changes: Map<string, Change>,
  froms: ReadonlyMap<string, number>,
  tos: ReadonlyMap<string, number>,
  probe: Probe,
  change: Change["change"],
  sameKind: boolean,
): void {
  for (const [from, x] of froms) {
    for (const [to, y] of tos) {
      // A pod does not connect to itself.
      const pairs = x * y - (sameKind && from === to ? x : 0);
      const made = { from, to, port: `${probe.port}/${probe.protocol}`, change, pairs };
      const before = changes.get(changeKey(made));
      if (before === undefined) changes.set(changeKey(made), made);
      else before.pairs += pairs;
    }
  }
}

const LONGEST = 200;

/** Fit for a pull-request comment. */
function asMarkdown(
  changes: readonly Change[],
  added: readonly string[],
  removed: readonly string[],
): string {
  const lines: string[] = [];
  const section = (kind: Change["change"], title: string) => {
    const list = changes.filter((c) => c.change === kind);
    if (list.length === 0) return;
    lines.push(`### ${title}`, "", "| from | to | port | pairs |", "| --- | --- | --- | --- |");
    for (const c of list.slice(0, LONGEST)) lines.push(`| ${c.from} | ${c.to} | ${c.port} | ${c.pairs} |`);
    if (list.length > LONGEST) lines.push(`| ... and ${list.length - LONGEST} more | | | |`);
    lines.push("");
  };
  section("opened", "Opened connections");
  section("closed", "Closed connections");
  if (changes.length === 0)
    lines.push("No connection between pods that are in both is opened or closed.", "");
  if (added.length > 0) lines.push(`New: ${added.join(", ")}`, "");
  if (removed.length > 0) lines.push(`Gone: ${removed.join(", ")}`, "");
  return `${lines.join("\n").trimEnd()}\n`;
}
