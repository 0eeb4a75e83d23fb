import type { ClusterWatch } from "../../src/cluster/source.ts";
import { extendedError } from "../../src/dns/edns.ts";
import type { Message } from "../../src/dns/message.ts";
import type { Query } from "../../src/dns/query.ts";

/** RFC 8914 §4.4: Stale Answer. */
const STALE = 3;
const LOOK_MS = 1000;

export interface Staleness {
  /** The kinds of which changes may have been missed, for people to read; undefined while there are none. */
  readonly kinds: string | undefined;
  close(): void;
}

/** Looks every second whether what `watch` delivered may be out of date. */
export function followStaleness(watch: ClusterWatch): Staleness {
  const look = (): string | undefined => {
    const stale = watch.health().filter(({ listed, staleSince }) => listed && staleSince !== undefined);
    return stale.length === 0 ? undefined : stale.map(({ kind }) => kind).join(", ");
  };
  let kinds: string | undefined;
  const timer = setInterval(() => (kinds = look()), LOOK_MS).unref();
  return {
    get kinds() {
      return kinds;
    },
    close: () => clearInterval(timer),
  };
}

/** The answer with word for the client that it may be out of date. For queries with EDNS. */
export const markStale = (message: Message, { udpSize, dnssecOk }: Query): Message =>
  message.with({
    opt: { udpSize, dnssecOk, options: [extendedError(STALE, "no word from the Kubernetes API")] },
  });
