/** `ping -s SIZE -M HINT` on a path: what ping would print (iputils), and why. */
import type { Frame } from "./fragment.ts";
import { createMemory, type Journey, type World } from "./journey.ts";
import { layersOf, type NamedLayer } from "./layers.ts";
import { reversePath, type Path } from "./path.ts";
import { createSender, type Discovery, type Outcome } from "./sender.ts";
import { familyOf, HEADER, ipHeader } from "./tunnel.ts";

export interface PingOptions {
  /** Octets of payload, as ping's -s: 56 by default. */
  readonly size?: number;
  /** ping's -M; its default is `want`. */
  readonly discovery?: Discovery;
  readonly count?: number;
  readonly world?: World;
  /** The way of the answers, where it is not the same one turned round. */
  readonly back?: Path;
  /** Told of every packet: the way that it went, and whether it is an answer. */
  readonly watch?: (path: Path, journey: Journey, sequence: number, reply: boolean) => void;
}

export interface Echo {
  readonly sequence: number;
  /** `reply`: it came back. `reply-lost`: it arrived, and the answer did not. */
  readonly outcome: "reply" | "reply-lost" | Outcome;
  /** What the sender knows afterwards. */
  readonly pathMtu: number;
  /** Of the answer, as it arrived. */
  readonly ttl?: number;
  /** The ICMP error: whose, and its MTU. `by` is empty where the path does not say. */
  readonly error?: { readonly by: string; readonly mtu: number };
  /** Packets that the sender made of it, and that the destination got. */
  readonly sent: number;
  readonly received: number;
  /** The packets of the request between the nodes, as their layers. */
  readonly wire: readonly (readonly NamedLayer[])[];
  /** Where it was lost. */
  readonly lost?: { readonly node: string; readonly device: string; readonly why: string };
}

export interface Ping {
  readonly source: string;
  readonly destination: string;
  readonly size: number;
  /** Of the IP packet. */
  readonly octets: number;
  readonly discovery: Discovery;
  readonly echoes: readonly Echo[];
  /** The lines that ping prints, without times. */
  readonly lines: readonly string[];
}

export function ping(path: Path, options: PingOptions = {}): Ping {
  const { size = 56, discovery = "want", count = 1, world = {}, watch } = options;
  const family = familyOf(path.destination);
  const octets = ipHeader(family) + HEADER.icmp + size;
  const memory = createMemory();
  const sender = createSender(path, world, memory);
  const back = options.back ?? reversePath(path);
  const answerer = createSender(back, world, memory);
  const echoes = Array.from({ length: count }, (_, i): Echo => {
    const { outcome, pathMtu, journey } = sender.send(octets, discovery);
    if (journey !== undefined) watch?.(path, journey, i + 1, false);
    const base = { sequence: i + 1, pathMtu, ...countsOf(path, journey) };
    if (outcome !== "delivered") {
      const error = journey?.icmp.find((e) => e.to === "source");
      return {
        ...base,
        outcome,
        ...(outcome === "recv:EMSGSIZE" &&
          error !== undefined && { error: { by: error.by ?? "", mtu: error.mtu } }),
        ...lossOf(path, journey),
      };
    }
    // Linux answers without DF, whatever the question had.
    const reply = answerer.send(octets, "dont");
    if (reply.journey !== undefined) watch?.(back, reply.journey, i + 1, true);
    if (reply.outcome !== "delivered")
      return { ...base, outcome: "reply-lost", ...lossOf(back, reply.journey) };
    const ttl = reply.journey?.sightings.at(-1)?.frame.ttl;
    return { ...base, outcome: "reply", ...(ttl !== undefined && { ttl }) };
  });
  const head = { source: path.source, destination: path.destination, size, octets, discovery, echoes };
  return { ...head, lines: linesOf(head, family) };
}

