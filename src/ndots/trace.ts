/** Lookups of resolver models with all that can be known of them: who answered each question, and how long it took. */
import { lookup, type LookupOptions, type LookupReport } from "../resolver/lookup.ts";
import type { ResolverModel } from "../resolver/models.ts";
import { isReply, type QueryRecord } from "../resolver/session.ts";
import type { Clock, Transport } from "../resolver/types.ts";
import type { Hop, Visit } from "./chain/chain.ts";

export interface TracedQuery extends QueryRecord {
  /** In a chain the last server on the way that was asked; null where nothing came back, or nobody knows. */
  readonly by: Hop | null;
  /** From the question to its answer, in ms; null without one. */
  readonly took_ms: number | null;
}

export interface TracedLookup extends LookupReport {
  readonly queries: readonly TracedQuery[];
  /** In a chain: questions that reached each server. */
  readonly hops: Readonly<Partial<Record<Hop, number>>>;
  /** From the call until an address was there, though the resolver may wait for more; null without one. */
  readonly first_address_ms: number | null;
}

interface Note {
  readonly sent: number;
  arrived?: number;
  hasAddress: boolean;
}

const round = (ms: number): number => Math.round(ms * 10) / 10;

/** `transport`, with a note of each question in the order sent. */
function noted(transport: Transport, clock: Clock, notes: Note[]): Transport {
  return {
    async send(question) {
      const note: Note = { sent: clock.now(), hasAddress: false };
      notes.push(note);
      const fate = await transport.send(question);
      note.arrived = clock.now();
      note.hasAddress = isReply(fate) && fate.addresses.length > 0;
      return fate;
    },
    close: (socket) => transport.close(socket),
  };
}

/** `visits`: where the transport writes whom each question was taken to, in the order sent. */
export async function traceLookup(
  model: ResolverModel,
  name: string,
  options: LookupOptions,
  visits: readonly (readonly Visit[])[] = [],
): Promise<TracedLookup> {
  const { clock } = options;
  const notes: Note[] = [];
  const start = clock.now();
  const transport = noted(options.transport, clock, notes);
  const report = await lookup(model, name, { ...options, transport });
  const hops: Partial<Record<Hop, number>> = {};
  for (const { hop } of visits.flat()) hops[hop] = (hops[hop] ?? 0) + 1;
  const first = Math.min(...notes.flatMap(({ hasAddress, arrived }) => (hasAddress ? [arrived!] : [])));
  return {
    ...report,
    queries: report.queries.map((query, i) => {
      const { sent, arrived } = notes[i]!;
      if (arrived === undefined) return { ...query, by: null, took_ms: null };
      return { ...query, by: visits[i]?.at(-1)?.hop ?? null, took_ms: round(arrived - sent) };
    }),
    hops,
    first_address_ms: first === Infinity ? null : round(first - start),
  };
}
