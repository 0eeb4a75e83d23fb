import type { Clock, Edns, Fate, Proto, Question, Random, Reply, Sent, Transport } from "./types.ts";
import { rcodeText } from "../dns/types.ts";

/** One query as it was sent, and what came back. */
export interface QueryRecord {
  readonly name: string;
  readonly type: string;
  readonly proto: Proto;
  /** The address in the resolv.conf. */
  readonly server: string;
  /** Milliseconds since the lookup's first query, to a tenth. */
  readonly t_ms: number;
  /** 1, 2, ... by the client's port or connection (a port that asks two servers counts twice), in the order of first use. */
  readonly socket: number;
  /** Queries of this lookup that had been sent and were still waited for at that moment. */
  readonly pending: number;
  /** The rcode's mnemonic; "NODATA" for NOERROR without answers, "TC" where truncated, "drop" where nothing came. */
  answer: string;
  readonly edns?: Edns;
  readonly flags?: readonly string[];
}

/** One UDP port or TCP connection of the client. */
export interface Socket {
  readonly proto: Proto;
  ask(question: Question, server: string): void;
  close(): void;
}

/** What arrived on a socket: the fate of one question that was asked there. */
export interface Arrival {
  readonly socket: Socket;
  readonly question: Question;
  readonly server: string;
  readonly fate: Fate;
}

/** A set of sockets that are waited on together, as with poll(2). */
export interface Poll {
  /** A fresh port, connected to `server` where one is given. */
  udp(server?: string): Socket;
  /** A fresh connection; a question asked before it stands is sent as soon as it does. */
  tcp(server: string): Socket;
  /** What arrived first and has not been looked at, or undefined when it is `deadline` and nothing has. */
  next(deadline: number): Promise<Arrival | undefined>;
  /** The next arrival if it is there already. */
  take(): Arrival | undefined;
  close(): void;
}

/** One lookup's sockets, and the record of what it sent. */
export interface Session {
  readonly clock: Clock;
  readonly random: Random;
  readonly queries: readonly QueryRecord[];
  poll(): Poll;
}

export const isReply = (fate: Fate): fate is Reply => typeof fate === "object";

function describe(fate: Fate): string {
  if (!isReply(fate)) return fate;
  if (fate.truncated) return "TC";
  return fate.rcode === 0 && fate.answers === 0 ? "NODATA" : rcodeText(fate.rcode);
}

/** A session for one lookup; closing it leaves a model that still waits waiting for ever, and sends nothing more. */
export function openSession(transport: Transport, clock: Clock, random: Random): Session & { close(): void } {
  const queries: QueryRecord[] = [];
  const polls = new Set<Poll>();
  /** Queries that somebody still waits for. */
  const waiting = new Set<QueryRecord>();
  let sockets = 0;
  let flows = 0;
  let start: number | undefined;
  let over = false;

  function record(question: Question, proto: Proto, server: string, socket: number): QueryRecord {
    const now = clock.now();
    start ??= now;
    const entry: QueryRecord = {
      name: question.name,
      type: question.type,
      proto,
      server,
      t_ms: Math.round((now - start) * 10) / 10,
      socket,
      pending: waiting.size,
      answer: "drop",
      ...(question.edns === undefined ? {} : { edns: question.edns }),
      ...(question.ad === true ? { flags: ["ad"] } : {}),
    };
    queries.push(entry);
    waiting.add(entry);
    return entry;
  }

  function poll(): Poll {
    const mailbox: Arrival[] = [];
    const open = new Set<Socket>();
    const asked = new Set<QueryRecord>();
    let wake: (() => void) | undefined;
    let callOff: (() => void) | undefined;

    const forget = (entry: QueryRecord): void => {
      asked.delete(entry);
      waiting.delete(entry);
    };

    function socket(proto: Proto, connectedTo: string | undefined): Socket {
      const id = ++sockets;
      /** Numbered by first use and by server, as who looks at the packets' addresses and ports sees it. */
      const flowTo = new Map<string, number>();
      const mine = new Set<QueryRecord>();
      const self: Socket = {
        proto,
        ask(question, server) {
          if (over) return;
          const flow = flowTo.get(server) ?? ++flows;
          flowTo.set(server, flow);
          const entry = record(question, proto, server, flow);
          asked.add(entry);
          mine.add(entry);
          const sent: Sent = { ...question, socket: id, proto, server, connected: connectedTo !== undefined };
          void transport.send(sent).then((fate) => {
            if (!open.has(self)) return;
            entry.answer = describe(fate);
            forget(entry);
            mine.delete(entry);
            mailbox.push({ socket: self, question, server, fate });
            wake?.();
          });
        },
        close() {
          if (!open.delete(self)) return;
          for (const entry of mine) forget(entry);
          transport.close(id);
        },
      };
      open.add(self);
      return self;
    }

    const self: Poll = {
      udp: (server) => socket("udp", server),
      tcp: (server) => socket("tcp", server),
      async next(deadline) {
        if (mailbox.length === 0) {
          await new Promise<void>((done) => {
            // Once the lookup is over, nothing happens any more.
            if (over) return;
            wake = done;
            callOff = deadline === Infinity ? undefined : clock.at(deadline, done);
          });
          callOff?.();
          wake = undefined;
        }
        const arrival = mailbox.shift();
        // Nobody waits any longer for what has been sent, though it may still come.
        if (arrival === undefined) for (const entry of asked) forget(entry);
        return arrival;
      },
      take: () => mailbox.shift(),
      close() {
        for (const socket of open) socket.close();
        callOff?.();
        mailbox.length = 0;
        polls.delete(self);
      },
    };
    polls.add(self);
    return self;
  }

  return {
    clock,
    random,
    queries,
    poll,
    close() {
      over = true;
      for (const each of polls) each.close();
    },
  };
}
