/** A socket that sends packets of a size: path MTU discovery as Linux does it (ip(7), ipv6(7): IP_MTU_DISCOVER). */
import { fragments, type Frame } from "./fragment.ts";
import { createMemory, mtuOf, travel, type Journey, type Memory, type World } from "./journey.ts";
import type { Path } from "./path.ts";
import { familyOf } from "./tunnel.ts";

/**
 * `do`: never fragment, here or on the way. `want`: DF as long as the packet fits the known path MTU, else fragments. `dont`: no
 * DF. `probe`: as `do`, but whatever path MTU is known.
 */
export const DISCOVERY = ["do", "dont", "want", "probe"] as const;
export type Discovery = (typeof DISCOVERY)[number];

/**
 * `EMSGSIZE`: refused at once, nothing was sent. `recv:EMSGSIZE`: sent and lost, and the socket was told by ICMP. `lost`: nothing
 * was heard.
 */
export type Outcome = "delivered" | "EMSGSIZE" | "recv:EMSGSIZE" | "lost";

export interface Try {
  readonly outcome: Outcome;
  /** What the socket knows afterwards (getsockopt IP_MTU). */
  readonly pathMtu: number;
  /** Of what left: the packet, or the fragments that the sender made of it. */
  readonly journey: Journey | undefined;
}

export interface Sender {
  readonly family: 4 | 6;
  /** An IP packet of `octets`, header included. */
  send(octets: number, discovery: Discovery): Try;
  /** A full TCP segment in an IP packet of `octets`; `train`: one of many that the card cuts from one. */
  segment(octets: number, train: boolean): Try;
  pathMtu(): number;
}

/** The least that ICMP can lower a path MTU to: net.ipv4.route.min_pmtu, and RFC 8200 section 5. */
const LEAST = { 4: 552, 6: 1280 } as const;

/** `memory`: what the nodes have learnt; share it among senders of one network. */
export function createSender(path: Path, world: World = {}, memory: Memory = createMemory()): Sender {
  const family = familyOf(path.destination);
  const [out] = path.links;
  const own = out === undefined ? Infinity : mtuOf(out);
  let learnt = Infinity;
  /** Told less than the least: then DF is no longer set by itself. */
  let locked = false;
  const pathMtu = (): number => Math.min(own, learnt);

  function hear(mtu: number): void {
    if (family === 4 && mtu < LEAST[4]) locked = true;
    learnt = Math.min(learnt, Math.max(mtu, LEAST[family]));
  }

  function go(frames: readonly Frame[], deaf: boolean, train = false): Try {
    const journey = travel(path, frames, memory, world, train);
    const told = journey.icmp.filter(
      ({ to }) => to === "self" || (to === "source" && world.blackHole !== true),
    );
    for (const { mtu } of told) hear(mtu);
    const missing = told.length > 0 && !deaf ? "recv:EMSGSIZE" : "lost";
    return { outcome: journey.arrived ? "delivered" : missing, pathMtu: pathMtu(), journey };
  }

  function send(octets: number, discovery: Discovery): Try {
    const limit = discovery === "probe" ? (out?.mtu ?? Infinity) : pathMtu();
    const whole = discovery === "do" || discovery === "probe";
    const refused: Try = { outcome: "EMSGSIZE", pathMtu: pathMtu(), journey: undefined };
    if (octets > limit && whole) return refused;
    const fits = octets <= limit;
    const df = family === 4 && (whole || (discovery === "want" && fits && !locked));
    const frame: Frame = { family, octets, df, ttl: 64 };
    const pieces = fragments(frame, limit);
    return pieces.length === 0 ? refused : go(pieces, discovery === "dont");
  }

  const segment = (octets: number, train: boolean): Try =>
    go([{ family, octets, df: family === 4, ttl: 64 }], false, train);

  return { family, send, segment, pathMtu };
}
