/** TCP on a path: the size of its segments, and whether a transfer gets through. */
import { mtuOf } from "./journey.ts";
import type { Path } from "./path.ts";
import { createSender, type Sender } from "./sender.ts";
import { familyOf, HEADER, ipHeader } from "./tunnel.ts";

export interface Transfer {
  /** Octets of data in a full segment: path MTU less IP, TCP and timestamps (RFC 9293 section 3.7.1, RFC 6691). */
  readonly mssAtConnect: number;
  readonly mssAfter: number;
  /** What both ends put into their SYNs: of their own devices, or what a node clamps it to. */
  readonly offered: number;
  /** All that was sent, or 0 where not one full segment gets through: handshake done, then silence. */
  readonly received: number;
  readonly segments: number;
}

export interface TransferOptions {
  /** A node rewrites the MSS of SYNs (`TCPMSS --set-mss`), or to its route's path MTU (`--clamp-mss-to-pmtu`). */
  readonly clamp?: number | "pmtu";
  /** The way of the answers, where it is not the same one turned round: its first device makes the other end's MSS. */
  readonly back?: Path;
}

/** Retransmissions that count: each doubles its wait, so a dozen are a quarter of an hour (RFC 6298, tcp_retries2). */
const RETRIES = 12;

/**
 * A connection from the path's source that sends `octets`. `sender` keeps what it has learnt; without one, a fresh one. The
 * first full segments go out as a train that the card cuts, a retransmission alone.
 */
export function transfer(
  path: Path,
  octets: number,
  sender: Sender = createSender(path),
  { clamp, back }: TransferOptions = {},
): Transfer {
  const headers = ipHeader(familyOf(path.destination)) + HEADER.tcp;
  const ends = [path.links[0], back?.links[0] ?? path.links.at(-1)].map((l) =>
    l === undefined ? Infinity : mtuOf(l),
  );
  const forwarded = Math.min(...path.links.filter((l) => l.tunnels.length === 0).map(mtuOf));
  const limit = clamp === "pmtu" ? forwarded - headers : (clamp ?? Infinity);
  const offered = Math.min(...ends.map((mtu) => mtu - headers), limit);
  const mss = (): number => Math.min(sender.pathMtu() - headers, offered) - HEADER.tcpTimestamps;
  const mssAtConnect = mss();
  for (let retry = 0; retry < RETRIES; retry++) {
    const { outcome } = sender.segment(mss() + HEADER.tcpTimestamps + headers, retry === 0);
    if (outcome === "delivered")
      return {
        mssAtConnect,
        mssAfter: mss(),
        offered,
        received: octets,
        segments: Math.ceil(octets / mss()),
      };
  }
  return { mssAtConnect, mssAfter: mss(), offered, received: 0, segments: 0 };
}
