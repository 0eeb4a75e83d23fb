/**
 * A camera at every device of a path: what packets look like there, as a capture. Times and identifications are made up, and the
 * same each time.
 */
import type { Frame } from "./fragment.ts";
import { travel, type Icmp, type Journey, type Memory, type World } from "./journey.ts";
import { createWriter, ethernet, type Writer } from "./octets.ts";
import { reversePath, type Link, type Path } from "./path.ts";
import { pcapng, type Captured, type Interface } from "./pcapng.ts";
import { icmpError, PROTOCOL, type Cargo, type Ends } from "./transport.ts";
import { familyOf, ipHeader } from "./tunnel.ts";

/** 14 November 2023, 22:13:20 UTC. */
const BEGINNING = 1_700_000_000_000_000_000n;
/** Nanoseconds from one device to the next: within a node, and between nodes. */
const STEP = { near: 2_000n, far: 50_000n } as const;

export interface Camera {
  /** Nanoseconds since the beginning. */
  now(): bigint;
  wait(nanoseconds: bigint): void;
  /** Goes to a moment, which may be earlier: what happens at the same time is taken one after the other. */
  seek(nanoseconds: bigint): void;
  /**
   * Takes what `journey` saw of one packet, from the moment that it left. `ends`: the packet's addresses on each link of the
   * path, where translation changes them.
   */
  take(path: Path, journey: Journey, cargo: Cargo, ends: (link: number) => Ends, comment?: string): void;
  file(): Uint8Array;
}

/** `world`: where ICMP errors do not arrive, none are seen. */
export function createCamera(world: World = {}): Camera {
  const writer = createWriter();
  const interfaces: Interface[] = [];
  const numbers = new Map<string, number>();
  const taken: Captured[] = [];
  let clock = 0n;

  function numberOf(path: Path, at: number): number {
    const { node, device, kind, mtu, mac, says } = path.links[at]!;
    // Many pods of a node have a device of that name.
    const whose = kind !== "pod" ? "" : ` (pod ${at === 0 ? path.source : path.destination})`;
    const name = `${node === "" ? "" : `${node}/`}${device}${whose}`;
    const known = numbers.get(name);
    if (known !== undefined) return known;
    const bare =
      mac === undefined && kind === "tunnel"
        ? "; packets have no Ethernet header there, zeros stand for one"
        : "";
    numbers.set(name, interfaces.length);
    interfaces.push({ name, description: `${says}; MTU ${mtu}${bare}` });
    return interfaces.length - 1;
  }

  function take(
    path: Path,
    journey: Journey,
    cargo: Cargo,
    ends: (link: number) => Ends,
    comment?: string,
  ): void {
    const start = clock;
    let noted = comment;
    for (const { link: at, frame } of journey.sightings) {
      const link = path.links[at]!;
      const time = start + delay(path, at);
      if (time > clock) clock = time;
      const lost = journey.drops.find((d) => d.link === at + 1 && d.frame === frame);
      const notes = [
        noted,
        lost === undefined ? undefined : `lost at ${path.links[at + 1]?.device}: ${lost.why}`,
      ];
      noted = undefined;
      const said = notes.filter((n) => n !== undefined).join("; ");
      taken.push({
        interface: numberOf(path, at),
        time: BEGINNING + time,
        bytes: ethernet(link.mac, frame.family, writer.write(frame, cargo, ends(at))),
        ...(said !== "" && { comment: said }),
      });
    }
    if (world.blackHole === true) return;
    for (const error of journey.icmp.filter((e) => e.to !== "self")) report(path, error, cargo, ends, writer);
  }

  /** ICMP errors, back to whoever made the packet that was too big. */
  function report(path: Path, error: Icmp, cargo: Cargo, ends: (link: number) => Ends, writer: Writer): void {
    const { link: at, about, mtu, by } = error;
    const outer = error.to === "tunnel" ? outermost(about) : undefined;
    const addresses = outer ?? ends(Math.max(0, at - 1));
    const back = reversePath({ ...path, links: path.links.slice(0, at) });
    // Where the tunnel began, the error about its packet ends.
    const depth = back.links[0]?.tunnels.length ?? 0;
    const stop =
      outer === undefined ? back.links.length : back.links.findIndex((l) => l.tunnels.length < depth);
    const links = (stop < 0 ? back.links : back.links.slice(0, stop)).map((l) =>
      outer === undefined ? l : { ...l, tunnels: [] },
    );
    const own =
      by !== undefined && familyOf(by) === familyOf(addresses.source)
        ? by
        : signature(path.links[at], addresses);
    const to = { source: own, destination: addresses.source };
    const quoted = writer.write(about, cargo, ends(Math.max(0, at - 1)));
    const packet: Cargo = {
      protocol: familyOf(own) === 6 ? PROTOCOL.icmpv6 : PROTOCOL.icmp,
      write: (e) => icmpError("too-big", mtu, quoted, e),
    };
    if (links.length === 0) return;
    film(
      { take },
      { ...back, links },
      packet,
      () => to,
      undefined,
      `MTU ${mtu} at ${path.links[at]?.device}`,
    );
  }

  return {
    now: () => clock,
    wait: (nanoseconds) => void (clock += nanoseconds),
    seek: (nanoseconds) => void (clock = nanoseconds),
    take,
    file: () =>
      pcapng(
        interfaces,
        [...taken].sort((a, b) => Number(a.time - b.time)),
      ),
  };
}

const outermost = (frame: Frame): Ends | undefined => {
  const tunnel = (frame.part?.of ?? frame).inside?.tunnel;
  return tunnel === undefined ? undefined : { source: tunnel.source, destination: tunnel.destination };
};

/** An address for a router of which none is known: from the ranges for documentation (RFC 5737, RFC 3849). */
const signature = (link: Link | undefined, { source }: Ends): string =>
  link?.address !== undefined && familyOf(link.address) === familyOf(source)
    ? link.address
    : familyOf(source) === 6
      ? "2001:db8::1"
      : "192.0.2.1";

function delay({ links }: Path, at: number): bigint {
  let sum = 0n;
  for (let i = 1; i <= at; i++) sum += links[i]?.node === links[i - 1]?.node ? STEP.near : STEP.far;
  return sum;
}

export interface Filmed {
  readonly memory?: Memory;
  readonly world?: World;
}

/** Sends a packet of `cargo` down the path under the camera's eyes. */
export function film(
  camera: Pick<Camera, "take">,
  path: Path,
  cargo: Cargo,
  ends: (link: number) => Ends,
  { memory = { outer: new Map(), inner: new Map() }, world }: Filmed = {},
  comment?: string,
): Journey {
  const family = familyOf(ends(0).source);
  const octets = ipHeader(family) + cargo.write(ends(0)).length;
  const journey = travel(path, [{ family, octets, df: family === 4, ttl: 64 }], memory, world);
  camera.take(path, journey, cargo, ends, comment);
  return journey;
}
