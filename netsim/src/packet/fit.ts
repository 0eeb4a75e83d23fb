/** How large a packet may be on a path: the chain of MTUs, and what becomes of sizes that are too large. */
import { mtuOf, type World } from "./journey.ts";
import type { Link, Path, Tunnel } from "./path.ts";
import { createSender, type Discovery, type Outcome } from "./sender.ts";
import { familyOf, HEADER, ipHeader, overheadOf, roomIn } from "./tunnel.ts";

/** One device of the chain. `overhead`: octets of the headers around the packet there, without padding. */
export interface Step {
  readonly node: string;
  readonly device: string;
  readonly kind: Link["kind"];
  readonly mtu: number;
  readonly tunnels: readonly Tunnel["kind"][];
  readonly overhead: number;
  /** The largest packet of the sender's that passes here in one piece. */
  readonly room: number;
}

export interface Fit {
  readonly chain: readonly Step[];
  /** The largest packet that arrives at the first try although it must not be fragmented (`ping -M do`). */
  readonly largest: number;
  /** The largest that no device fragments, not even around it; 0 where nothing passes. */
  readonly whole: number;
  /** Of `largest`: what to give to `ping -s`; negative where not even an empty echo fits. */
  readonly pingSize: number;
  /** The device that has the least room. */
  readonly tightest: Step | undefined;
  /** What becomes of a packet that is one octet larger, DF set, try by try on a fresh path. */
  readonly beyond: readonly Outcome[];
  /** Sizes that the sender's device takes and that are lost however often they are sent; undefined where there are none. */
  readonly blackHole: { readonly from: number; readonly to: number } | undefined;
}

const TRIES = 4;

/** The outcomes of sending `octets` `count` times on a fresh path. */
export function outcomes(
  path: Path,
  octets: number,
  discovery: Discovery,
  world: World = {},
  count = TRIES,
): readonly Outcome[] {
  const sender = createSender(path, world);
  return Array.from({ length: count }, () => sender.send(octets, discovery).outcome);
}

export function chainOf({ links, destination }: Path): readonly Step[] {
  const family = familyOf(destination);
  return links.map((link, i) => {
    const mtu = mtuOf(link);
    const wireguard = [...links.slice(0, i + 1)]
      .reverse()
      .find((l) => l.kind === "tunnel" && l.tunnels.length < link.tunnels.length);
    const device = wireguard?.mtu ?? Infinity;
    const room = link.tunnels.reduceRight((left, t) => roomIn(t, left, device, family), mtu);
    return {
      node: link.node,
      device: link.device,
      kind: link.kind,
      mtu,
      tunnels: link.tunnels.map((t) => t.kind),
      overhead: link.tunnels.reduce((sum, t) => sum + overheadOf(t), 0),
      room,
    };
  });
}

export function fitOf(path: Path, world: World = {}): Fit {
  const chain = chainOf(path);
  const [own] = path.links;
  const most = own === undefined ? 0 : mtuOf(own);
  const arrives = (octets: number): boolean => outcomes(path, octets, "do", world, 1)[0] === "delivered";
  const headers = ipHeader(familyOf(path.destination)) + HEADER.icmp;
  const largest = greatest(0, most, arrives);
  // Of several the one with the most headers: the others were set by it.
  const tightest = [...chain].sort((a, b) => a.room - b.room || b.overhead - a.overhead)[0];
  const silent = (octets: number): boolean => outcomes(path, octets, "do", world).every((o) => o === "lost");
  return {
    chain,
    largest,
    whole: Math.max(0, Math.min(largest, ...chain.map((s) => s.room))),
    pingSize: largest - headers,
    tightest,
    beyond: outcomes(path, largest + 1, "do", world),
    blackHole: largest < most ? holeIn(largest + 1, most, silent) : undefined,
  };
}

/** Silence begins right above what fits, where nobody answers for an outer packet; or further up, where bridges drop. */
function holeIn(low: number, high: number, silent: (octets: number) => boolean): Fit["blackHole"] {
  if (silent(low)) return { from: low, to: greatest(low, high, silent) };
  return silent(high) ? { from: greatest(low, high, (n) => !silent(n)) + 1, to: high } : undefined;
}

/** The greatest number up to `high` that holds, for something that holds up to a point. `low` holds. */
function greatest(low: number, high: number, holds: (n: number) => boolean): number {
  let yes = low;
  let no = high + 1;
  while (no - yes > 1) {
    const middle = Math.floor((yes + no) / 2);
    if (holds(middle)) yes = middle;
    else no = middle;
  }
  return yes;
}
