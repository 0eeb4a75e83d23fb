/** `netsim cni`: what the CNI makes of a cluster: a pod's creation, paths, tables, conflicts, and CNIs compared. */
import { readFileSync } from "node:fs";
import { load } from "js-yaml";
import { isV6, parseBlock } from "../cni/address.ts";
import { checkReach, findingsOf, type Reach } from "../cni/check.ts";
import { compare, compareMarkdown } from "../cni/compare.ts";
import { createPod } from "../cni/create.ts";
import { bridgeFdb, ipLink, ipNeigh, ipRoute, ipRule } from "../cni/iproute.ts";
import { createNetwork, type Network, type NetworkOptions } from "../cni/network.ts";
import { overheadOfAll } from "../cni/overhead.ts";
import { pathBetween } from "../cni/paths.ts";
import { commandsFor } from "../cni/plan.ts";
import { settingsOf } from "../cni/settings.ts";
import { CNIS, type CreationEvent, type Finding, type Place } from "../cni/types.ts";
import type { Walk } from "../cni/walk.ts";
import { loadInput, reportProblems, writeAll } from "./input.ts";
import { choice, readArgs, UsageError } from "./usage.ts";

/** What says how the network is set up, beside the files. */
export const NETWORK_OPTIONS = {
  cni: { type: "string" },
  set: { type: "string", multiple: true },
  values: { type: "string", multiple: true },
  mtu: { type: "string", multiple: true },
  "wire-mtu": { type: "string" },
  subnet: { type: "string", multiple: true },
  "cluster-cidr": { type: "string" },
  "service-cidr": { type: "string" },
} as const;

const OPTIONS = {
  ...NETWORK_OPTIONS,
  json: { type: "boolean" },
  node: { type: "string" },
  pod: { type: "string" },
  "ip-family": { type: "string" },
  table: { type: "string" },
} as const;

type Values = ReturnType<typeof readArgs<typeof OPTIONS>>["values"];
export type NetworkValues = Pick<Values, keyof typeof NETWORK_OPTIONS>;
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

export function networkOptions(values: NetworkValues): NetworkOptions {
  const cni = choice("cni", values.cni, CNIS);
  const cards = cardMtus(values.mtu ?? []);
  const files = (values.values ?? []).map(valuesFile);
  const blocks = (option: string, given: readonly string[] | undefined): string[] | undefined =>
    given?.map((part) => {
      const block = parseBlock(part);
      if (block === undefined)
        throw new UsageError(`--${option}: ${part.trim()} is no block like 10.244.0.0/16`);
      return block.text;
    });
  const subnets = blocks("subnet", values.subnet);
  const clusterCidrs = blocks("cluster-cidr", values["cluster-cidr"]?.split(","));
  const serviceCidrs = blocks("service-cidr", values["service-cidr"]?.split(","));
  const [wrong] = settingsOf({}, values.set ?? []).wrong;
  if (wrong !== undefined) throw new UsageError(`--set ${wrong}: write key=value, as for Helm`);
  const wireMtu = values["wire-mtu"] === undefined ? undefined : octets("wire-mtu", values["wire-mtu"]);
  return {
    ...(cni !== undefined && { cni }),
    ...(values.set !== undefined && { set: values.set }),
    ...(files.length > 0 && { values: files.reduce(merged) }),
    ...cards,
    ...(wireMtu !== undefined && { wireMtu }),
    ...(subnets !== undefined && { subnets }),
    ...(clusterCidrs !== undefined && { clusterCidrs }),
    ...(serviceCidrs !== undefined && { serviceCidrs }),
  };
}

function octets(option: string, text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 68 && value <= 65_535))
    throw new UsageError(`--${option} ${text}: octets, 68 to 65535`);
  return value;
}

/** `9001` for all cards, `node-1=9001` for one. */
function cardMtus(given: readonly string[]): Pick<NetworkOptions, "mtu" | "mtus"> {
  const own = given.filter((g) => g.includes("=")).map((g) => g.split("=", 2) as [string, string]);
  const all = given.find((g) => !g.includes("="));
  return {
    ...(all !== undefined && { mtu: octets("mtu", all) }),
    ...(own.length > 0 && { mtus: Object.fromEntries(own.map(([node, mtu]) => [node, octets("mtu", mtu)])) }),
  };
}

function valuesFile(file: string): unknown {
  try {
    return load(readFileSync(file, "utf8")) ?? {};
  } catch (error) {
    throw new UsageError(`--values ${file}: ${(error as Error).message.split("\n")[0] ?? ""}`);
  }
}

