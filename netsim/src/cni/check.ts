/** What does not hold: pods that do not reach each other, or not as themselves; ranges that overlap. */
import { objectName } from "../model/source.ts";
import type { Link } from "../packet/path.ts";
import { contains, isV6, overlaps, parseAddress, parseBlock, type Block } from "./address.ts";
import type { Network } from "./network.ts";
import { overheadOfAll } from "./overhead.ts";
import { serviceCidrs } from "./ranges.ts";
import type { Finding, PodFacts } from "./types.ts";
import { walk } from "./walk.ts";

/**
 * `pairs`: ordered pairs of pods, a family each; `walked`: the ways that were looked at. Pods of one node whose addresses are in
 * one block take the same way, so that in large clusters one of them stands for all.
 */
export interface Reach {
  readonly pairs: number;
  readonly walked: number;
  /** The first of them: at most 1000 each. */
  readonly translated: readonly {
    readonly from: string;
    readonly to: string;
    readonly seen: string;
    readonly why: string;
  }[];
  readonly lost: readonly { readonly from: string; readonly to: string; readonly why: string }[];
}

const EXACT = 200;
const MAX_SHOWN = 1000;

/** The three rules of the network model, for every pair: an address each, everybody reached, and without NAT. */
export function checkReach(network: Network): Reach {
  const { pods } = network.context;
  const translated: Reach["translated"][number][] = [];
  const lost: Reach["lost"][number][] = [];
  let pairs = 0;
  let walked = 0;
  for (const v6 of [false, true]) {
    const having = pods.filter((p) => p.addresses.some((a) => isV6(a) === v6));
    pairs += having.length * (having.length - 1);
    const chosen = having.length <= EXACT ? having : representatives(having, v6);
    for (const from of chosen)
      for (const to of chosen) {
        if (from === to) continue;
        walked++;
        const found = between(network, from, to, v6);
        if (found === undefined) continue;
        if ("seen" in found) {
          if (translated.length < MAX_SHOWN) translated.push(found);
        } else if (lost.length < MAX_SHOWN) lost.push(found);
      }
  }
  return { pairs, walked, translated, lost };
}

function between(network: Network, from: PodFacts, to: PodFacts, v6: boolean) {
  const source = from.addresses.find((a) => isV6(a) === v6) ?? "";
  const destination = to.addresses.find((a) => isV6(a) === v6) ?? "";
  const place = network.place(`pod/${from.id}`);
  if (place === undefined) return undefined;
  const { path, outcome, why } = walk(network, place, destination, source);
  const ends = { from: from.id, to: to.id };
  if (outcome !== "delivered") return { ...ends, why };
  const seen = path.sourceNat;
  if (seen === undefined) return undefined;
  return { ...ends, seen, why: `${to.id} sees ${seen} and not ${source}` };
}

/** Two pods (so that pairs on one node are seen) of each node and each /26 (IPv6: /122). */
function representatives(pods: readonly PodFacts[], v6: boolean): PodFacts[] {
  const groups = new Map<string, PodFacts[]>();
  for (const p of pods) {
    const address = p.addresses.find((a) => isV6(a) === v6) ?? "";
    const key = `${p.node} ${parseBlock(`${address}/${v6 ? 122 : 26}`)?.text ?? ""}`;
    const group = groups.get(key) ?? [];
    if (group.length < 2) group.push(p);
    groups.set(key, group);
  }
  return [...groups.values()].flat();
}

/** Ranges that are in each other's way. */
export function checkRanges(network: Network): Finding[] {
  const { context, model } = network;
  const blocks = (texts: readonly string[]): Block[] => texts.flatMap((t) => parseBlock(t) ?? []);
  const subnets = context.nodes.flatMap((n) =>
    blocks(n.nets).map((block) => ({ block, what: `the subnet of node ${n.name}` })),
  );
  const services = blocks(serviceCidrs(context.cluster, context.options)).map((block) => ({
    block,
    what: "the Services' range",
  }));
  const pods = blocks(model.podRanges()).map((block) => ({ block, what: "the pods' range" }));
  const clashes = (
    list: readonly { block: Block; what: string }[],
    others: typeof list,
    says: string,
  ): Finding[] => {
    const seen = new Set<string>();
    return list.flatMap((a) =>
      others.flatMap((b): Finding[] => {
        const key = `${a.block.text} ${b.block.text}`;
        if (!overlaps(a.block, b.block) || seen.has(key)) return [];
        seen.add(key);
        return [
          {
            severity: "error",
            code: "ranges-overlap",
            text: `${a.what} ${a.block.text} overlaps ${b.what}, ${b.block.text}: ${says}`,
          },
        ];
      }),
    );
  };
  return [
    ...clashes(pods, subnets, "packets to the one go to the other"),
    ...clashes(pods, services, "a Service's address can be a pod's"),
    ...clashes(services, subnets, "a node's address can be a Service's"),
    ...strayServices(network, [...pods, ...subnets]),
    ...sharedRanges(network),
  ];
}

