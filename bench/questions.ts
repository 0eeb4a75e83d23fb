/** What the workloads ask. Every list is the same at each run. */
import { BIG, HEADLESS, NAMESPACES, SERVICES } from "./cluster.ts";
import type { Question } from "./lib/ask.ts";
import { seeded } from "./lib/numbers.ts";

const ZONE = "cluster.local";
/** Below it, the upstream has every name. */
export const OUTSIDE = "bench.example";

/** 200 questions that a cluster asks all the time: mostly a Service's address. */
export function hotNames(): Question[] {
  return NAMESPACES.flatMap((team): Question[] => [
    ...range(SERVICES, (i): Question => [`api-${i}.${team}.svc.${ZONE}`, "A"]),
    ...range(HEADLESS, (i): Question => [`db-${i}.${team}.svc.${ZONE}`, "A"]),
    [`_http._tcp.api-0.${team}.svc.${ZONE}`, "SRV"],
    [`db-0-1.db-0.${team}.svc.${ZONE}`, "A"],
    [`api-0.${team}.svc.${ZONE}`, "AAAA"],
  ]);
}

/** 100,000 names, each of which exists: pods by their addresses (`pods insecure`). */
export const manyNames = (): Question[] =>
  range(100_000, (i): Question => [
    `10-${128 + (i >> 16)}-${(i >> 8) & 255}-${i & 255}.${NAMESPACES[i % NAMESPACES.length]!}.pod.${ZONE}`,
    "A",
  ]);

/** What a search list makes of 100 names outside, for A and AAAA: three names that do not exist each. */
export const searchLists = (): Question[] =>
  range(100, (i) => walk(`host-${i}.${OUTSIDE}`, NAMESPACES[i % NAMESPACES.length]!)).flat();

function walk(name: string, team: string): Question[] {
  return [`${name}.${team}.svc.${ZONE}`, `${name}.svc.${ZONE}`, `${name}.${ZONE}`].flatMap(
    (one): Question[] => [
      [one, "A"],
      [one, "AAAA"],
    ],
  );
}

/** 300,000 names of the upstream, more than any cache here keeps. */
export const outsideNames = (): Question[] => range(300_000, (i): Question => [`n${i}.${OUTSIDE}`, "A"]);

export const bigService = (): Question[] => [[`_http._tcp.big.${NAMESPACES[0]!}.svc.${ZONE}`, "SRV"]];
export const BIG_RECORDS = BIG;

/**
 * 20,000 questions as pods ask them: half for Services, as A and AAAA together; search lists on the way to names outside; these names
 * themselves, few of them often; addresses' names; SRV.
 */
export function trace(): Question[] {
  const random = seeded(20_261_122);
  const pick = (n: number): number => Math.floor(random() * n);
  const questions: Question[] = [];
  while (questions.length < 20_000) {
    const n = pick(NAMESPACES.length);
    const team = NAMESPACES[n]!;
    const kind = random();
    if (kind < 0.7) {
      const name = `api-${pick(SERVICES)}.${team}.svc.${ZONE}`;
      questions.push([name, "A"], [name, "AAAA"]);
    } else if (kind < 0.8) {
      // Few names are asked for often: the square of a random number.
      const outside = `host-${Math.floor(random() ** 2 * 200)}.${OUTSIDE}`;
      questions.push(...walk(outside, team), [outside, "A"], [outside, "AAAA"]);
    } else if (kind < 0.9) {
      questions.push([`${10 + pick(SERVICES)}.${64 + n}.96.10.in-addr.arpa`, "PTR"]);
    } else {
      questions.push([`_http._tcp.api-${pick(SERVICES)}.${team}.svc.${ZONE}`, "SRV"]);
    }
  }
  return questions;
}

const range = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
