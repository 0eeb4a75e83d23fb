/** How Weave Net is set up: the variables of its DaemonSet. */
import { covers, isV6, nth, parseBlock } from "./address.ts";
import { isTrue, positive, text } from "./fields.ts";
import type { Context } from "./network.ts";
import { settingsOf } from "./settings.ts";

/** GCE's 1460 less VXLAN's 50 and ESP's 34 (net/bridge.go). */
const DEFAULT_MTU = 1376;
export const PORTS = { fastdp: 6784, sleeve: 6783 } as const;
export const FAST_OVERHEAD = 50;
export const ESP_OVERHEAD = 34;

export interface Weave {
  readonly context: Context;
  readonly range: string;
  readonly mtu: number;
  readonly mode: "fastdp" | "sleeve";
  readonly encrypted: boolean;
}

/** The variables of the DaemonSet weave-net; --set WEAVE_MTU=8916,WEAVE_PASSWORD=x,WEAVE_NO_FASTDP=true,IPALLOC_RANGE=... over them. */
export function readWeave(context: Context): Weave {
  const set = context.cluster.workloads.find(
    (w) => w.kind === "DaemonSet" && w.metadata.name === "weave-net",
  );
  const env = (set?.spec.template.spec.containers ?? []).flatMap((c) => c.env ?? []);
  const { tree } = settingsOf(
    Object.fromEntries(env.map(({ name, value }) => [name, value])),
    context.options.set ?? [],
  );
  const given = parseBlock(text(tree["IPALLOC_RANGE"]) ?? "")?.text;
  const range = given ?? rangeOf(context);
  const sleeve = isTrue(tree["WEAVE_NO_FASTDP"]);
  return {
    context,
    range,
    mtu: positive(tree["WEAVE_MTU"]) ?? (sleeve ? 65_535 : DEFAULT_MTU),
    mode: sleeve ? "sleeve" : "fastdp",
    encrypted: text(tree["WEAVE_PASSWORD"]) !== undefined,
  };
}

/** 10.32.0.0/12, unless the pods have addresses elsewhere: then the smallest /12 to /16 that they are in. */
export function rangeOf({ pods }: Context): string {
  const usual = "10.32.0.0/12";
  const all = pods.flatMap((p) => p.addresses.filter((a) => !isV6(a)));
  if (all.every((a) => covers(usual, a))) return usual;
  const [first = ""] = all;
  for (const bits of [16, 14, 12, 8]) {
    const block = parseBlock(`${first}/${bits}`)?.text;
    if (block !== undefined && all.every((a) => covers(block, a))) return block;
  }
  return usual;
}

/** The bridge's own address on each node: weave's IPAM gives one that no pod has. */
export function bridgeAddress({ context, range }: Weave, node: string): string | undefined {
  const taken = new Set(context.pods.flatMap((p) => p.addresses));
  const block = parseBlock(range);
  const index = context.nodes.findIndex((n) => n.name === node);
  if (block === undefined || index < 0) return undefined;
  const free: string[] = [];
  for (let i = 1; free.length <= index && i < 1 << 16; i++) {
    const address = nth(block, i);
    if (address === undefined) break;
    if (!taken.has(address)) free.push(address);
  }
  return free[index];
}
