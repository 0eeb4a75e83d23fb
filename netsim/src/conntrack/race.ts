/**
 * The insertion race that loses DNS packets. A stub resolver sends A and AAAA from one socket, at once. Where both pass
 * before either is entered into the table, each gets an entry of its own with the same original tuple, and a Service
 * translates each by chance; the second to be confirmed clashes with the first.
 */

/**
 * What the kernel does with the second packet:
 *
 * - `drop`: nothing helps it (`insert_failed`; before 4.19 also where both were translated alike);
 * - `same`: it is saved where both got the same endpoint (4.19: "resolve clash for matching conntracks");
 * - `insert`: and with different ones too: its entry lives for a second, in the reply direction only (5.6: "allow insertion
 *   of clashing entries").
 */
export type ClashHandling = "drop" | "same" | "insert";

export function clashHandling(kernel: string): ClashHandling {
  const [major = 0, minor = 0] = kernel.split(".").map(Number);
  const since = (a: number, b: number) => major > a || (major === a && minor >= b);
  if (since(5, 6)) return "insert";
  return since(4, 19) ? "same" : "drop";
}

export interface RaceOptions {
  /** `uname -r`. */
  readonly kernel: string;
  /** Endpoints of the DNS Service, each as likely as the other. */
  readonly endpoints: number;
  /** How often both packets are under way at once: 0 to 1. */
  readonly overlap: number;
  /** Is the query translated at all? Not with a node-local cache or eBPF at the socket: then there is no race to lose. */
  readonly translated?: boolean;
  /** Does the resolver take a socket for each query (`single-request-reopen`) or ask one after the other (`single-request`)? */
  readonly separate?: boolean;
}

/** The probability that one lookup (A and AAAA) loses a packet, and so waits for the resolver's timeout (5 s in glibc). */
export function lossProbability({
  kernel,
  endpoints,
  overlap,
  translated = true,
  separate = false,
}: RaceOptions): number {
  if (!translated || separate || endpoints < 1) return 0;
  const handling = clashHandling(kernel);
  if (handling === "insert") return 0;
  return overlap * (handling === "drop" ? 1 : 1 - 1 / endpoints);
}

/** One lookup as it happens: the endpoints that A and AAAA were sent to, undefined for the one that was lost. */
export interface RacedLookup {
  readonly raced: boolean;
  readonly first: number;
  readonly second: number | undefined;
}

/** `count` lookups by chance, from numbers in [0, 1). */
export function raceLookups(count: number, options: RaceOptions, random: () => number): RacedLookup[] {
  const { kernel, endpoints, overlap, translated = true, separate = false } = options;
  const handling = clashHandling(kernel);
  const pick = () => Math.min(endpoints - 1, Math.floor(random() * endpoints));
  return Array.from({ length: count }, () => {
    const raced = random() < overlap;
    const first = pick();
    if (separate) return { raced, first, second: pick() };
    // Once the first is in the table, the same socket's next packet follows it.
    if (!raced || !translated) return { raced, first, second: first };
    const second = pick();
    const survives = handling === "insert" || (handling === "same" && second === first);
    return { raced, first, second: survives ? second : undefined };
  });
}
