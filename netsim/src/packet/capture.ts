/** The packets of a trace, as a capture: the resolver's queries and their answers, then the connection, as far as it gets. */
import { encodeMessage, encodeQuestion, parseName, type RR, TYPE } from "clusterdns";
import type { Judged } from "../trace/connect.ts";
import { parseGoal, type GoalOptions, type Request } from "../trace/goal.ts";
import type { Arrival } from "../trace/passage.ts";
import type { Asked, Resolution } from "../trace/resolve.ts";
import type { TraceListener } from "../trace/trace.ts";
import type { Trace } from "../trace/types.ts";
import { concat, fields, type Bytes } from "./bytes.ts";
import {
  createSpeaker,
  datagram,
  httpRequest,
  httpResponse,
  stopped,
  syn,
  tcpTalk,
  within,
  type Socket,
  type Talk,
} from "./conversation.ts";
import { createCamera, type Camera } from "./film.ts";
import type { World } from "./journey.ts";
import { reversePath, type Path } from "./path.ts";
import { PROTOCOL, sctpInit, type Cargo } from "./transport.ts";

/** The way between two ends, each a pod's or node's name or an address; undefined where none is known. */
export type FindPath = (from: string, to: string) => Path | undefined;

export interface Heard {
  readonly listener: TraceListener;
  readonly resolutions: readonly Resolution[];
  readonly legs: readonly { readonly taken: Judged; readonly asked: Arrival }[];
}

/** To be given to `trace` as its listener, and to `captureTrace` afterwards. */
export function createListener(): Heard {
  const resolutions: Resolution[] = [];
  const legs: { taken: Judged; asked: Arrival }[] = [];
  const listener: TraceListener = {
    resolved: (resolution) => void resolutions.push(resolution),
    judged(ways, asked) {
      const denied = ways.find((w) => w.egress.action === "deny" || w.ingress.action === "deny");
      const taken = denied ?? ways[0];
      if (taken !== undefined) legs.push({ taken, asked });
    },
  };
  return { listener, resolutions, legs };
}

const MS = 1_000_000n;

/** A pcapng file. Every packet is there once for each device that it passes; nothing is after a drop. */
export function captureTrace(
  trace: Trace,
  { resolutions, legs }: Heard,
  findPath: FindPath,
  options: GoalOptions & { readonly world?: World } = {},
): Uint8Array {
  const camera = createCamera(options.world);
  const from = trace.from.id ?? trace.from.address;
  const address = trace.from.address;
  if (from === null || address === null) return camera.file();
  const world = options.world === undefined ? {} : { world: options.world };
  for (const resolution of resolutions) lookup(camera, resolution, from, address, findPath);
  const goal = parseGoal(trace.to.text, options);
  const mode = trace.mode;

  function play(n: number, source: string, sourceAddress: string): void {
    const leg = legs[n];
    if (leg === undefined) return;
    const { taken, asked } = leg;
    const { to, port, connection } = taken;
    const path = pathBetween(findPath, source, sourceAddress, to.id, to.address.text);
    if (path === undefined) return;
    const back = findPath(to.id, sourceAddress);
    const translated = connection?.translated === true && mode !== "ebpf";
    const talk: Talk = {
      path,
      ...(back !== undefined && { back }),
      client: { address: sourceAddress, port: 40_000 + n },
      server: { address: to.address.text, port },
      ...(translated && { asked: { address: asked.address, port: asked.port } }),
      ...(connection?.masqueraded === true && { seen: connection.source }),
      ...world,
    };
    const last = n === legs.length - 1;
    const next = last ? undefined : () => play(n + 1, to.id, to.address.text);
    connect(camera, talk, last ? trace : undefined, goal.protocol, goal.request, next);
  }

  if (legs.length > 0) play(0, from, address);
  else if (trace.to.port !== null) unanswered(camera, trace, from, address, findPath, goal.host);
  return camera.file();
}

