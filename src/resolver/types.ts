/**
 * What a resolver model is given and what it gives back. A model is a function of these alone: it holds no socket, reads no
 * file and no clock of its own, so the same code asks a real server, a chain in this process, or a simulated one in virtual time.
 */
import type { ResolvConf } from "./conf.ts";
import type { Session } from "./session.ts";

/** Milliseconds from some beginning, and a call when a time has come. Virtual in simulations. */
export interface Clock {
  now(): number;
  /** Calls `then` once, at `time` or as soon after as can be; the function returned calls it off. */
  at(time: number, then: () => void): () => void;
}

/** Numbers in [0, 1), as `Math.random`. */
export type Random = () => number;

export type Proto = "udp" | "tcp";
export type Family = "A" | "AAAA";

/** The OPT record that a resolver sends along (RFC 6891): payload size in octets, DNSSEC OK. */
export interface Edns {
  readonly size: number;
  readonly do: boolean;
}

/** What a stub asks. */
export interface Question {
  /** Absolute, in presentation form with the final dot. */
  readonly name: string;
  /** The type's mnemonic. */
  readonly type: string;
  readonly edns?: Edns;
  /** Whether AD is set in the query (RFC 6840 §5.7). */
  readonly ad?: boolean;
}

/** A question on its way: over which of the client's sockets, and to whom. */
export interface Sent extends Question {
  /** Number of the socket (UDP port or TCP connection) within its session, from 1. */
  readonly socket: number;
  readonly proto: Proto;
  /** The address in the resolv.conf. */
  readonly server: string;
  /** A UDP socket that is connected to its one server: it alone learns of an ICMP "port unreachable". */
  readonly connected: boolean;
}

/** The parts of an answer that stub resolvers look at. */
export interface Reply {
  readonly rcode: number;
  readonly truncated: boolean;
  readonly authoritative: boolean;
  readonly recursionAvailable: boolean;
  /** Number of records in the answer section, CNAMEs included. */
  readonly answers: number;
  /** Whether the additional section has a record other than OPT, or any record at all where the resolver can't tell. */
  readonly additional: boolean;
  /** Addresses of the question's type in the answer section, in order, as text. */
  readonly addresses: readonly string[];
}

/** What became of a question: an answer, the connection's end, or word that nobody listens there. */
export type Fate = Reply | "closed" | "refused";

/** The way to the servers, question by question. */
export interface Transport {
  /** Settles when something comes back on that socket; never where the question or its answer is lost. */
  send(question: Sent): Promise<Fate>;
  /** The resolver has closed this socket: nothing more comes or goes. */
  close(socket: number): void;
}

/** Which addresses the pod has beside loopback: IPv4 and IPv6 (at least link-local), IPv4 alone, or a kernel without IPv6. */
export type Net = "dual" | "v4only" | "noipv6";

export interface Lookup {
  /** As the application gives it: relative unless it ends with a dot. */
  readonly name: string;
  readonly conf: ResolvConf;
  readonly net: Net;
  readonly session: Session;
}

/** What the application is told. */
export interface Outcome {
  readonly ok: boolean;
  /** IPv4 first. A tool such as `host` may print addresses and still fail. */
  readonly addresses: readonly string[];
  /** The resolver's own words for its failure. */
  readonly error?: string;
}

export type Model = (lookup: Lookup) => Promise<Outcome>;

export const found = (addresses: readonly string[]): Outcome => ({ ok: true, addresses });
export const failed = (error: string, addresses: readonly string[] = []): Outcome => ({
  ok: false,
  addresses,
  error,
});
