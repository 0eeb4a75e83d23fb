/** The CNI's model of the cluster: what of its objects does not fit, and how large packets may be on the way between nodes. */
import { checkRanges } from "../../cni/check.ts";
import { createNetwork, type Network } from "../../cni/network.ts";
import { pathBetween } from "../../cni/paths.ts";
import { fitOf, type Fit } from "../../packet/fit.ts";
import { isDump, type Context } from "../context.ts";
import { fields } from "../../gateway/fields.ts";
import { fix } from "../fix.ts";
import { clusterPlace, placeOf } from "../place.ts";
import { NETWORKING } from "../sources.ts";
import type { Check, Draft, Place } from "../types.ts";

/** The network as the input describes it, its cards with `mtu` octets; undefined where nothing says which CNI there is. */
function networkWith(context: Context, mtu: number | undefined): Network | undefined {
  const network = createNetwork(context.cluster, mtu === undefined ? {} : { mtu });
  return network.assumed ? undefined : network;
}

export interface SampleFit extends Fit {
  readonly from: string;
  readonly to: string;
}

/** What fits between the first two pods that are on different nodes. */
export function sampleFit(context: Context, mtu: number | undefined): SampleFit | undefined {
  const network = networkWith(context, mtu);
  const pods = network?.context.pods ?? [];
  const [from] = pods;
  const to = pods.find((p) => p.node !== from?.node);
  if (network === undefined || from === undefined || to === undefined) return undefined;
  const found = pathBetween(network, from.id, to.id);
  if (typeof found === "string" || found.outcome !== "delivered") return undefined;
  return { ...fitOf(found.path), from: from.id, to: to.id };
}

/** Told elsewhere (NS/mtu), or about what this input leaves open. */
const ELSEWHERE = new Set(["mtu-above-card", "assumed-subnet"]);
/** About addresses that pods have: those of manifests are made up here. */
const OF_ADDRESSES = new Set([
  "address-outside-pools",
  "address-outside-pod-range",
  "no-pool",
  "bgp-not-learned",
]);

/** The object that a sentence is about: a pool by its range, a node by its name. */
function blamed(context: Context, text: string): Place {
  const words = new Set(text.split(/[\s,:]+/));
  const pool = context.others("IPPool").find((o) => words.has(String(fields(o.spec)["cidr"])));
  if (pool !== undefined) return placeOf(pool, ["spec", "cidr"]);
  const node = context.given.nodes.find((n) => words.has(n.metadata.name));
  return node === undefined ? clusterPlace(context.given) : placeOf(node);
}

export const cniObjects: Check = {
  id: "NS/cni",
  title: "The CNI's objects do not fit the cluster",
  severity: "error",
  why: "Pools, ranges and routing modes must agree with the nodes' subnets and with each other: where ranges overlap, or no router knows a range, packets go to the wrong place or nowhere.",
  sources: [NETWORKING],
  run: (context) => {
    const network = networkWith(context, context.options.nic);
    if (network === undefined) return [];
    const found = [...network.findings(), ...checkRanges(network)].filter(
      ({ code }) => !ELSEWHERE.has(code) && (isDump(context) || !OF_ADDRESSES.has(code)),
    );
    return found.map(({ severity, code, text, object, file = null, line = null }): Draft => {
      const at = object === undefined ? blamed(context, text) : { object, file, line };
      return {
        severity,
        message: text,
        at,
        evidence: [{ text: `netsim cni: ${code} (the model of ${network.cni})`, ...at }],
        fix: fix("correct the object, or the nodes' network"),
        cause: `${code} ${text}`,
      };
    });
  },
};