/** One connection. `end`: the trace whose verdict it has; without, it goes well. */
function connect(
  camera: Camera,
  talk: Talk,
  end: Trace | undefined,
  protocol: string,
  request: Request | undefined,
  meanwhile: (() => void) | undefined,
): void {
  const first = firstPacket(protocol, talk);
  const reason = end?.reason ?? "allowed";
  if (reason === "egress-denied" || reason === "fqdn-not-learned")
    return stopped(camera, within(talk, near(talk.path)), first, `then dropped: ${reason}`);
  if (reason === "ingress-denied")
    return stopped(camera, within(talk, beforePod(talk.path)), first, `then dropped: ${reason}`);
  if (protocol !== "TCP") return void createSpeaker(camera, talk).say(true, first);
  const plain = request !== undefined && request.scheme !== "https" && request.scheme !== "wss";
  const ask = plain ? httpRequest(request.method, request.path, request.host) : undefined;
  if (reason === "l7-denied" || reason === "l7-tls") {
    // Cilium's proxy sits at the node of the pod whose policy it is, and answers in the server's name.
    const own = end?.hops.at(-1)?.details?.["direction"] === "egress";
    const path = own ? near(talk.path) : beforePod(talk.path);
    const refused = { payload: httpResponse(403), comment: "the HTTP proxy's answer" };
    if (reason === "l7-tls" || ask === undefined)
      return tcpTalk(camera, within(talk, path), { turns: [], reset: "the HTTP proxy is given TLS" });
    return tcpTalk(camera, within(talk, path), { turns: [{ ask: { payload: ask }, answer: refused }] });
  }
  const turn = ask === undefined ? [] : [{ ask: { payload: ask }, answer: { payload: httpResponse(200) } }];
  if (ask === undefined) meanwhile?.();
  tcpTalk(camera, talk, {
    turns: turn.map((t) => ({ ...t, ...(meanwhile !== undefined && { meanwhile }) })),
  });
}

function firstPacket(protocol: string, { path, server, asked }: Talk): Cargo {
  const own = path.links[0]?.mtu ?? 1500;
  // Readers take any datagram on port 53 for DNS: it shall be some.
  const dns = server.port === 53 || asked?.port === 53;
  if (protocol === "UDP")
    return datagram((dns ? encodeQuestion({ name: ".", type: "NS" }, 1) : undefined) ?? new Uint8Array());
  if (protocol === "SCTP") return { protocol: PROTOCOL.sctp, write: sctpInit };
  return syn(Math.max(1, own - (path.destination.includes(":") ? 60 : 40)));
}

/** No endpoint was found for the connection: what the client's node makes of its first packet. */
function unanswered(
  camera: Camera,
  trace: Trace,
  from: string,
  address: string,
  findPath: FindPath,
  host: string,
): void {
  const asked = trace.lookup?.result.addresses[0] ?? host;
  if (!/^[\d.]+$|:/.test(asked)) return;
  const path = findPath(from, asked) ?? outward(findPath, from, asked);
  if (path === undefined || path.links.length === 0) return;
  const own = near(path);
  const server: Socket = { address: asked, port: trace.to.port ?? 0 };
  const talk: Talk = { path: { ...own, destination: asked }, client: { address, port: 40_000 }, server };
  const first = firstPacket(trace.to.protocol ?? "TCP", talk);
  const refusal = trace.verdict === "reject" ? (own.links.at(-1)?.address ?? asked) : undefined;
  stopped(camera, talk, first, `then ${trace.verdict}: ${trace.reason}`, refusal);
}

/** The devices that a packet passes before its own node decides about it. */
function near(path: Path): Path {
  const first = path.links[0]?.node;
  const end = path.links.findIndex(
    (l, i) => l.node !== first || i > 1 || (l.kind !== "pod" && l.kind !== "veth"),
  );
  return { ...path, links: end < 0 ? path.links : path.links.slice(0, Math.max(1, end)) };
}

/** Without the destination pod's own pair of devices, and the bridge that leads to it. */
function beforePod(path: Path): Path {
  let end = path.links.length;
  while (end > 1 && (path.links[end - 1]?.kind === "pod" || path.links[end - 1]?.kind === "veth")) end--;
  if (end > 1 && path.links[end - 1]?.kind === "bridge" && path.links[end - 2]?.kind !== "veth") end--;
  const kept = Math.max(end, Math.min(2, path.links.length));
  return { ...path, links: path.links.slice(0, kept) };
}

/** The beginning of any way out: nobody but the pod's own node has an address that is a Service's. */
function outward(findPath: FindPath, from: string, to: string): Path | undefined {
  const any = findPath(from, to.includes(":") ? "2001:db8::1" : "192.0.2.1");
  return any === undefined ? undefined : { ...near(any), destination: to };
}

