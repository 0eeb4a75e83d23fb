/** `netsim ping FROM TO FILES...`: whether a packet of a size gets through, and what ping would say. */
import { writeFileSync } from "node:fs";
import { capturePing } from "../packet/capture-ping.ts";
import { explain } from "../packet/explain.ts";
import { fitOf, type Fit } from "../packet/fit.ts";
import type { World } from "../packet/journey.ts";
import { boxText } from "../packet/layers.ts";
import type { Path } from "../packet/path.ts";
import { ping, sweep, type Ping, type Sweep } from "../packet/ping.ts";
import { createSender, DISCOVERY } from "../packet/sender.ts";
import { transfer, type Transfer } from "../packet/tcp.ts";
import { familyOf, HEADER, ipHeader } from "../packet/tunnel.ts";
import { loadInput, reportProblems, writeAll } from "./input.ts";
import { NETWORK_OPTIONS, networkOptions } from "./network-options.ts";
import { networkOf, pathFor, pathOf, wayBack, wholeNumber } from "./network.ts";
import { choice, readArgs, UsageError } from "./usage.ts";

const MOST_ECHOES = 1000;
/** A kilobyte and a half takes TCP a few segments; a megabyte shows nothing else. */
const TRANSFER = 200_000;

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, {
    size: { type: "string", short: "s" },
    pmtudisc: { type: "string", short: "M" },
    count: { type: "string", short: "c" },
    sweep: { type: "boolean" },
    "black-hole": { type: "boolean" },
    "bridge-netfilter": { type: "boolean" },
    "clamp-mss": { type: "string" },
    "ip-family": { type: "string" },
    json: { type: "boolean" },
    pcap: { type: "string" },
    ...NETWORK_OPTIONS,
  });
  const [from, to, ...files] = positionals;
  if (from === undefined || to === undefined)
    throw new UsageError("needs FROM, TO and FILES (see `netsim help ping`)");
  const size = wholeNumber("-s", values.size, 0, 65_507) ?? 56;
  const count = wholeNumber("-c", values.count, 1, MOST_ECHOES) ?? 3;
  const discovery = choice("pmtudisc", values.pmtudisc, DISCOVERY) ?? "want";
  const family = choice("ip-family", values["ip-family"], ["4", "6"]);
  const given = values["clamp-mss"];
  const clamp = given === "pmtu" ? given : wholeNumber("--clamp-mss", given, 1, 65_535);
  const world: World = {
    blackHole: values["black-hole"] === true,
    bridgeNetfilter: values["bridge-netfilter"] === true,
  };
  const cluster = loadInput(files);
  reportProblems(cluster.problems);
  const network = networkOf(cluster, networkOptions(values));
  const walked = await pathFor(
    network,
    from,
    to,
    family === undefined ? undefined : family === "4" ? "IPv4" : "IPv6",
  );
  const path = pathOf(walked);
  const back = wayBack(network, walked);
  const options = { size, count, discovery, world, ...back };
  const result = values.pcap === undefined ? ping(path, options) : captured(values.pcap, path, options);
  if (path.lost !== undefined || path.links.length === 0) {
    const why = path.lost ?? `${from} is ${to}: packets to itself never leave it`;
    const json = { cni: network.cni, ...result, unreachable: path.lost ?? null, path };
    await writeAll([
      values.json === true ? `${JSON.stringify(json, null, 1)}\n` : `${result.lines.join("\n")}\n\n${why}\n`,
    ]);
    return 0;
  }
  const fit = fitOf(path, world);
  const tcp = transfer(path, TRANSFER, createSender(path, world), {
    ...back,
    ...(clamp !== undefined && { clamp }),
  });
  const swept = values.sweep === true ? sweep(path, 0, mostPayload(path), options) : undefined;
  const text =
    values.json === true
      ? `${JSON.stringify(asJson(network.cni, path, result, fit, tcp, swept), null, 1)}\n`
      : asText(result, fit, tcp, swept, world);
  await writeAll([text]);
  return 0;
}

function captured(file: string, path: Path, options: Parameters<typeof capturePing>[1]): Ping {
  const { result, file: bytes } = capturePing(path, options);
  writeCapture(file, bytes);
  return result;
}

export function writeCapture(file: string, bytes: Uint8Array): void {
  try {
    writeFileSync(file, bytes);
  } catch (error) {
    throw new UsageError(`${file}: cannot be written: ${(error as Error).message}`);
  }
}

/** A little more than the sender's device takes. */
const mostPayload = ({ links, destination }: Path): number =>
  (links[0]?.mtu ?? 1500) - ipHeader(familyOf(destination)) - HEADER.icmp + 8;

const asJson = (
  cni: string,
  path: Path,
  result: Ping,
  fit: Fit,
  tcp: Transfer,
  swept: readonly Sweep[] | undefined,
): object => ({ cni, ...result, fit, tcp, path, ...(swept !== undefined && { sweep: swept }) });

function asText(
  result: Ping,
  fit: Fit,
  tcp: Transfer,
  swept: readonly Sweep[] | undefined,
  { blackHole = false }: World,
): string {
  const wire = result.echoes.find((e) => e.wire.length > 0)?.wire ?? [];
  const shown = swept === undefined ? [] : [table(sweepRows(swept))];
  return `${[
    result.lines.join("\n"),
    explain(result, fit, tcp, blackHole).join("\n"),
    table(chainRows(fit)),
    ...shown,
    ...wire.slice(0, 4).map(boxText),
  ].join("\n\n")}\n`;
}

const chainRows = ({ chain }: Fit): readonly (readonly string[])[] => [
  ["node", "device", "MTU", "headers", "room", "inside"],
  ...chain.map((s) => [
    s.node === "" ? "-" : s.node,
    s.device,
    String(s.mtu),
    String(s.overhead),
    String(s.room),
    s.tunnels.join(" in ") || "-",
  ]),
];

const sweepRows = (swept: readonly Sweep[]): readonly (readonly string[])[] => [
  ["-s", "outcomes", "sent", "between nodes", "received"],
  ...swept.map((s) => [
    s.from === s.to ? String(s.from) : `${s.from}-${s.to}`,
    s.outcomes.join(", "),
    String(s.sent),
    String(s.wire),
    String(s.received),
  ]),
];

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((r) => r[i]!.length)));
  return rows
    .map((r) =>
      r
        .map((c, i) => c.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
