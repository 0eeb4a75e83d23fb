/** The responder of the recordings: what it held, and how it misbehaved. See data/README.md. */
import { until, type VirtualClock } from "../../src/resolver/clock.ts";
import type { Fate, Reply, Sent } from "../../src/resolver/types.ts";

const records: Readonly<Record<string, readonly [string, string]>> = {
  "api.shop.svc.cluster.local.": ["10.96.1.1", "fd00:96::1"],
  "example.com.": ["192.0.2.10", "2001:db8::10"],
  "www.example.com.": ["192.0.2.11", "2001:db8::11"],
  "a.b.c.d.e.example.com.": ["192.0.2.12", "2001:db8::12"],
};

const FIRST = "10.96.0.10";
/** It closed a TCP connection on which it had been silent for so long. */
const TCP_IDLE = 60_000;
/** Window of the conntrack race. */
const RACE = 5;

const reply = (rcode: number, addresses: readonly string[] = [], truncated = false): Reply => ({
  rcode,
  truncated,
  authoritative: false,
  recursionAvailable: true,
  answers: addresses.length,
  additional: false,
  addresses,
});

export interface Responder {
  readonly clock: VirtualClock;
  readonly behaviour: string;
  /** How long it took to answer, in ms. */
  readonly delay: number;
  /** What chance adds to that. */
  readonly jitter: () => number;
  /** Whether it answered the questions of one TCP connection one after the other. */
  readonly serialTcp: boolean;
}

export function responder({
  clock,
  behaviour,
  delay,
  jitter,
  serialTcp,
}: Responder): (question: Sent) => Promise<Fate | undefined> {
  const firstOn = new Map<number, number>();
  const raced = new Set<number>();
  const busy = new Map<number, number>();

  const isRaced = ({ socket, proto }: Sent): boolean => {
    if (behaviour !== "race" || proto !== "udp" || raced.has(socket)) return false;
    const first = firstOn.get(socket);
    firstOn.set(socket, first ?? clock.now());
    if (first === undefined) return false;
    raced.add(socket);
    return clock.now() - first <= RACE;
  };

  function decide(question: Sent): Reply | undefined {
    const { name, type, server, proto } = question;
    const isFirst = server === FIRST;
    const of = (wanted: string): boolean =>
      behaviour === wanted || (behaviour === `first-server-${wanted}` && isFirst);
    const known = records[name.toLowerCase()];
    if (isRaced(question)) return undefined;
    if (of("silent") || (behaviour === "silent-aaaa" && type === "AAAA")) return undefined;
    if (of("servfail") || (behaviour === "servfail-first" && name.endsWith(".shop.svc.cluster.local.")))
      return reply(2);
    if (behaviour === "servfail-aaaa" && type === "AAAA") return reply(2);
    if (behaviour === "refused") return reply(5);
    if (of("nxdomain") || known === undefined || (behaviour === "nxdomain-aaaa" && type === "AAAA"))
      return reply(3);
    if (behaviour.startsWith("truncated")) {
      if (proto === "udp") return reply(0, [], true);
      if (behaviour === "truncated-no-tcp") return undefined;
    }
    if (type === "A") return reply(0, [known[0]]);
    return reply(0, type === "AAAA" && behaviour !== "nodata-aaaa" ? [known[1]] : []);
  }

  return async (question) => {
    const { socket, proto } = question;
    const answer = decide(question);
    let start = clock.now();
    if (proto === "tcp" && serialTcp) start = Math.max(start, busy.get(socket) ?? 0);
    const ready = start + delay + jitter();
    busy.set(socket, ready);
    await until(clock, ready);
    if (answer !== undefined || proto === "udp") return answer;
    await until(clock, start + TCP_IDLE);
    return "closed";
  };
}
