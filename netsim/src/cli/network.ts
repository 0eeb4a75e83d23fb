/** Paths through a cluster's network, from a command line: who is meant by FROM and TO. */
import { createNetwork, type Network, type NetworkOptions } from "../cni/network.ts";
import { pathBetween } from "../cni/paths.ts";
import type { Walk } from "../cni/walk.ts";
import type { Cluster } from "../model/types.ts";
import { createListener } from "../packet/capture.ts";
import type { FindPath } from "../packet/capture.ts";
import type { Path } from "../packet/path.ts";
import { createEngine } from "../policy/engine.ts";
import { createParties } from "../policy/parties.ts";
import { trace } from "../trace/trace.ts";
import { complete } from "../trace/world.ts";
import { UsageError } from "./usage.ts";

export function wholeNumber(
  option: string,
  text: string | undefined,
  least: number,
  most: number,
): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(`${option} ${text}: a whole number from ${least} to ${most}`);
}

/** With what a trace assumes beside the input: addresses of Services, CoreDNS. */
export const networkOf = (cluster: Cluster, options: NetworkOptions): Network =>
  createNetwork(complete(cluster).cluster, options);

export const finder =
  (network: Network): FindPath =>
  (from, to) => {
    const found = pathBetween(network, from, to, to.includes(":") ? true : undefined);
    return typeof found === "string" ? undefined : pathOf(found);
  };

/** The path of a walk, with why it ends early where it does. */
export const pathOf = ({ path, outcome, why }: Walk): Path =>
  outcome === "dropped" ? { ...path, lost: why } : path;

/** The way from FROM to TO, each in the words of `netsim trace`; a Service stands for one of its endpoints. */
export async function pathFor(
  network: Network,
  from: string,
  to: string,
  family: "IPv4" | "IPv6" | undefined,
): Promise<Walk> {
  const { cluster } = network.context;
  const parties = createParties(createEngine(cluster));
  const [source] = parties.source(from);
  if (source === undefined) throw new UsageError(`FROM ${from}: no pod, workload, node or address`);
  const [named] = parties.source(to);
  let target = named?.id;
  if (target === undefined) {
    const heard = createListener();
    const options = { listener: heard.listener, ...(family !== undefined && { family }) };
    await trace(cluster, from, to, options);
    target = heard.legs.at(-1)?.taken.to.address.text;
  }
  if (target === undefined)
    throw new UsageError(
      `TO ${to}: no pod, workload, node or address, and no Service with endpoints (name it with its port)`,
    );
  const found = pathBetween(network, source.id, target, family === undefined ? undefined : family === "IPv6");
  if (typeof found === "string") throw new UsageError(found);
  return found;
}

/** The way of the answers, as far as the network knows one: not from outside. */
export function wayBack(
  network: Network,
  { path, outcome }: Walk,
): { readonly back: Path } | Record<string, never> {
  if (outcome !== "delivered") return {};
  const found = pathBetween(network, path.destination, path.sourceNat ?? path.source);
  return typeof found === "string" || found.outcome !== "delivered" ? {} : { back: found.path };
}
