/** What two ends say to each other over a path, as packets: datagrams, TCP with its handshake, refusals. */
import { text, type Bytes } from "./bytes.ts";
import { film, type Camera } from "./film.ts";
import { createMemory, mtuOf, type World } from "./journey.ts";
import { reversePath, type Link, type Path } from "./path.ts";
import { FLAG, icmpError, PROTOCOL, tcp, udp, type Cargo, type Ends } from "./transport.ts";
import { ipPacket } from "./octets.ts";
import { familyOf, HEADER, ipHeader } from "./tunnel.ts";

export interface Socket {
  readonly address: string;
  readonly port: number;
}

/**
 * Two ends. `server` is where the packets go, `asked` whom the client believes it talks to: a Service's address, which the
 * client's node translates. `seen`: the client's address behind that translation, where it changes the source too.
 */
export interface Talk {
  readonly path: Path;
  /** The way of the answers, where it is not the same one turned round. */
  readonly back?: Path;
  readonly client: Socket;
  readonly server: Socket;
  readonly asked?: Socket;
  readonly seen?: string;
  readonly world?: World;
}

/** The same talk on a part of its path; answers come back over that part. */
export const within = ({ client, server, asked, seen, world }: Talk, path: Path): Talk => ({
  path,
  client,
  server,
  ...(asked !== undefined && { asked }),
  ...(seen !== undefined && { seen }),
  ...(world !== undefined && { world }),
});

/** Nanoseconds that an end takes to answer. */
const THINKING = 100_000n;

const isOwnDevice = ({ kind }: Link): boolean => kind === "pod" || kind === "veth" || kind === "bridge";

/** What a packet of the talk says on a link of the path (counted from the client): translation is done behind the veth. */
function endsOn({ path, client, server, asked, seen }: Talk): (link: number) => readonly [Socket, Socket] {
  const first = path.links[0]?.node;
  const leaves = path.links.findIndex((l) => !isOwnDevice(l) || l.node !== first);
  const behind = path.links.findIndex((l, i) => i > 1 && l.kind !== "bridge");
  const translated = Math.min(...[leaves, behind].map((n) => (n < 0 ? path.links.length : n)));
  const card = path.links.findIndex((l) => l.kind === "card");
  return (link) => {
    const outside = card >= 0 && link >= card ? path.sourceNat : undefined;
    const address = outside ?? (link >= translated ? seen : undefined) ?? client.address;
    return [{ ...client, address }, link < translated && asked !== undefined ? asked : server];
  };
}

export interface Speaker {
  /** One packet; whether it arrived. */
  say(fromClient: boolean, cargo: Cargo, comment?: string): boolean;
}

export function createSpeaker(camera: Camera, talk: Talk): Speaker {
  const { path, world } = talk;
  const memory = createMemory();
  const on = endsOn(talk);
  const back = talk.back ?? reversePath(path);
  const last = back.links.length - 1;
  return {
    say(fromClient, cargo, comment) {
      const ends = (link: number): Ends => {
        const [client, server] = on(fromClient ? link : last - link);
        const [from, to] = fromClient ? [client, server] : [server, client];
        return { source: from.address, destination: to.address, ports: [from.port, to.port] };
      };
      const filmed = { memory, ...(world !== undefined && { world }) };
      const journey = film(camera, fromClient ? path : back, cargo, ends, filmed, comment);
      camera.wait(THINKING);
      return journey.arrived;
    },
  };
}

export const datagram = (payload: Bytes): Cargo => ({
  protocol: PROTOCOL.udp,
  write: (ends) => udp(payload, ends),
});

export interface Request {
  readonly payload: Bytes;
  readonly comment?: string;
}

export interface TcpTalk {
  /** What the client sends, and what it is answered, in turns; `meanwhile`: what the server does before it answers. */
  readonly turns: readonly {
    readonly ask: Request;
    readonly meanwhile?: () => void;
    readonly answer?: Request;
  }[];
  /** The server breaks off. */
  readonly reset?: string;
}