/** The last link between nodes, or the device with the most headers. */
const outermost = ({ links }: Path): number => {
  const between = links.findLastIndex((l) => l.kind === "wire");
  if (between >= 0) return between;
  const deepest = Math.max(0, ...links.map((l) => l.tunnels.length));
  return links.findIndex((l) => l.tunnels.length === deepest);
};

function countsOf(path: Path, journey: Journey | undefined): Pick<Echo, "sent" | "received" | "wire"> {
  const at = (link: number): readonly Frame[] =>
    (journey?.sightings ?? []).filter((s) => s.link === link).map((s) => s.frame);
  const content = {
    source: path.sourceNat ?? path.source,
    destination: path.destination,
    protocol: "ICMP",
  } as const;
  return {
    sent: at(0).length,
    received: at(path.links.length - 1).length,
    wire: at(outermost(path)).map((frame) => layersOf(frame, content)),
  };
}

function lossOf({ links }: Path, journey: Journey | undefined): Pick<Echo, "lost"> {
  const drop = journey?.drops[0];
  const link = drop === undefined ? undefined : links[drop.link];
  if (drop === undefined || link === undefined) return {};
  return { lost: { node: link.node, device: link.device, why: drop.why } };
}

function linesOf(
  { destination: to, size, octets, echoes }: Omit<Ping, "lines">,
  family: 4 | 6,
): readonly string[] {
  const six = family === 6;
  const out = [
    six ? `PING ${to}(${to}) ${size} data bytes` : `PING ${to} (${to}) ${size}(${octets}) bytes of data.`,
  ];
  for (const { sequence: n, outcome, ttl, error, pathMtu } of echoes) {
    const by = error === undefined || error.by === "" ? "?" : error.by;
    if (outcome === "reply") out.push(`${size + 8} bytes from ${to}: icmp_seq=${n} ttl=${ttl ?? 64}`);
    if (outcome === "EMSGSIZE")
      out.push(`ping: local error: message too long, mtu${six ? ": " : "="}${pathMtu}`);
    if (outcome === "recv:EMSGSIZE" && error !== undefined)
      out.push(
        six
          ? `From ${by} icmp_seq=${n} Packet too big: mtu=${error.mtu}`
          : `From ${by} icmp_seq=${n} Frag needed and DF set (mtu = ${error.mtu})`,
      );
  }
  const replies = echoes.filter((e) => e.outcome === "reply").length;
  const errors = echoes.filter((e) => e.outcome === "EMSGSIZE" || e.outcome === "recv:EMSGSIZE").length;
  const loss = echoes.length === 0 ? 0 : Math.floor((100 * (echoes.length - replies)) / echoes.length);
  const told = errors > 0 ? `+${errors} errors, ` : "";
  out.push(
    "",
    `--- ${to} ping statistics ---`,
    `${echoes.length} packets transmitted, ${replies} received, ${told}${loss}% packet loss`,
  );
  return out;
}

/** Runs of sizes that fare alike. */
export interface Sweep {
  readonly from: number;
  readonly to: number;
  readonly outcomes: readonly Echo["outcome"][];
  readonly sent: number;
  /** Packets between the nodes, for one. */
  readonly wire: number;
  readonly received: number;
}

/** Every payload size from `least` to `most`, each on a fresh path. */
export function sweep(path: Path, least: number, most: number, options: PingOptions = {}): readonly Sweep[] {
  const runs: Sweep[] = [];
  for (let size = least; size <= most; size++) {
    const { echoes } = ping(path, { ...options, size });
    const last = echoes.at(-1);
    const run = {
      outcomes: echoes.map((e) => e.outcome),
      sent: last?.sent ?? 0,
      wire: last?.wire.length ?? 0,
      received: last?.received ?? 0,
    };
    const before = runs.at(-1);
    const same =
      before !== undefined &&
      before.outcomes.join() === run.outcomes.join() &&
      before.sent === run.sent &&
      before.wire === run.wire &&
      before.received === run.received;
    if (same) runs[runs.length - 1] = { ...before, to: size };
    else runs.push({ from: size, to: size, ...run });
  }
  return runs;
}
