/** One request of glibc's resolver: to each server in turn, by UDP or TCP (res_nsend). */
import { has, number, serversOf, type ResolvConf } from "./conf.ts";
import { isReply, type Poll, type Session, type Socket } from "./session.ts";
import type { Lookup, Question, Reply } from "./types.ts";
import { RCODE } from "../dns/types.ts";

/** Resolver state of the process: it lives as long as the lookup here. */
export interface Context {
  readonly session: Session;
  readonly poll: Poll;
  readonly servers: readonly string[];
  readonly conf: ResolvConf;
  readonly attempts: number;
  readonly timeoutMs: number;
  readonly ndots: number;
  singleRequest: boolean;
  reopen: boolean;
  /** Server that the next request begins with, under `rotate`. */
  first: number;
}

export function openContext({ session, conf }: Lookup): Context {
  const servers = serversOf(conf);
  return {
    session,
    poll: session.poll(),
    servers,
    conf,
    attempts: number(conf, "attempts", 2, 0, 5),
    timeoutMs: number(conf, "timeout", 5, 0, 30) * 1000,
    ndots: number(conf, "ndots", 1, 0, 15),
    singleRequest: has(conf, "single-request", "single-request-reopen"),
    reopen: has(conf, "single-request-reopen"),
    first: Math.floor(session.random() * servers.length),
  };
}

/** The answers that count, in the order in which they came; "refused" where no server could be reached at all. */
export type Answers = readonly Reply[] | "refused" | "timeout";

/** What one request to one server came to: answers, or on to the next server, or the same one over TCP. */
type Attempt = readonly Reply[] | "next" | "refused" | "tcp";

/** Rcodes of the last round's answers, usable or not: the reason of a failure is read from them. */
export interface Seen {
  rcodes: number[];
}

function note(seen: Seen, { rcode }: Reply, before: number): void {
  seen.rcodes = before === 0 ? [rcode] : [...seen.rcodes, rcode];
}

const isBroken = ({ rcode }: Reply): boolean =>
  rcode === RCODE.SERVFAIL || rcode === RCODE.NOTIMP || rcode === RCODE.REFUSED;

/** A server that passes the question on and says nothing itself counts as broken too. */
const isLame = (reply: Reply): boolean =>
  reply.rcode === RCODE.NOERROR &&
  reply.answers === 0 &&
  !reply.authoritative &&
  !reply.recursionAvailable &&
  !reply.additional;

/** The questions over one server's socket, which stays open from try to try. */
async function askByUdp(
  context: Context,
  questions: readonly Question[],
  server: number,
  sockets: Map<number, Socket>,
  seen: Seen,
): Promise<Attempt> {
  const { poll, session, servers, timeoutMs } = context;
  const address = servers[server]!;
  const reopened = (): Socket => {
    sockets.get(server)?.close();
    const socket = poll.udp(address);
    sockets.set(server, socket);
    return socket;
  };
  let socket = sockets.get(server) ?? reopened();
  // The timeout grows with the server's place and is shared out among them.
  const share =
    server === 0 ? timeoutMs : Math.floor((timeoutMs * 2 ** server) / servers.length / 1000) * 1000;
  const patience = Math.max(1000, share);

  for (;;) {
    let unsent = [...questions];
    const received: Reply[] = [];
    const answered = new Set<string>();
    const sendNext = (): void => {
      for (const question of context.singleRequest ? unsent.slice(0, 1) : unsent)
        socket.ask(question, address);
      unsent = context.singleRequest ? unsent.slice(1) : [];
    };
    sendNext();
    let deadline = session.clock.now() + patience;
    let again = false;
    while (!again) {
      const arrival = await poll.next(deadline);
      if (arrival === undefined) {
        if (received.length === 0 || questions.length === 1) return "next";
        // One answer of two: the server may not stand two questions at once from one port.
        if (!context.singleRequest) {
          context.singleRequest = true;
          again = true;
        } else if (!context.reopen) {
          context.reopen = true;
          socket = reopened();
          again = true;
        } else return received;
        continue;
      }
      if (arrival.socket !== socket || answered.has(arrival.question.type)) continue;
      const { fate } = arrival;
      if (!isReply(fate)) {
        sockets.get(server)?.close();
        sockets.delete(server);
        return "refused";
      }
      note(seen, fate, answered.size);
      answered.add(arrival.question.type);
      if (isBroken(fate) || isLame(fate)) {
        if (questions.length === 1 || context.singleRequest) {
          if (received.length > 0) return received;
          socket.close();
          sockets.delete(server);
          return "next";
        }
        if (answered.size === 2) return received.length > 0 ? received : "next";
        continue;
      }
      if (fate.truncated) {
        socket.close();
        sockets.delete(server);
        return "tcp";
      }
      received.push(fate);
      if (answered.size === questions.length) return received;
      if (unsent.length > 0) {
        if (context.reopen) socket = reopened();
        sendNext();
        deadline = session.clock.now() + patience;
      }
    }
  }
}

/** Both questions on one connection, and no end to the waiting but the server's. */
async function askByTcp(
  { poll, servers }: Context,
  questions: readonly Question[],
  server: number,
  seen: Seen,
): Promise<Attempt> {
  const address = servers[server]!;
  const socket = poll.tcp(address);
  for (const question of questions) socket.ask(question, address);
  const received: Reply[] = [];
  try {
    while (received.length < questions.length) {
      const arrival = await poll.next(Infinity);
      if (arrival?.socket !== socket) continue;
      if (!isReply(arrival.fate)) return "next";
      note(seen, arrival.fate, received.length);
      received.push(arrival.fate);
    }
    return received;
  } finally {
    socket.close();
  }
}

export async function send(context: Context, questions: readonly Question[], seen: Seen): Promise<Answers> {
  const { conf, servers, attempts } = context;
  const sockets = new Map<number, Socket>();
  const first = has(conf, "rotate") ? context.first++ : 0;
  let tcp = has(conf, "use-vc");
  let reached = tcp;
  try {
    for (let attempt = 0; attempt < attempts; attempt++) {
      for (let i = 0; i < servers.length; i++) {
        const server = (first + i) % servers.length;
        let outcome = tcp ? "tcp" : await askByUdp(context, questions, server, sockets, seen);
        if (outcome === "tcp") {
          tcp = true;
          // At most one connection to each server: the tries end with this round.
          attempt = attempts;
          outcome = await askByTcp(context, questions, server, seen);
        }
        if (outcome === "next") reached = true;
        else if (outcome !== "refused" && outcome !== "tcp") return outcome;
      }
    }
    return reached ? "timeout" : "refused";
  } finally {
    for (const socket of sockets.values()) socket.close();
  }
}