/** A Service whose address lies where pods or nodes have theirs. */
function strayServices({ context }: Network, ranges: readonly { block: Block; what: string }[]): Finding[] {
  for (const service of context.cluster.services)
    for (const text of service.spec.clusterIPs ?? []) {
      const ip = parseAddress(text);
      const range = ip === undefined ? undefined : ranges.find((r) => contains(r.block, ip));
      if (range === undefined) continue;
      const { file, line } = service.source;
      const says = `${text} of this Service is in ${range.what}, ${range.block.text}: the Services' range overlaps it`;
      return [
        { severity: "error", code: "ranges-overlap", text: says, object: objectName(service), file, line },
      ];
    }
  return [];
}

/** Two nodes with one pod range, or one inside the other's. */
function sharedRanges({ context, cni }: Network): Finding[] {
  if (cni === "calico" || cni === "weave") return [];
  const all = context.nodes.flatMap((n) =>
    n.podCIDRs.flatMap((c) => (parseBlock(c) === undefined ? [] : [{ node: n, block: parseBlock(c)! }])),
  );
  const sorted = [...all].sort((a, b) => (a.block.first < b.block.first ? -1 : 1));
  return sorted.flatMap((a, i): Finding[] => {
    const b = sorted[i + 1];
    if (b === undefined || a.node === b.node || !overlaps(a.block, b.block)) return [];
    return [
      {
        severity: "error",
        code: "ranges-overlap",
        text: `the pod range ${a.block.text} of node ${a.node.name} overlaps ${b.block.text} of ${b.node.name}: one of them gets no packets`,
      },
    ];
  });
}

const MAX_SENDERS = 60;

/** Packets as large as a pod may send, and links between two nodes that are too small for them with their headers. */
export function checkMtu(network: Network): Finding[] {
  const found: { text: string; from: string; to: string }[] = [];
  for (const v6 of [false, true]) {
    const first = new Map<string, PodFacts>();
    for (const p of network.context.pods)
      if (!first.has(p.node) && p.addresses.some((a) => isV6(a) === v6)) first.set(p.node, p);
    const senders = [...first.values()].slice(0, MAX_SENDERS);
    for (const from of senders)
      for (const to of senders) {
        const tight = from === to ? undefined : tightLink(network, from, to, v6);
        if (tight !== undefined) found.push({ text: tight, from: from.id, to: to.id });
      }
  }
  const [one] = found;
  if (one === undefined) return [];
  const text = `${one.text} (${one.from} to ${one.to}${found.length > 1 ? `, and ${found.length - 1} pairs of nodes more` : ""}; netsim ping says what becomes of it)`;
  return [{ severity: "warning", code: "mtu-path", text }];
}

function tightLink(network: Network, from: PodFacts, to: PodFacts, v6: boolean): string | undefined {
  const place = network.place(`pod/${from.id}`);
  const address = (p: PodFacts) => p.addresses.find((a) => isV6(a) === v6) ?? "";
  if (place === undefined) return undefined;
  const { links } = walk(network, place, address(to), address(from)).path;
  const sent = Math.min(links[0]?.mtu ?? 0, links[0]?.routeMtu ?? Infinity);
  // Sleeve cuts frames up itself.
  const at = links.findIndex((l) => !l.tunnels.some((t) => t.kind === "sleeve") && roomOn(l) < sent);
  const next = links[at + 1];
  // A cable takes what the card at its other end takes: that is where the MTU is set.
  const small =
    links[at]?.kind === "wire" && next?.kind === "card" && next.mtu === links[at].mtu ? next : links[at];
  if (small === undefined) return undefined;
  const where = `${small.device}${small.node === "" ? " between the nodes" : ` of ${small.node}`}`;
  return `packets of ${sent} octets, as pods may send them, are too large for ${where}, which has room for ${roomOn(small)}`;
}

const roomOn = (link: Link): number =>
  Math.min(link.mtu, link.routeMtu ?? Infinity) - overheadOfAll(link.tunnels);

/** Everything that was found, errors first. */
export function findingsOf(network: Network, reach?: Reach): Finding[] {
  const order = { error: 0, warning: 1, note: 2 };
  const lost = reach?.lost ?? [];
  const translated = reach?.translated ?? [];
  const [first] = lost;
  const [nat] = translated;
  const some: Finding[] = [
    ...(first === undefined
      ? []
      : [
          {
            severity: "error" as const,
            code: "unreachable",
            text: `${first.from} does not reach ${first.to}: ${first.why}${more(lost.length)}`,
          },
        ]),
    ...(nat === undefined
      ? []
      : [
          {
            severity: "error" as const,
            code: "translated",
            text: `${nat.why} when ${nat.from} connects: the model wants no NAT between pods${more(translated.length)}`,
          },
        ]),
  ];
  return [...network.findings(), ...checkRanges(network), ...checkMtu(network), ...some].sort(
    (a, b) => order[a.severity] - order[b.severity],
  );
}

const more = (count: number): string => (count > 1 ? ` (and ${count - 1} pairs more)` : "");
