/** `netsim rules FILES...`: the rules that a node's kube-proxy would write. */
import { parseArgs } from "node:util";
import { loadFiles } from "../model/load.ts";
import type { Cluster, IPFamily, Node } from "../model/types.ts";
import { parseBlock } from "../service/address.ts";
import { SCHEDULER_NAMES } from "../service/ipvs/scheduler.ts";
import { RULE_MODES, rulesData, rulesText, type RuleMode } from "../service/render.ts";

export const USAGE = `Usage: netsim rules FILES... [options]

  --mode MODE           ${RULE_MODES.join(", ")} (default: iptables)
  --node NAME           whose rules (default: the first node by name)
  --cluster-cidr LIST   who is a pod: one block a family, with a comma (default: the nodes' podCIDRs)
  --service-cidr LIST   the Services' blocks, for nftables (default: the ServiceCIDR objects)
  --family ipv4|ipv6    which of iptables-save and ip6tables-save (default: ipv4)
  --scheduler NAME      IPVS: ${SCHEDULER_NAMES.join(", ")} (default: rr)
  --masquerade-all      masquerade whatever goes to a cluster IP
  --json                the rules as data
`;

const OPTIONS = {
  mode: { type: "string" },
  node: { type: "string" },
  "cluster-cidr": { type: "string" },
  "service-cidr": { type: "string" },
  family: { type: "string" },
  scheduler: { type: "string" },
  "masquerade-all": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

type Values = ReturnType<typeof parse>["values"];

function parse(argv: string[]) {
  return parseArgs({ args: argv, options: OPTIONS, allowPositionals: true });
}

/** Exit code: 0, or 2 for unusable input. */
export async function run(argv: string[]): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(argv);
  } catch (error) {
    return fail((error as Error).message);
  }
  const { values, positionals } = parsed;
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (positionals.length === 0) return fail("no FILES: name manifests, a directory, or - for standard input");
  const wrong = check(values);
  if (wrong !== undefined) return fail(wrong);

  const cluster = loadFiles(positionals);
  for (const { severity, file, line, object, field, message } of cluster.problems)
    process.stderr.write(
      `${file}:${line}: ${severity}: ${[object, field, message].filter((part) => part !== undefined).join(": ")}\n`,
    );
  if (cluster.services.length === 0 && cluster.problems.some(({ severity }) => severity === "error"))
    return 2;
  const node = nodeOf(cluster, values.node);
  if (typeof node === "string") return fail(node);

  const mode = (values.mode ?? "iptables") as RuleMode;
  const options = {
    ...(values["cluster-cidr"] === undefined ? {} : { clusterCIDRs: list(values["cluster-cidr"]) }),
    ...(values["service-cidr"] === undefined ? {} : { serviceCIDRs: list(values["service-cidr"]) }),
    ...(values.scheduler === undefined ? {} : { scheduler: values.scheduler }),
    masqueradeAll: values["masquerade-all"] ?? false,
  };
  const family: IPFamily = values.family === "ipv6" ? "IPv6" : "IPv4";
  const text = values.json
    ? `${JSON.stringify(rulesData(cluster, node, mode, options), null, 2)}\n`
    : rulesText(cluster, node, mode, options, family);
  await new Promise<void>((resolve) => process.stdout.write(text, () => resolve()));
  return 0;
}

function check(values: Values): string | undefined {
  const { mode = "iptables", family = "ipv4", scheduler = "rr" } = values;
  if (!RULE_MODES.includes(mode as RuleMode))
    return `--mode: ${JSON.stringify(mode)} is none of ${RULE_MODES.join(", ")}`;
  if (family !== "ipv4" && family !== "ipv6")
    return `--family: ${JSON.stringify(family)} is neither ipv4 nor ipv6`;
  if (!SCHEDULER_NAMES.includes(scheduler))
    return `--scheduler: ${JSON.stringify(scheduler)} is none of ${SCHEDULER_NAMES.join(", ")}`;
  for (const option of ["cluster-cidr", "service-cidr"] as const) {
    const families = new Set<IPFamily>();
    for (const text of list(values[option] ?? "")) {
      const block = parseBlock(text);
      if (block === undefined)
        return `--${option}: ${JSON.stringify(text)} is no block of addresses like 10.244.0.0/16`;
      if (option === "cluster-cidr" && families.has(block.family))
        return `--cluster-cidr: two ${block.family} blocks, and kube-proxy takes one: write one that covers both`;
      families.add(block.family);
    }
  }
  return undefined;
}

function list(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** The node, or why there is none. */
function nodeOf(cluster: Cluster, name: string | undefined): Node | string {
  const names = cluster.nodes.map(({ metadata }) => metadata.name).sort();
  const wanted = name ?? names[0];
  const found = cluster.nodes.find(({ metadata }) => metadata.name === wanted);
  if (found !== undefined) return found;
  if (names.length > 0)
    return `--node: no Node ${JSON.stringify(name)} in the input, which has ${names.join(", ")}`;
  return "no Node in the input: rules are a node's; add the output of `kubectl get nodes -o yaml`";
}

function fail(message: string): number {
  process.stderr.write(`netsim rules: ${message}\n`);
  return 2;
}
