/** `netsim cni`: what the CNI makes of a cluster: a pod's creation, paths, tables, conflicts, and CNIs compared. */
import { covers } from "../cni/address.ts";
import { checkReach, findingsOf } from "../cni/check.ts";
import { compare, compareMarkdown } from "../cni/compare.ts";
import { createPod } from "../cni/create.ts";
import { createNetwork, type Network } from "../cni/network.ts";
import { pathBetween } from "../cni/paths.ts";
import { commandsFor } from "../cni/plan.ts";
import type { Finding, Place } from "../cni/types.ts";
import {
  bgpText,
  checkText,
  eventText,
  findingText,
  ipamText,
  sectionText,
  tablesOf,
  wayText,
} from "./cni-text.ts";
import { loadInput, reportProblems, writeAll } from "./input.ts";
import { NETWORK_OPTIONS, networkOptions } from "./network-options.ts";
import { choice, readArgs, UsageError } from "./usage.ts";

const OPTIONS = {
  ...NETWORK_OPTIONS,
  json: { type: "boolean" },
  node: { type: "string" },
  pod: { type: "string" },
  "ip-family": { type: "string" },
  table: { type: "string" },
} as const;

type Values = ReturnType<typeof readArgs<typeof OPTIONS>>["values"];
interface Asked {
  readonly values: Values;
  readonly network: Network;
  readonly ends: readonly string[];
}

/** What each question takes before the files, and who answers. A number is an exit code. */
const QUESTIONS: Readonly<
  Record<
    string,
    { readonly ends: number; readonly answer: (asked: Asked) => readonly [unknown, string, number?] }
  >
> = {
  create: { ends: 1, answer: create },
  path: { ends: 2, answer: path },
  routes: { ends: 0, answer: routes },
  bgp: { ends: 0, answer: bgp },
  ipam: { ends: 0, answer: ipam },
  plan: { ends: 2, answer: plan },
  check: { ends: 0, answer: check },
};

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, OPTIONS);
  const [question = "check", ...rest] = positionals;
  if (question === "compare") {
    await print(values.json === true, compare(), compareMarkdown());
    return 0;
  }
  const asked = Object.hasOwn(QUESTIONS, question) ? QUESTIONS[question] : undefined;
  if (asked === undefined)
    throw new UsageError(`${question}: there are ${[...Object.keys(QUESTIONS), "compare"].join(", ")}`);
  const ends = rest.slice(0, asked.ends);
  if (ends.length < asked.ends)
    throw new UsageError(`${question} needs ${asked.ends === 1 ? "NAMESPACE/POD" : "FROM and TO"} and FILES`);
  const options = networkOptions(values);
  const cluster = loadInput(rest.slice(asked.ends));
  reportProblems(cluster.problems);
  const network = createNetwork(cluster, options);
  const [data, text, code = 0] = asked.answer({ values, network, ends });
  if (question !== "check") reportFindings(network.findings());
  await print(values.json === true, data, text);
  return code;
}

const print = (json: boolean, data: unknown, text: string): Promise<void> =>
  writeAll([json ? `${JSON.stringify(data, null, 1)}\n` : text]);

function reportFindings(findings: readonly Finding[]): void {
  for (const finding of findings) process.stderr.write(`${findingText(finding)}\n`);
}

const family = (values: Values): boolean | undefined => {
  const given = choice("ip-family", values["ip-family"], ["4", "6"]);
  return given === undefined ? undefined : given === "6";
};

function create({ network, ends: [id = ""] }: Asked): readonly [unknown, string] {
  const events = createPod(network, id);
  if (events === undefined)
    throw new UsageError(`${id}: there is no such pod (NAMESPACE/NAME) with a network of its own`);
  const data = { pod: id, cni: network.cni, events: events.map((event, i) => ({ step: i + 1, ...event })) };
  return [data, `${events.map(eventText).join("\n")}\n`];
}

function path({ network, ends: [from = "", to = ""], values }: Asked): readonly [unknown, string] {
  const way = pathBetween(network, from, to, family(values));
  if (typeof way === "string") throw new UsageError(way);
  return [{ cni: network.cni, ...way }, wayText(way)];
}

function routes({ network, values }: Asked): readonly [unknown, string] {
  const places = placesOf(network, values);
  const wanted = family(values);
  const shown = places.map((place) => tablesOf(place, values.table));
  const text = shown.map((t, i) => sectionText(places[i]!, t, wanted, values.table)).join("\n");
  return [shown.map((tables, i) => ({ place: places[i]!.key, ...tables })), text];
}

function placesOf(network: Network, { node, pod }: Values): readonly Place[] {
  const place =
    pod !== undefined
      ? network.place(`pod/${pod}`)
      : node !== undefined
        ? network.place(`node/${node}`)
        : undefined;
  if (pod !== undefined || node !== undefined) {
    if (place === undefined)
      throw new UsageError(
        pod !== undefined
          ? `--pod ${pod}: no such pod with a network of its own`
          : `--node ${node}: no such node`,
      );
    return [place];
  }
  return network.context.nodes.flatMap((n) => network.place(`node/${n.name}`) ?? []);
}

function bgp({ network }: Asked): readonly [unknown, string] {
  const report = network.model.bgp?.();
  if (report === undefined) throw new UsageError(`bgp: the model of ${network.cni} has no BGP of its own`);
  return [report, bgpText(report)];
}

function ipam({ network }: Asked): readonly [unknown, string] {
  const ranges = network.model.nodeRanges().map((r) => ({
    ...r,
    pods: network.context.podsOn(r.node).filter((p) => p.addresses.some((a) => covers(r.range, a))).length,
  }));
  return [ranges, ipamText(ranges)];
}

function plan({ network, ends }: Asked): readonly [unknown, string] {
  const made = commandsFor(network, ends);
  if (typeof made === "string") throw new UsageError(made);
  const lines = [
    ...made.namespaces.map((n) => `ip netns add ${n}`),
    ...made.commands.map(({ namespace, command }) => `ip netns exec ${namespace} ${command}`),
  ];
  return [made, `${lines.join("\n")}\n`];
}

function check({ network }: Asked): readonly [unknown, string, number] {
  const reach = checkReach(network);
  const findings = findingsOf(network, reach);
  const failed = findings.some((f) => f.severity === "error");
  return [
    { cni: network.cni, assumed: network.assumed, reach, findings },
    checkText(network, reach, findings),
    failed ? 1 : 0,
  ];
}
