/** The network of a cluster, made once for each. */
import type { Cluster } from "../model/types.ts";
import { createNetwork, type Network } from "./network.ts";

const networks = new WeakMap<Cluster, Network>();

/** The network that the cluster's own objects describe (`createNetwork` takes options too). */
export function networkOf(cluster: Cluster): Network {
  let network = networks.get(cluster);
  if (network === undefined) networks.set(cluster, (network = createNetwork(cluster)));
  return network;
}

export { checkRanges, checkReach, findingsOf, type Reach } from "./check.ts";
export { compare, compareMarkdown, type Comparison } from "./compare.ts";
export { createPod } from "./create.ts";
export { bridgeFdb, ipLink, ipNeigh, ipRoute, ipRule } from "./iproute.ts";
export { createNetwork, type Network, type NetworkOptions } from "./network.ts";
export { pathBetween } from "./paths.ts";
export { commandsFor, type Plan, type PlannedCommand } from "./plan.ts";
export type { Walk } from "./walk.ts";
export {
  CNIS,
  type CniName,
  type CreationEvent,
  type Device,
  type Finding,
  type Place,
  type Route,
} from "./types.ts";
