import { coredns } from "./coredns.ts";
import { dns2 } from "./dns2.ts";
import { knot } from "./knot.ts";
import { ours, oursDgram, oursTwoThreads } from "./ours.ts";
import { unbound } from "./unbound.ts";
import type { Kind } from "./server.ts";

/** In the order of tables and charts. */
export const kinds: readonly Kind[] = [ours, oursTwoThreads, oursDgram, coredns, knot, unbound, dns2];
