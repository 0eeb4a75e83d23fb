/** IP packets and their fragments, as far as sizes go. */
import type { Tunnel } from "./path.ts";
import { HEADER, ipHeader } from "./tunnel.ts";

/**
 * An IP packet on a link. `octets`: its total length, header included. `df`: must not be fragmented on the way (IPv4's flag).
 * `inside`: what an encapsulation carries. `part`: the piece that a fragment is: `offset` in octets of the payload of `of`, the
 * whole packet; `more`: another follows.
 */
export interface Frame {
  readonly family: 4 | 6;
  readonly octets: number;
  readonly df: boolean;
  readonly ttl: number;
  readonly inside?: { readonly tunnel: Tunnel; readonly frame: Frame; readonly deviceMtu: number };
  readonly part?: { readonly of: Frame; readonly offset: number; readonly more: boolean };
}

export const payloadOf = (frame: Frame): number =>
  frame.octets -
  ipHeader(frame.family) -
  (frame.family === 6 && frame.part !== undefined ? HEADER.ipv6Fragment : 0);

/**
 * The packet as packets that a link of `mtu` takes: itself where it fits, else fragments whose payloads are multiples of 8
 * octets but for the last (RFC 791 section 3.2; RFC 8200 section 4.5). A fragment of a fragment is one of the whole packet.
 * Whether fragmenting is allowed is the caller's question. None where `mtu` leaves no room.
 */
export function fragments(frame: Frame, mtu: number): readonly Frame[] {
  if (frame.octets <= mtu) return [frame];
  const header = ipHeader(frame.family) + (frame.family === 6 ? HEADER.ipv6Fragment : 0);
  const most = Math.floor((mtu - header) / 8) * 8;
  if (most <= 0) return [];
  const whole = frame.part?.of ?? frame;
  const start = frame.part?.offset ?? 0;
  const after = frame.part?.more ?? false;
  const total = payloadOf(frame);
  const pieces: Frame[] = [];
  for (let at = 0; at < total; at += most) {
    const size = Math.min(most, total - at);
    const more = at + size < total || after;
    pieces.push({
      family: frame.family,
      octets: header + size,
      df: frame.df,
      ttl: frame.ttl,
      part: { of: whole, offset: start + at, more },
    });
  }
  return pieces;
}