/** A connection from SYN to FIN, as far as its packets arrive. Segments are no larger than both ends' MSS. */
export function tcpTalk(camera: Camera, talk: Talk, { turns, reset }: TcpTalk, comment?: string): void {
  const speaker = createSpeaker(camera, talk);
  const { path, client, server } = talk;
  const headers = ipHeader(familyOf(client.address)) + HEADER.tcp;
  const mssOf = (link: Link | undefined): number =>
    Math.max(1, (link === undefined ? 1500 : mtuOf(link)) - headers);
  const offers = [mssOf(path.links[0]), mssOf(talk.back?.links[0] ?? path.links.at(-1))] as const;
  const most = Math.min(...offers) - HEADER.tcpTimestamps;
  const initial = [client.port * 65_537, server.port * 131_071];
  const next = initial.map((n) => n >>> 0);
  const clock = (): number => Number(camera.now() / 1_000_000n) + 1;
  let heard = 0;

  function segment(
    side: 0 | 1,
    flags: number,
    extra: { mss?: number; payload?: Bytes } = {},
    note?: string,
  ): boolean {
    const seq = next[side]!;
    const ack = (flags & FLAG.ack) === 0 ? 0 : next[1 - side]!;
    const own = clock();
    const clocks = (flags & FLAG.rst) === 0 ? { clock: [own, heard] as const } : {};
    const cargo: Cargo = {
      protocol: PROTOCOL.tcp,
      write: (ends) => tcp({ seq, ack, flags, ...clocks, ...extra }, ends),
    };
    const arrived = speaker.say(side === 0, cargo, note);
    if (!arrived) return false;
    heard = own;
    next[side] = (seq + (extra.payload?.length ?? 0) + ((flags & (FLAG.syn | FLAG.fin)) === 0 ? 0 : 1)) >>> 0;
    return true;
  }

  /** All of it, in segments, and that it was received; false where one was lost. */
  function send(side: 0 | 1, { payload, comment: note }: Request): boolean {
    for (let at = 0; at < payload.length; at += most) {
      const piece = payload.subarray(at, at + most);
      const flags = FLAG.ack | (at + most >= payload.length ? FLAG.psh : 0);
      if (!segment(side, flags, { payload: piece }, at === 0 ? note : undefined)) return false;
    }
    return segment(side === 0 ? 1 : 0, FLAG.ack);
  }

  if (!segment(0, FLAG.syn, { mss: offers[0] }, comment)) return;
  if (!segment(1, FLAG.syn | FLAG.ack, { mss: offers[1] }) || !segment(0, FLAG.ack)) return;
  for (const { ask, meanwhile, answer } of turns) {
    if (!send(0, ask)) return;
    meanwhile?.();
    if (answer !== undefined && !send(1, answer)) return;
  }
  if (reset !== undefined) return void segment(1, FLAG.rst | FLAG.ack, {}, reset);
  if (!segment(0, FLAG.fin | FLAG.ack) || !segment(1, FLAG.fin | FLAG.ack)) return;
  segment(0, FLAG.ack);
}

/** The first packet of a connection that nobody lets through; `refusal`: ICMP "port unreachable" in return, from that address. */
export function stopped(camera: Camera, talk: Talk, first: Cargo, comment: string, refusal?: string): void {
  const speaker = createSpeaker(camera, talk);
  const arrived = speaker.say(true, first, comment);
  if (refusal === undefined || !arrived) return;
  const asked = talk.asked ?? talk.server;
  const ends: Ends = {
    source: talk.client.address,
    destination: asked.address,
    ports: [talk.client.port, asked.port],
  };
  const six = familyOf(ends.source) === 6;
  const quoted = ipPacket(
    { ends, protocol: first.protocol, ttl: 64, id: 0, df: !six, fragment: undefined },
    first.write(ends),
  );
  const cargo: Cargo = {
    protocol: six ? PROTOCOL.icmpv6 : PROTOCOL.icmp,
    write: () => icmpError("port", 0, quoted, { source: refusal, destination: talk.client.address }),
  };
  const source = { address: refusal, port: 0 };
  createSpeaker(camera, { ...talk, server: source, asked: source }).say(false, cargo, "port unreachable");
}

/** A SYN as the first packet of a connection. */
export const syn = (mss: number): Cargo => ({
  protocol: PROTOCOL.tcp,
  write: (ends) =>
    tcp({ seq: (ends.ports?.[0] ?? 0) * 65_537, ack: 0, flags: FLAG.syn, mss, clock: [1, 0] }, ends),
});

export const httpRequest = (method: string, path: string, host: string): Bytes =>
  text(`${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: netsim\r\nAccept: */*\r\n\r\n`);

/** 200 of a server, or the 403 of Cilium's HTTP proxy. */
export const httpResponse = (status: 200 | 403): Bytes =>
  status === 200
    ? text("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n")
    : text(
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 15\r\ncontent-type: text/plain\r\nserver: envoy\r\n\r\nAccess denied\r\n",
      );
