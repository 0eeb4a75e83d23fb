import type { Name } from "../../src/dns/name.ts";

/**
 * Names that clients are about to ask for because a walk found nothing.
 *
 * A client whose walk for `a.b.dev` came to nothing goes on with `a.b.dev.svc.ZONE`. Where there is a namespace `dev`, that reads
 * as the first name of another walk, a pod's in `dev` for `a.b`, and must not be answered as such.
 */
export interface Exhausted {
  add(name: Name): void;
  has(name: Name): boolean;
}

/** How long a client may take to its next name, in seconds: lost packets cost resolvers five each. */
const KEPT = 30;
const MOST = 1024;

/** `now`: seconds. Bounded: the oldest are forgotten first. */
export function createExhausted(now: () => number): Exhausted {
  const until = new Map<Name, number>();
  return {
    add(name) {
      until.delete(name);
      until.set(name, now() + KEPT);
      if (until.size > MOST) until.delete(until.keys().next().value!);
    },
    has: (name) => (until.get(name) ?? 0) > now(),
  };
}
