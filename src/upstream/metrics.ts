import type { Cell, HistogramCell, Metrics } from "../metrics/metrics.ts";
import { rcodeText } from "../dns/types.ts";

/** Told of exchanges that found an open connection, and of those that did not. */
export interface ConnectionCounter {
  hit(): void;
  miss(): void;
}

/** What plugins that ask upstreams count, under CoreDNS's names. `to`: an upstream's name. */
export interface UpstreamMetrics {
  /** `protocol`: udp, tcp, tcp-tls or https. */
  connections(to: string, protocol: string): ConnectionCounter;
  duration(to: string, rcode: number): HistogramCell;
  healthFailed(to: string): void;
}

/** Seconds: from 0.25 ms on, each twice the one before. */
const DURATIONS: readonly number[] = Array.from({ length: 16 }, (_, i) => 0.00025 * 2 ** i);

/** `plugin`: what the label `proxy_name` says. */
export function createUpstreamMetrics(metrics: Metrics, plugin: string): UpstreamMetrics {
  const connection = (what: string, text: string): ReturnType<Metrics["counter"]> =>
    metrics.counter(
      `coredns_proxy_conn_cache_${what}_total`,
      `Counter of connection cache ${text} per upstream and protocol.`,
      ["proto", "proxy_name", "to"],
    );
  const hits = connection("hits", "hits");
  const misses = connection("misses", "misses");
  const failures = metrics.counter(
    "coredns_proxy_healthcheck_failures_total",
    "Counter of the number of failed healthchecks.",
    ["proxy_name", "to"],
  );
  const durations = metrics.histogram(
    "coredns_proxy_request_duration_seconds",
    "Histogram of the time each request took.",
    ["proxy_name", "rcode", "to"],
    DURATIONS,
  );
  // By upstream and rcode: found by two look-ups of what is at hand.
  const known = new Map<string, Map<number, HistogramCell>>();
  return {
    connections(to, protocol) {
      let hit: Cell | undefined;
      let miss: Cell | undefined;
      return {
        hit: () => (hit ??= hits.at(protocol, plugin, to)).inc(),
        miss: () => (miss ??= misses.at(protocol, plugin, to)).inc(),
      };
    },
    duration(to, rcode) {
      let cells = known.get(to);
      if (cells === undefined) known.set(to, (cells = new Map()));
      let cell = cells.get(rcode);
      if (cell === undefined) cells.set(rcode, (cell = durations.at(plugin, nameOf(rcode), to)));
      return cell;
    },
    healthFailed(to) {
      failures.at(plugin, to).inc();
    },
  };
}

/** A code without a name is written as its number. */
const nameOf = (rcode: number): string => {
  const text = rcodeText(rcode);
  return text.startsWith("RCODE") ? String(rcode) : text;
};
