/** `netsim rules FILES...`: the rules that a node's kube-proxy would write, as the node's tool shows them or as data. */
import type { Cluster, IPFamily, Node } from "../model/types.ts";
import { parseBlock } from "../service/address.ts";
import { SCHEDULER_NAMES } from "../service/ipvs/scheduler.ts";
import { RULE_MODES, rulesData, rulesText } from "../service/render.ts";
import { loadRunning, writeAll } from "./input.ts";
import { choice, readArgs, UsageError } from "./usage.ts";

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, {
    mode: { type: "string" },
    node: { type: "string" },
    "cluster-cidr": { type: "string" },
    "service-cidr": { type: "string" },
    family: { type: "string" },
    scheduler: { type: "string" },
    "masquerade-all": { type: "boolean" },
    json: { type: "boolean" },
  });
  const mode = choice("mode", values.mode, RULE_MODES) ?? "iptables";
  const family: IPFamily = choice("family", values.family, ["ipv4", "ipv6"]) === "ipv6" ? "IPv6" : "IPv4";
  const clusterCIDRs = blocks("cluster-cidr", values["cluster-cidr"]);
  const serviceCIDRs = blocks("service-cidr", values["service-cidr"]);
  const options = {
    ...(clusterCIDRs !== undefined && { clusterCIDRs: onePerFamily(clusterCIDRs) }),
    ...(serviceCIDRs !== undefined && { serviceCIDRs }),
    scheduler: choice("scheduler", values.scheduler, SCHEDULER_NAMES) ?? "rr",
    masqueradeAll: values["masquerade-all"] ?? false,
  };
  const cluster = loadRunning(positionals);
  const node = findNode(cluster, values.node);
  await writeAll([
    values.json === true
      ? `${JSON.stringify(rulesData(cluster, node, mode, options), null, 2)}\n`
      : rulesText(cluster, node, mode, options, family),
  ]);
  return 0;
}

function blocks(option: string, text: string | undefined): string[] | undefined {
  return text?.split(",").map((part) => {
    const block = parseBlock(part);
    if (block === undefined)
      throw new UsageError(`--${option}: ${part.trim()} is no block like 10.244.0.0/16`);
    return block.text;
  });
}

function onePerFamily(cidrs: readonly string[]): readonly string[] {
  for (const v6 of [false, true])
    if (cidrs.filter((cidr) => cidr.includes(":") === v6).length > 1)
      throw new UsageError("--cluster-cidr: kube-proxy takes one block a family: write one that covers both");
  return cidrs;
}

function findNode(cluster: Cluster, name: string | undefined): Node {
  const names = cluster.nodes.map(({ metadata }) => metadata.name).sort();
  if (names.length === 0)
    throw new UsageError("no Node in the input, and rules are a node's: add `kubectl get nodes -o yaml`");
  const found = cluster.nodes.find(({ metadata }) => metadata.name === (name ?? names[0]));
  if (found === undefined)
    throw new UsageError(`--node: no Node ${name} in the input, which has ${names.join(", ")}`);
  return found;
}
