import type { ResolvConf } from "./conf.ts";
import type { ResolverModel } from "./models.ts";
import { openSession, type QueryRecord } from "./session.ts";
import type { Clock, Net, Random, Transport } from "./types.ts";

/** One lookup, as it went. */
export interface LookupReport {
  readonly name: string;
  readonly resolver: string;
  /** In the order in which they were sent. */
  readonly queries: readonly QueryRecord[];
  readonly result: {
    readonly ok: boolean;
    readonly addresses: readonly string[];
    /** The resolver's own words. */
    readonly error: string | null;
    /** From the call to its return. */
    readonly ms: number;
  };
}

export interface LookupOptions {
  readonly conf: ResolvConf;
  readonly net: Net;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  /** When to stop waiting for a resolver that would wait for ever, in ms. */
  readonly patience?: number;
}

/** glibc waits for a silent TCP server until that server closes; nobody watches longer than this. */
export const PATIENCE = 90_000;

/** Looks `name` up as `model` would. */
export async function lookup(
  model: ResolverModel,
  name: string,
  options: LookupOptions,
): Promise<LookupReport> {
  const { conf, net, transport, clock, random, patience = PATIENCE } = options;
  const session = openSession(transport, clock, random);
  const start = clock.now();
  let cancel: (() => void) | undefined;
  const gaveUp = new Promise<undefined>((done) => {
    cancel = clock.at(start + patience, () => done(undefined));
  });
  const outcome = await Promise.race([model.resolve({ name, conf, net, session }), gaveUp]);
  cancel?.();
  const ms = Math.round((clock.now() - start) * 10) / 10;
  session.close();
  return {
    name,
    resolver: model.name,
    queries: session.queries,
    result: {
      ok: outcome?.ok ?? false,
      addresses: outcome?.addresses ?? [],
      error:
        outcome === undefined ? `still waiting after ${String(patience / 1000)} s` : (outcome.error ?? null),
      ms,
    },
  };
}
