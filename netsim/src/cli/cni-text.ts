/** What `netsim cni` prints for people. */
import { isV6 } from "../cni/address.ts";
import type { Reach } from "../cni/check.ts";
import { bridgeFdb, ipLink, ipNeigh, ipRoute, ipRule } from "../cni/iproute.ts";
import type { Network } from "../cni/network.ts";
import { overheadOfAll } from "../cni/overhead.ts";
import type { BgpReport, CreationEvent, Finding, NodeRange, Place } from "../cni/types.ts";
import type { Walk } from "../cni/walk.ts";

export function findingText({ severity, code, text, object, file, line }: Finding): string {
  const place =
    file === undefined || file === "" ? "" : `${file}${line === undefined || line === 0 ? "" : `:${line}`}: `;
  return `${place}${severity}: ${object === undefined || text.includes(object) ? "" : `${object}: `}${text} [${code}]`;
}

export const eventText = ({ actor, action, says, object }: CreationEvent, i: number): string =>
  [
    `${String(i + 1).padStart(2)}  ${actor}: ${action}: ${says}`,
    ...(object === undefined ? [] : [`      ${JSON.stringify(object)}`]),
  ].join("\n");

export function wayText({ path: { source, destination, links, sourceNat }, outcome, why }: Walk): string {
  const rows = links.map((l) => [
    l.node === "" ? "-" : l.node,
    l.device,
    String(Math.min(l.mtu, l.routeMtu ?? Infinity)),
    l.tunnels
      .map((t) => `${t.kind} ${t.source} -> ${t.destination}${t.port === undefined ? "" : `:${t.port}`}`)
      .join(", ") || "-",
    String(overheadOfAll(l.tunnels)),
    l.says,
  ]);
  const nat = sourceNat === undefined ? `as itself (no NAT)` : `the source becomes ${sourceNat}`;
  const end =
    outcome === "delivered"
      ? `delivered, ${nat}`
      : outcome === "outside"
        ? `leaves the cluster, ${nat}`
        : `dropped: ${why}`;
  return `${source} -> ${destination}\n${columns([["node", "device", "mtu", "around the packet", "octets", ""], ...rows])}\n${end}\n`;
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((r) => (r[i] ?? "").length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export const tablesOf = (place: Place, table = "main") => ({
  link: ipLink(place),
  route: ipRoute(place, { table }),
  route6: ipRoute(place, { v6: true, table }),
  rule: ipRule(place),
  neigh: ipNeigh(place),
  fdb: bridgeFdb(place),
  sysctl: place.sysctls.map((s) => `${s.key} = ${s.value}`),
  masquerade: place.masquerade.map((m) => `from ${m.from} to anything but ${m.except.join(", ")}: ${m.says}`),
});

export function sectionText(
  place: Place,
  tables: ReturnType<typeof tablesOf>,
  v6: boolean | undefined,
  table?: string,
): string {
  const show = table === undefined ? "" : ` show table ${table}`;
  const sections: [string, readonly string[]][] = [
    ["ip -d link", tables.link],
    ...(v6 === true ? [] : [[`ip route${show}`, tables.route] as [string, readonly string[]]]),
    ...(v6 === false ? [] : [[`ip -6 route${show}`, tables.route6] as [string, readonly string[]]]),
    ...(place.rules.length === 0 ? [] : [["ip rule", tables.rule] as [string, readonly string[]]]),
    ["ip neigh", tables.neigh.filter((l) => v6 === undefined || isV6(l.split(" ")[0] ?? "") === v6)],
    ["bridge fdb show", tables.fdb],
    ["sysctl", tables.sysctl],
    ["# source NAT", tables.masquerade],
  ];
  const shown = sections
    .filter(([, lines]) => lines.length > 0)
    .map(([command, lines]) => `${place.kind} ${place.name}$ ${command}\n${lines.join("\n")}\n`);
  return shown.join("\n");
}

export function checkText(
  network: Network,
  { pairs, walked, lost, translated }: Reach,
  findings: readonly Finding[],
): string {
  const of =
    walked === pairs
      ? `${pairs} pairs of pods`
      : `${pairs} pairs of pods, by ${walked} ways (pods of a node and a block take the same)`;
  return [
    `${network.cni}${network.assumed ? " (assumed: no object of a CNI in the input)" : ""}, ${network.context.nodes.length} nodes, ${network.context.pods.length} pods`,
    `${of}: ${lost.length === 0 ? "all reach each other" : `${lost.length} do not`}, ${translated.length === 0 ? "all are seen by their own address" : `${translated.length} are not seen by their own address`}`,
    ...findings.map(findingText),
    "",
  ].join("\n");
}

export function bgpText({ sessions, routes }: BgpReport): string {
  const end = ({ name, as, routeReflector }: BgpReport["sessions"][number]["ends"][number]) =>
    `${name} (AS ${as}${routeReflector === null ? "" : `, reflector of ${routeReflector}`})`;
  const spoken = sessions.map(({ ends, family, kind, by }) => [...ends.map(end), family, kind, by]);
  const learned = routes.map(({ node, prefix, origin, from }) => [node, prefix, origin, from ?? "nobody"]);
  return `${columns([["session", "with", "family", "kind", "by"], ...spoken])}\n\n${columns([["node", "block", "of", "learned from"], ...learned])}\n`;
}

export function ipamText(ranges: readonly (NodeRange & { readonly pods: number })[]): string {
  const rows = ranges.map(({ range, node, pool, from, pods, borrowed }) => [
    range,
    node,
    pool ?? "-",
    String(pods),
    borrowed.join(", ") || "-",
    from,
  ]);
  return `${columns([["range", "node", "pool", "pods", "borrowed by others", "known by"], ...rows])}\n`;
}
