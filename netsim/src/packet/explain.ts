/** Sentences about a ping and the path it went. */
import type { Fit } from "./fit.ts";
import type { Loss } from "./journey.ts";
import type { Echo, Ping } from "./ping.ts";
import type { Transfer } from "./tcp.ts";

const LOSSES: Readonly<Record<Loss, string>> = {
  "too-big": "it is too big there, and must not be fragmented",
  silent:
    "bridges, switches and the other ends of cables drop what is too big for them (Linux: by more than 4 octets), and tell nobody",
  "bridge-netfilter":
    "it is too big for the bridge's port, and br_netfilter, which cannot fragment it, drops it and tells nobody",
  "outer-too-big":
    "with its outer headers it is too big for what the node knows of the way, an outer header like this must not be fragmented, and this kind of device tells the packet's source nothing",
  "tunnel-too-big": "with its outer headers it would be too big, and it must not be fragmented",
  "no-room": "the MTU has no room for a fragment",
};

const at = (node: string, device: string): string => (node === "" ? device : `${device} of ${node}`);

/** What became of the echoes, why, and what would fit. `blackHole`: ICMP errors were said not to arrive. */
export function explain(
  { echoes, octets, discovery }: Ping,
  fit: Fit,
  tcp: Transfer,
  blackHole: boolean,
): readonly string[] {
  const out: string[] = [];
  const last = echoes.at(-1);
  const first = echoes[0];
  if (last !== undefined && first !== undefined) {
    if (last.outcome === "reply") out.push(piecesText(last, octets));
    const lost = echoes.find((e) => e.lost !== undefined)?.lost;
    if (lost !== undefined) out.push(`${at(lost.node, lost.device)} loses it: ${LOSSES[lost.why as Loss]}.`);
    if (first.outcome === "EMSGSIZE")
      out.push(
        `The sender's own kernel refuses ${octets} octets with -M ${discovery}: its device or its route takes ${first.pathMtu}.`,
      );
    if (first.outcome === "recv:EMSGSIZE" && first.error !== undefined)
      out.push(`ICMP says so: the sender knows a path MTU of ${last.pathMtu} from then on.`);
    if (blackHole && lost?.why !== undefined && (lost.why === "too-big" || lost.why === "tunnel-too-big"))
      out.push(
        "The ICMP error about it does not arrive, so the sender never learns: a PMTU black hole. Let ICMP type 3 code 4 and ICMPv6 type 2 pass, or clamp the MSS of TCP.",
      );
    if (echoes.some((e) => e.outcome === "reply-lost")) out.push("It arrived; the answer got lost.");
  }
  const { largest, whole, pingSize, tightest, blackHole: hole } = fit;
  if (largest > 0)
    out.push(
      `The largest packet that arrives with DF set has ${largest} octets: ping -M do -s ${pingSize}.${tightest === undefined ? "" : ` ${at(tightest.node, tightest.device)} has the least room: MTU ${tightest.mtu}${tightest.overhead === 0 ? "" : `, of which ${tightest.overhead} are for headers of ${tightest.tunnels.join(" in ")}`}.`}`,
    );
  if (whole < largest)
    out.push(
      `From ${whole + 1} octets on the packets around it are fragmented on the way: what drops fragments would lose it.`,
    );
  if (hole !== undefined)
    out.push(
      `Packets of ${hole.from} to ${hole.to} octets with DF set are lost for ever, and nobody says so: lower the pods' MTU to ${largest}.`,
    );
  out.push(
    tcp.received > 0
      ? `TCP offers an MSS of ${tcp.offered} and sends segments of ${tcp.mssAfter}${tcp.mssAfter === tcp.mssAtConnect ? "" : `, after a loss at ${tcp.mssAtConnect}`} octets of data.`
      : `TCP connects and then hangs: segments of ${tcp.mssAtConnect} octets of data never arrive.`,
  );
  return out;
}

function piecesText({ sent, wire, received }: Echo, octets: number): string {
  if (sent === 1 && wire.length === 1) return `A packet of ${octets} octets arrives in one piece.`;
  const own = sent > 1 ? `the sender makes ${sent} fragments of it` : "the sender sends it in one piece";
  const between = wire.length > sent ? `, and there are ${wire.length} between the nodes` : "";
  return `A packet of ${octets} octets arrives: ${own}${between}; ${received === 1 ? "it comes to the other end whole" : `${received} come to the other end`}.`;
}