/** As Helm merges values files: maps key by key, all else replaced by the later. */
function merged(a: unknown, b: unknown): unknown {
  const map = (v: unknown): v is Record<string, unknown> =>
    typeof v === "object" && v !== null && !Array.isArray(v);
  if (!map(a) || !map(b)) return b;
  return {
    ...a,
    ...Object.fromEntries(Object.entries(b).map(([k, v]) => [k, k in a ? merged(a[k], v) : v])),
  };
}

function reportFindings(findings: readonly Finding[]): void {
  for (const finding of findings) process.stderr.write(`${findingText(finding)}\n`);
}

function findingText({ severity, code, text, object, file, line }: Finding): string {
  const place =
    file === undefined || file === "" ? "" : `${file}${line === undefined || line === 0 ? "" : `:${line}`}: `;
  return `${place}${severity}: ${object === undefined ? "" : `${object}: `}${text} [${code}]`;
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

const eventText = ({ actor, action, says, object }: CreationEvent, i: number): string =>
  [
    `${String(i + 1).padStart(2)}  ${actor}: ${action}: ${says}`,
    ...(object === undefined ? [] : [`      ${JSON.stringify(object)}`]),
  ].join("\n");

function path({ network, ends: [from = "", to = ""], values }: Asked): readonly [unknown, string] {
  const way = pathBetween(network, from, to, family(values));
  if (typeof way === "string") throw new UsageError(way);
  return [{ cni: network.cni, ...way }, wayText(way)];
}

function wayText({ path: { source, destination, links, sourceNat }, outcome, why }: Walk): string {
  const rows = links.map((l) => [
    l.node === "" ? "-" : l.node,
    l.device,
    String(Math.min(l.mtu, l.routeMtu ?? Infinity)),
    l.tunnels
      .map((t) => `${t.kind} ${t.source} -> ${t.destination}${t.port === undefined ? "" : `:${t.port}`}`)
      .join(", ") || "-",
    String(overheadOfAll(l.tunnels)),
    l.says,
  ]);
  const nat = sourceNat === undefined ? `as itself (no NAT)` : `the source becomes ${sourceNat}`;
  const end =
    outcome === "delivered"
      ? `delivered, ${nat}`
      : outcome === "outside"
        ? `leaves the cluster, ${nat}`
        : `dropped: ${why}`;
  return `${source} -> ${destination}\n${columns([["node", "device", "mtu", "around the packet", "octets", ""], ...rows])}\n${end}\n`;
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((r) => (r[i] ?? "").length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
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

const tablesOf = (place: Place, table = "main") => ({
  link: ipLink(place),
  route: ipRoute(place, { table }),
  route6: ipRoute(place, { v6: true, table }),
  rule: ipRule(place),
  neigh: ipNeigh(place),
  fdb: bridgeFdb(place),
  sysctl: place.sysctls.map((s) => `${s.key} = ${s.value}`),
  masquerade: place.masquerade.map((m) => `from ${m.from} to anything but ${m.except.join(", ")}: ${m.says}`),
});

function sectionText(
  place: Place,
  tables: ReturnType<typeof tablesOf>,
  v6: boolean | undefined,
  table?: string,
): string {
  const show = table === undefined ? "" : ` show table ${table}`;
  const sections: [string, readonly string[]][] = [
    ["ip -d link", tables.link],
    ...(v6 === true ? [] : [[`ip route${show}`, tables.route] as [string, readonly string[]]]),
    ...(v6 === false ? [] : [[`ip -6 route${show}`, tables.route6] as [string, readonly string[]]]),
    ...(place.rules.length === 0 ? [] : [["ip rule", tables.rule] as [string, readonly string[]]]),
    ["ip neigh", tables.neigh.filter((l) => v6 === undefined || isV6(l.split(" ")[0] ?? "") === v6)],
    ["bridge fdb show", tables.fdb],
    ["sysctl", tables.sysctl],
    ["# source NAT", tables.masquerade],
  ];
  const shown = sections
    .filter(([, lines]) => lines.length > 0)
    .map(([command, lines]) => `${place.kind} ${place.name}$ ${command}\n${lines.join("\n")}\n`);
  return shown.join("\n");
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

function checkText(
  network: Network,
  { pairs, walked, lost, translated }: Reach,
  findings: readonly Finding[],
): string {
  const of =
    walked === pairs
      ? `${pairs} pairs of pods`
      : `${pairs} pairs of pods, by ${walked} ways (pods of a node and a block take the same)`;
  return [
    `${network.cni}${network.assumed ? " (assumed: no object of a CNI in the input)" : ""}, ${network.context.nodes.length} nodes, ${network.context.pods.length} pods`,
    `${of}: ${lost.length === 0 ? "all reach each other" : `${lost.length} do not`}, ${translated.length === 0 ? "all are seen by their own address" : `${translated.length} are not seen by their own address`}`,
    ...findings.map(findingText),
    "",
  ].join("\n");
}
