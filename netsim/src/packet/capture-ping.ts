/** Echoes on a path, as a capture. */
import { createCamera } from "./film.ts";
import type { Path } from "./path.ts";
import { ping, type Ping, type PingOptions } from "./ping.ts";
import { echo, PROTOCOL, type Cargo, type Ends } from "./transport.ts";
import { familyOf } from "./tunnel.ts";

/** Nanoseconds: ping sends one a second. */
const INTERVAL = 1_000_000_000n;
/** The identifier of the echoes: any number would do. */
const ID = 0x4e53;

/** As `ping`, with a pcapng file of all the packets, each once for every device that it passes. */
export function capturePing(
  path: Path,
  options: PingOptions = {},
): { readonly result: Ping; readonly file: Uint8Array } {
  const { size = 56, world = {} } = options;
  const camera = createCamera(world);
  const card = path.links.findIndex((l) => l.kind === "card");
  /** `link`: counted from the path's source. */
  const sourceOn = (link: number): string =>
    path.sourceNat !== undefined && card >= 0 && link >= card ? path.sourceNat : path.source;
  const result = ping(path, {
    ...options,
    watch(way, journey, sequence, reply) {
      if (!reply) camera.seek(INTERVAL * BigInt(sequence - 1));
      const cargo: Cargo = {
        protocol: familyOf(path.destination) === 6 ? PROTOCOL.icmpv6 : PROTOCOL.icmp,
        write: (ends) => echo(reply, ID, sequence, size, ends),
      };
      const ends = (link: number): Ends =>
        reply
          ? { source: path.destination, destination: sourceOn(way.links.length - 1 - link) }
          : { source: sourceOn(link), destination: path.destination };
      camera.take(way, journey, cargo, ends);
    },
  });
  return { result, file: camera.file() };
}
