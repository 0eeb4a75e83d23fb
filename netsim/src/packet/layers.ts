/** A frame's headers, outermost first, and a picture of them. */
import type { Frame } from "./fragment.ts";
import { payloadOf } from "./fragment.ts";
import { HEADER, ipHeader, isTransport, wrap, type Layer } from "./tunnel.ts";

/** `scope`: added by an encapsulation, or the packet's own. */
export interface NamedLayer extends Layer {
  readonly scope: "outer" | "inner";
}

/** What the packet itself carries. `ports` of UDP, TCP, SCTP. */
export interface Content {
  readonly source: string;
  readonly destination: string;
  readonly protocol: "ICMP" | "UDP" | "TCP" | "SCTP";
  readonly ports?: readonly [source: number, destination: number];
}

const OWN = { ICMP: HEADER.icmp, UDP: HEADER.udp, TCP: HEADER.tcp, SCTP: 12 } as const;

/**
 * The layers of a frame, from its outermost IP header; their octets add up to the frame's. A fragment has its own IP header and
 * a piece of what the whole packet carries.
 */
export function layersOf(frame: Frame, content: Content): readonly NamedLayer[] {
  return walk(
    frame,
    content,
    frame.inside === undefined && frame.part?.of.inside === undefined ? "inner" : "outer",
  );
}

function walk(frame: Frame, content: Content, scope: NamedLayer["scope"]): readonly NamedLayer[] {
  const { part, inside, family } = frame;
  if (part !== undefined) {
    const first = walk({ ...part.of, ttl: frame.ttl }, content, scope)[0];
    const name = part.offset === 0 ? "first piece" : "piece";
    return [
      {
        name: `IPv${family}`,
        octets: ipHeader(family),
        scope,
        fields: { ...first?.fields, offset: part.offset },
      },
      ...(family === 6
        ? [{ name: "Fragment", octets: HEADER.ipv6Fragment, scope, fields: { offset: part.offset } }]
        : []),
      { name, octets: payloadOf(frame), scope, fields: {} },
    ];
  }
  if (inside !== undefined) {
    const { before, after } = wrap(inside.tunnel, inside.frame.octets, inside.deviceMtu, inside.frame.family);
    const own = walk(inside.frame, content, inside.frame.inside === undefined ? "inner" : "outer");
    const outer = (list: readonly Layer[]): NamedLayer[] => list.map((l) => ({ ...l, scope: "outer" }));
    return isTransport(inside.tunnel)
      ? [...own.slice(0, 1), ...outer(before), ...own.slice(1), ...outer(after)]
      : [...outer(before), ...own, ...outer(after)];
  }
  const { source, destination, protocol, ports } = content;
  const upper = Math.min(OWN[protocol], payloadOf(frame));
  const data = payloadOf(frame) - upper;
  const name = protocol === "ICMP" && family === 6 ? "ICMPv6" : protocol;
  return [
    { name: `IPv${family}`, octets: ipHeader(family), scope, fields: { source, destination } },
    {
      name,
      octets: upper,
      scope,
      fields: ports === undefined ? {} : { source: ports[0], destination: ports[1] },
    },
    ...(data > 0 ? [{ name: "data", octets: data, scope, fields: {} }] : []),
  ];
}

/** The picture: a cell a layer, with what it says and its octets; over it who made which. */
export function boxText(layers: readonly NamedLayer[]): string {
  const cells = layers.map((l) => [l.name, fieldText(l), String(l.octets)]);
  const widths = cells.map((c) => Math.max(...c.map((line) => line.length)));
  const line = (left: string, middle: string, right: string) =>
    left + widths.map((w) => "─".repeat(w + 2)).join(middle) + right;
  const row = (n: number) => `│${cells.map((c, i) => ` ${c[n]!.padEnd(widths[i]!)} `).join("│")}│`;
  const inner = layers.findIndex((l) => l.scope === "inner");
  const before = widths.slice(0, Math.max(0, inner)).reduce((sum, w) => sum + w + 3, 0);
  const heading = inner > 0 ? [`${"outer".padEnd(before)}inner`.trimEnd()] : [];
  const rows = [0, 1, 2].filter((n) => n !== 1 || cells.some((c) => c[1] !== ""));
  return [...heading, line("┌", "┬", "┐"), ...rows.map(row), line("└", "┴", "┘")].join("\n");
}

function fieldText({ fields }: Layer): string {
  const { source, destination, ...others } = fields;
  const ends = source === undefined || destination === undefined ? [] : [`${source} → ${destination}`];
  return [...ends, ...Object.entries(others).map(([k, v]) => `${k} ${v}`)].join(", ");
}
