/**
 * A channel of c-ares 1.34: its servers, its ports, and the questions under way. All that has arrived is read before anything
 * is sent or told. Servers that fail lose their place; a question is tried `tries` times for each server.
 *
 * Left out: the probe of a failed server that 1.34 sends along with a tenth of the questions, five seconds after the failure.
 */
import type { Arrival, Poll, Session, Socket } from "./session.ts";
import { isReply } from "./session.ts";
import type { Edns, Family, Random, Reply } from "./types.ts";
import { RCODE } from "../dns/types.ts";

export type Status =
  | "ENOTFOUND"
  | "ENODATA"
  | "ESERVFAIL"
  | "EREFUSED"
  | "ENOTIMP"
  | "ETIMEOUT"
  | "ECONNREFUSED"
  | "EBADNAME"
  | "EFORMERR";

export interface ChannelOptions {
  readonly servers: readonly string[];
  readonly tries: number;
  readonly timeoutMs: number;
  readonly rotate: boolean;
  readonly tcp: boolean;
  readonly edns?: Edns;
  /** SERVFAIL, NOTIMP and REFUSED are answers, not reasons to try again. */
  readonly takesFailures: boolean;
  /** How likely a second try on a connection that stands is written out before it times out as well. */
  readonly tcpRetryWritten: number;
  /** Timeouts are looked at only so often, in ms after the last thing that happened: the caller's timer. */
  readonly tickMs?: number;
}

interface Server {
  readonly address: string;
  readonly index: number;
  failures: number;
  /** Good answers and the time that they took, in ms. */
  answers: number;
  latency: number;
  udp: Socket | undefined;
  tcp: Socket | undefined;
}

export interface Query {
  readonly name: string;
  readonly type: Family;
  readonly done: (status: Status | undefined, addresses: readonly string[]) => void;
  server: Server | undefined;
  socket: Socket | undefined;
  sent: number;
  deadline: number;
  tries: number;
  tcp: boolean;
  noRetries: boolean;
  error: Status;
}

/** Bounds of the timeout that is learnt from a server's answers. */
const MIN_TIMEOUT = 250;
const MAX_TIMEOUT = 5000;

const statusOf: Readonly<Record<number, Status>> = {
  [RCODE.FORMERR]: "EFORMERR",
  [RCODE.SERVFAIL]: "ESERVFAIL",
  [RCODE.NXDOMAIN]: "ENOTFOUND",
  [RCODE.NOTIMP]: "ENOTIMP",
  [RCODE.REFUSED]: "EREFUSED",
};

const statusOfReply = (reply: Reply): Status | undefined =>
  statusOf[reply.rcode] ?? (reply.answers === 0 ? "ENODATA" : undefined);

/** Five times the average answer, once three have come; doubled and jittered with every round through the servers. */
function timeoutOf(query: Query, server: Server, options: ChannelOptions, random: Random): number {
  const learnt = server.answers >= 3 ? Math.floor(server.latency / server.answers) * 5 : options.timeoutMs;
  const base = Math.min(MAX_TIMEOUT, Math.max(MIN_TIMEOUT, learnt));
  const rounds = Math.floor(query.tries / options.servers.length);
  if (rounds === 0) return base;
  const grown = base * 2 ** rounds;
  return Math.max(base, grown - grown * random() * 0.5);
}

export interface Channel {
  query(name: string, type: Family, done: Query["done"]): Query;
  /** Runs until no question is under way. */
  drain(): Promise<void>;
}

