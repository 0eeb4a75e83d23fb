/**
 * Go's resolver without cgo (go1.26 net): LookupHost and LookupIP. A and AAAA of a step are looked up by two goroutines, each
 * on its own: server by server, a fresh socket for every try. A step's failure, whatever it is, leads to the next name.
 */
import { has, number, serversOf, type ResolvConf } from "./conf.ts";
import { candidates, isAddress, isEncodable } from "./names.ts";
import { isReply, type Session } from "./session.ts";
import { failed, found, type Family, type Model, type Question, type Reply } from "./types.ts";
import { RCODE } from "../dns/types.ts";

/** Goroutines start in the order of the scheduler: the last one made most often runs first (2,092 recorded steps). */
const AAAA_FIRST = 0.78;

interface Resolver {
  readonly session: Session;
  readonly conf: ResolvConf;
  readonly servers: readonly string[];
  /** Server to begin with, under `rotate`: counts lookups of a name and type, from 0 in a fresh process. */
  next: number;
}

interface Failure {
  readonly reason: string;
  readonly server: string;
}

const notFound = "no such host";

/** One question to one server; undefined after the timeout. UDP that was truncated goes on over TCP with a timeout of its own. */
async function exchange(
  { session, conf }: Resolver,
  question: Question,
  server: string,
): Promise<Reply | string> {
  const timeout = number(conf, "timeout", 5, 1, Infinity) * 1000;
  for (const proto of has(conf, "use-vc", "usevc", "tcp") ? (["tcp"] as const) : (["udp", "tcp"] as const)) {
    const poll = session.poll();
    try {
      poll[proto](server).ask(question, server);
      const arrival = await poll.next(session.clock.now() + timeout);
      if (arrival === undefined) return `${proto}: i/o timeout`;
      if (!isReply(arrival.fate))
        return arrival.fate === "refused" ? `${proto}: connection refused` : `${proto}: EOF`;
      if (arrival.fate.truncated && proto === "udp") continue;
      return arrival.fate;
    } finally {
      poll.close();
    }
  }
  return "no answer from DNS server";
}

/** Why an answer is no use, or undefined where it is. */
function fault(reply: Reply): string | undefined {
  if (reply.rcode === RCODE.NXDOMAIN) return notFound;
  const isEmpty = reply.rcode === RCODE.NOERROR && reply.answers === 0;
  if (isEmpty && !reply.authoritative && !reply.recursionAvailable && !reply.additional)
    return "lame referral";
  if (reply.rcode !== RCODE.NOERROR) return "server misbehaving";
  return reply.addresses.length === 0 ? notFound : undefined;
}

/** One name and type: each server in turn, `attempts` times over. Only "no such host" is final. */
async function tryName(resolver: Resolver, question: Question): Promise<readonly string[] | Failure> {
  const { conf, servers } = resolver;
  const first = has(conf, "rotate") ? resolver.next++ : 0;
  let last: Failure = { reason: notFound, server: servers[0]! };
  for (let attempt = 0; attempt < number(conf, "attempts", 2, 1, Infinity); attempt++) {
    for (let i = 0; i < servers.length; i++) {
      const server = servers[(first + i) % servers.length]!;
      const answer = await exchange(resolver, question, server);
      const reason = typeof answer === "string" ? answer : fault(answer);
      if (reason === undefined) return (answer as Reply).addresses;
      last = { reason, server };
      if (reason === notFound) return last;
    }
  }
  return last;
}

const go =
  (families: readonly Family[]): Model =>
  async ({ name, conf, session }) => {
    if (isAddress(name)) return found([name]);
    const servers = serversOf(conf);
    const resolver: Resolver = { session, conf, servers, next: 0 };
    const inTurn = has(conf, "single-request", "single-request-reopen");
    let failure: Failure | undefined;
    for (const full of candidates(name, conf.search, number(conf, "ndots", 1, 0, 15))) {
      if (!isEncodable(full) || full.toLowerCase().endsWith(".onion.")) continue;
      const ask = (type: Family) =>
        tryName(resolver, { name: full, type, edns: { size: 1232, do: false }, ...trust(conf) });
      const results = new Map<Family, readonly string[] | Failure>();
      if (inTurn) for (const type of families) results.set(type, await ask(type));
      else {
        const started =
          families.length > 1 && session.random() < AAAA_FIRST ? families.toReversed() : families;
        await Promise.all(started.map(async (type) => results.set(type, await ask(type))));
      }
      const outcomes = families.map((type) => results.get(type)!);
      const addresses = outcomes.flatMap((outcome) => ("reason" in outcome ? [] : outcome));
      if (addresses.length > 0) return found(addresses);
      // The first error is told, unless the name as it was given has one.
      for (const outcome of outcomes) {
        if ("reason" in outcome && (failure === undefined || full === `${name}.`)) failure = outcome;
      }
    }
    return failed(
      failure === undefined
        ? `lookup ${name}: ${notFound}`
        : `lookup ${name} on ${failure.server}:53: ${failure.reason}`,
    );
  };

const trust = (conf: ResolvConf): { ad?: true } => (has(conf, "trust-ad") ? { ad: true } : {});

export const goPure = go(["A", "AAAA"]);
export const goPureIp4 = go(["A"]);