/** Of a way from outside only the way back is known. */
function pathBetween(
  findPath: FindPath,
  from: string,
  address: string,
  to: string,
  toAddress: string,
): Path | undefined {
  const there = findPath(from, toAddress);
  if (there !== undefined) return there;
  const back = findPath(to, address);
  return back === undefined ? undefined : reversePath({ ...back, source: toAddress });
}

function lookup(
  camera: Camera,
  { asked, report }: Resolution,
  from: string,
  address: string,
  findPath: FindPath,
): void {
  let latest = camera.now();
  const start = latest;
  for (const [i, query] of asked.entries()) {
    const record = report.queries[i];
    camera.seek(start + BigInt(Math.round((record?.t_ms ?? 0) * 1000)) * 1000n);
    ask(camera, query, i, record, { from, address, findPath });
    if (camera.now() > latest) latest = camera.now();
  }
  const done = start + BigInt(Math.round(report.result.ms)) * MS;
  camera.seek(latest > done ? latest : done);
}

type QueryRecord = Resolution["report"]["queries"][number];

interface Asker {
  readonly from: string;
  readonly address: string;
  readonly findPath: FindPath;
}

function ask(
  camera: Camera,
  query: Asked,
  number: number,
  record: QueryRecord | undefined,
  { from, address, findPath }: Asker,
): void {
  const { crossing, server, proto, name, type } = query;
  const id = 0x2000 + number;
  const { answer = "drop", socket = number + 1, edns } = record ?? {};
  const question = encodeQuestion({ name, type, ...(edns !== undefined && { edns }) }, id);
  const to = crossing.endpoint?.address.text ?? server;
  const path =
    pathBetween(findPath, from, address, crossing.endpoint?.id ?? server, to) ?? outward(findPath, from, to);
  if (question === undefined || path === undefined || path.links.length === 0) return;
  const talk: Talk = {
    path,
    client: { address, port: 50_000 + socket },
    server: { address: to, port: 53 },
    ...(to !== server && { asked: { address: server, port: 53 } }),
  };
  const cargo = datagram(question);
  const note = `query ${name} ${type}`;
  const stop = crossing.stop;
  if (crossing.fate === "drop" || crossing.fate === "closed") {
    const short = stop === "ingress" ? beforePod(path) : stop === undefined ? path : near(path);
    const refusal = crossing.fate === "closed" ? (near(path).links.at(-1)?.address ?? server) : undefined;
    return stopped(camera, { ...talk, path: short }, cargo, `${note}: ${crossing.why}`, refusal);
  }
  const refused = crossing.fate === "refuse";
  const reply = answer === "drop" ? undefined : replyTo(query, id, refused ? "REFUSED" : answer);
  // Cilium's DNS proxy is at the pod's own node.
  const way: Talk = refused ? { ...talk, path: near(path) } : talk;
  if (proto === "tcp") {
    const framed = (m: Bytes): Bytes => concat(fields([m.length, 2]), m);
    const turn = {
      ask: { payload: framed(question), comment: note },
      ...(reply !== undefined && { answer: { payload: framed(reply) } }),
    };
    return tcpTalk(camera, way, { turns: [turn] });
  }
  const speaker = createSpeaker(camera, way);
  if (speaker.say(true, cargo, note) && reply !== undefined)
    speaker.say(false, datagram(reply), `${answer} ${query.addresses.join(" ")}`.trim());
}

const RCODES: Readonly<Record<string, number>> = { SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 };

/** QR, AA, RD and RA set, as CoreDNS answers for its own zone. */
function replyTo({ name, type, records }: Asked, id: number, answer: string): Bytes | undefined {
  const qname = parseName(name);
  const qtype = (TYPE as Readonly<Record<string, number>>)[type];
  if (qname === undefined || qtype === undefined) return undefined;
  const given: readonly RR[] = answer === "TC" || answer === "REFUSED" ? [] : records;
  return encodeMessage({
    id,
    flags: 0x8580 | (answer === "TC" ? 0x0200 : 0) | (RCODES[answer] ?? 0),
    question: { name: qname, type: qtype, class: 1 },
    opt: undefined,
    answer: given,
    authority: [],
    additional: [],
  }).bytes;
}