export function openChannel({ clock, random }: Session, poll: Poll, options: ChannelOptions): Channel {
  const servers = options.servers.map((address, index): Server => ({
    address,
    index,
    failures: 0,
    answers: 0,
    latency: 0,
    udp: undefined,
    tcp: undefined,
  }));
  const active = new Set<Query>();
  let lastActivity = clock.now();

  function pick(): Server {
    const sorted = servers.toSorted((a, b) => a.failures - b.failures || a.index - b.index);
    const best = sorted.filter(({ failures }) => failures === sorted[0]!.failures);
    return options.rotate ? best[Math.floor(random() * best.length)]! : best[0]!;
  }

  function send(query: Query): void {
    const server = pick();
    const isLost =
      query.tcp && server.tcp !== undefined && query.tries > 0 && random() >= options.tcpRetryWritten;
    const socket = query.tcp
      ? (server.tcp ??= poll.tcp(server.address))
      : (server.udp ??= poll.udp(server.address));
    query.server = server;
    query.socket = socket;
    query.sent = clock.now();
    query.deadline = query.sent + timeoutOf(query, server, options, random);
    if (isLost) return;
    socket.ask(
      { name: query.name, type: query.type, ...(options.edns === undefined ? {} : { edns: options.edns }) },
      server.address,
    );
  }

  type Next = () => void;
  const end = (query: Query, status: Status | undefined, addresses: readonly string[] = []): Next => {
    query.socket = undefined;
    return () => {
      active.delete(query);
      query.done(status, addresses);
    };
  };
  const again = (query: Query): Next => {
    query.socket = undefined;
    return () => send(query);
  };
  const retry = (query: Query, status: Status): Next => {
    if (query.server !== undefined) query.server.failures++;
    query.error = status;
    query.tries++;
    return query.tries < servers.length * options.tries && !query.noRetries
      ? again(query)
      : end(query, query.error);
  };

  function receive({ socket, question, fate }: Arrival): Next[] {
    const query = [...active].find(
      (each) => each.socket === socket && each.name === question.name && each.type === question.type,
    );
    const server = query?.server;
    if (!isReply(fate)) {
      for (const each of servers) if (each.udp === socket || each.tcp === socket) drop(each, socket);
      return [...active].filter((each) => each.socket === socket).map((each) => retry(each, "ECONNREFUSED"));
    }
    if (query === undefined || server === undefined) return [];
    if (fate.truncated && socket.proto === "udp") {
      query.tcp = true;
      return [again(query)];
    }
    const status = statusOfReply(fate);
    const isFailure = status === "ESERVFAIL" || status === "ENOTIMP" || status === "EREFUSED";
    if (isFailure && !options.takesFailures) return [retry(query, status)];
    server.failures = 0;
    if (!isFailure) {
      server.answers++;
      server.latency += Math.max(1, Math.floor(clock.now() - query.sent));
    }
    return [end(query, status, fate.addresses)];
  }

  /** A port on which something was lost is used for nothing new. */
  function expire(query: Query): Next {
    const { server, socket } = query;
    if (server?.udp === socket && server !== undefined) server.udp = undefined;
    return retry(query, "ETIMEOUT");
  }

  function drop(server: Server, socket: Socket): void {
    socket.close();
    if (server.udp === socket) server.udp = undefined;
    if (server.tcp === socket) server.tcp = undefined;
  }

  const closeIdle = (): void => {
    for (const server of servers) {
      for (const socket of [server.udp, server.tcp]) {
        if (socket !== undefined && ![...active].some((query) => query.socket === socket))
          drop(server, socket);
      }
    }
  };

  const nextLook = (): number => {
    const due = Math.min(...[...active].map((query) => query.deadline));
    if (options.tickMs === undefined) return due;
    // The timer starts anew with whatever happens on a socket: before a UDP question goes out, after a connection stands.
    const lead = [...active].some((query) => query.tcp) ? 0 : 1;
    const ticks = Math.max(1, Math.ceil((due - lastActivity + lead) / options.tickMs));
    const look = lastActivity + ticks * options.tickMs;
    return look > clock.now() ? look : look + options.tickMs;
  };

  return {
    query(name, type, done) {
      const query: Query = {
        name,
        type,
        done,
        server: undefined,
        socket: undefined,
        sent: 0,
        deadline: 0,
        tries: 0,
        tcp: options.tcp,
        noRetries: false,
        error: "ETIMEOUT",
      };
      active.add(query);
      send(query);
      return query;
    },
    async drain() {
      while (active.size > 0) {
        const arrival = await poll.next(nextLook());
        const todo: Next[] = [];
        if (arrival === undefined) {
          const now = clock.now();
          for (const query of active) if (query.deadline <= now) todo.push(expire(query));
        } else {
          lastActivity = clock.now();
          // All that has come is read before anything is sent or told.
          for (let each: Arrival | undefined = arrival; each !== undefined; each = poll.take())
            todo.push(...receive(each));
        }
        for (const next of todo) next();
        closeIdle();
      }
    },
  };
}
