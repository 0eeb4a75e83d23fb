/**
 * musl 1.2.3 and 1.2.5: getaddrinfo. Each step of the search list asks every server at once over one unconnected port, sends
 * again what is unanswered every timeout/attempts, and takes the first NOERROR or NXDOMAIN. Anything but NXDOMAIN for both
 * questions ends the walk. 1.2.4 brought TCP; before it, what fitted the truncated answer had to do.
 */
import { number, serversOf, type ResolvConf } from "./conf.ts";
import { absolute, below, dotsIn, isAbsolute, isAddress, isEncodable } from "./names.ts";
import { isReply, type Session, type Socket } from "./session.ts";
import {
  failed,
  found,
  type Family,
  type Lookup,
  type Model,
  type Net,
  type Outcome,
  type Reply,
} from "./types.ts";
import { RCODE } from "../dns/types.ts";

export interface MuslTraits {
  /** Truncated answers are asked for again over TCP (since 1.2.4). */
  readonly tcp: boolean;
  /** A name that doesn't fit a message is one that doesn't exist, not the end (since 1.2.4). */
  readonly skipsUnfit: boolean;
}

export const musl123: MuslTraits = { tcp: false, skipsUnfit: false };
export const musl125: MuslTraits = { tcp: true, skipsUnfit: true };

/** Room for the search list's text with its end, in bytes; a longer line is as none. */
const SEARCH_ROOM = 256;

const words = {
  EAI_NONAME: "Name does not resolve",
  EAI_AGAIN: "Try again",
  EAI_FAIL: "Non-recoverable error",
  EAI_NODATA: "Name has no usable address",
} as const;
type Failure = keyof typeof words;

/** The answers in the order of `types`, undefined where none that counts came in time. */
async function send(
  session: Session,
  conf: ResolvConf,
  name: string,
  types: readonly Family[],
  traits: MuslTraits,
): Promise<(Reply | undefined)[]> {
  const { clock } = session;
  const servers = serversOf(conf);
  const timeout = number(conf, "timeout", 5, 0, 60) * 1000;
  const interval = Math.floor(timeout / number(conf, "attempts", 2, 1, 10));
  const answers = new Map<string, Reply>();
  /** Questions that have gone over to TCP: UDP no longer counts for them. */
  const onTcp = new Set<string>();
  const poll = session.poll();
  const udp = poll.udp();
  const settled = (): boolean => types.every((type) => answers.has(type));
  try {
    const end = clock.now() + timeout;
    let sendAt = clock.now();
    let servfailRetries = 0;
    while (clock.now() < end && !settled()) {
      if (clock.now() >= sendAt) {
        for (const type of types) {
          if (answers.has(type) || onTcp.has(type)) continue;
          for (const server of servers) udp.ask({ name, type }, server);
        }
        sendAt = clock.now() + interval;
        servfailRetries = 2 * types.length;
      }
      const arrival = await poll.next(sendAt);
      if (arrival === undefined) continue;
      const { socket, question, server, fate } = arrival;
      const type = question.type;
      if (socket !== udp) {
        // Whatever goes wrong on a connection ends the whole step.
        if (!isReply(fate) || (fate.rcode !== RCODE.NOERROR && fate.rcode !== RCODE.NXDOMAIN)) break;
        answers.set(type, fate);
        socket.close();
        continue;
      }
      if (!isReply(fate) || answers.has(type) || onTcp.has(type)) continue;
      if (fate.rcode === RCODE.SERVFAIL && servfailRetries > 0) {
        servfailRetries--;
        udp.ask({ name, type }, server);
      }
      if (fate.rcode !== RCODE.NOERROR && fate.rcode !== RCODE.NXDOMAIN) continue;
      if (fate.truncated && traits.tcp) {
        onTcp.add(type);
        const tcp: Socket = poll.tcp(server);
        tcp.ask({ name, type }, server);
      } else answers.set(type, fate);
    }
  } finally {
    poll.close();
  }
  return types.map((type) => answers.get(type));
}

/** One step: addresses, a failure that ends the lookup, or undefined where the name does not exist. */
async function step(
  session: Session,
  conf: ResolvConf,
  name: string,
  types: readonly Family[],
  traits: MuslTraits,
): Promise<readonly string[] | Failure | undefined> {
  if (!isEncodable(name)) return traits.skipsUnfit ? undefined : "EAI_NONAME";
  const answers = await send(session, conf, name, types, traits);
  for (const answer of answers) {
    if (answer === undefined) return "EAI_AGAIN";
    if (answer.rcode === RCODE.NXDOMAIN) return undefined;
  }
  const addresses = answers.flatMap((answer) => answer?.addresses ?? []);
  if (addresses.length > 0) return addresses;
  return traits.tcp ? "EAI_NODATA" : "EAI_NONAME";
}

/** A search domain is put behind the name's dot as it stands: the root (`search .`) makes two dots of it, and so no name. */
const under = (name: string, domain: string): string => (domain === "." ? `${name}..` : below(name, domain));

async function resolve(
  { name, conf, session }: Lookup,
  types: readonly Family[],
  traits: MuslTraits,
): Promise<Outcome> {
  if (isAddress(name)) return found([name]);
  const ndots = number(conf, "ndots", 1, 0, 15);
  const searches = dotsIn(name) < ndots && !isAbsolute(name);
  const suffixes = searches && conf.searchLine.length < SEARCH_ROOM ? conf.search : [];
  for (const full of [...suffixes.map((domain) => under(name, domain)), absolute(name)]) {
    const outcome = await step(session, conf, full, types, traits);
    if (typeof outcome === "string") return failed(words[outcome]);
    if (outcome !== undefined) return found(outcome);
  }
  return failed(words.EAI_NONAME);
}

const model =
  (traits: MuslTraits, typesOf: (net: Net) => readonly Family[]): Model =>
  (lookup) =>
    resolve(lookup, typesOf(lookup.net), traits);

const both = (): readonly Family[] => ["A", "AAAA"];
const inet = (): readonly Family[] => ["A"];
/** AI_ADDRCONFIG asks whether loopback has the family: ::1 is there as long as the kernel knows IPv6. */
const addrconfig = (net: Net): readonly Family[] => (net === "noipv6" ? ["A"] : ["A", "AAAA"]);

export const muslOld = model(musl123, both);
export const musl = model(musl125, both);
export const muslInet = model(musl125, inet);
export const muslAddrconfig = model(musl125, addrconfig);
