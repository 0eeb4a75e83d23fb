import type { ApiObserver } from "../../src/cluster/apiserver/client.ts";
import type { Service } from "../../src/cluster/objects.ts";
import type { KindHealth } from "../../src/cluster/source.ts";
import type { Metrics } from "../../src/metrics/metrics.ts";

/** Seconds, 1 ms to about 9 minutes. */
const PROGRAMMING = Array.from({ length: 20 }, (_, i) => 0.001 * 2 ** i);
/** Prometheus' default bounds, in seconds. */
const LATENCY = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface ClusterMetrics {
  readonly onProgrammed: (service: Service, seconds: number) => void;
  readonly observer: ApiObserver;
  /** Has the gauges follow `health` until the returned function is called. */
  follow(health: () => readonly KindHealth[], now: () => number): () => void;
}

/** The metrics `coredns_kubernetes_...`, under CoreDNS's names, and one of ours that tells how stale the index may be. */
export function createMetrics(metrics: Metrics): ClusterMetrics {
  const programming = metrics.histogram(
    "dns_programming_duration_seconds",
    "Histogram of the time (in seconds) it took to program a dns instance.",
    ["service_kind"],
    PROGRAMMING,
  );
  const requests = metrics.counter(
    "rest_client_requests_total",
    "Number of HTTP requests, partitioned by status code, method, and host.",
    ["code", "host", "method"],
  );
  const durations = metrics.histogram(
    "rest_client_request_duration_seconds",
    "Request latency in seconds. Broken down by verb and host.",
    ["host", "verb"],
    LATENCY,
  );
  const limited = metrics.histogram(
    "rest_client_rate_limiter_duration_seconds",
    "Client side rate limiter latency in seconds. Broken down by verb and host.",
    ["host", "verb"],
    LATENCY,
  );
  const stale = metrics.gauge(
    "stale_seconds",
    "For how long answers may have been out of date; 0 while they are not.",
    ["kind"],
  );

  return {
    // A Service without a selector has no annotated slices.
    onProgrammed: ({ headless }, seconds) =>
      programming.at(headless ? "headless_with_selector" : "cluster_ip").observe(seconds),
    observer: {
      request(code, method, host, seconds) {
        requests.at(code, host, method).inc();
        if (seconds !== undefined) durations.at(host, method).observe(seconds);
      },
      limited: (method, host, seconds) => limited.at(host, method).observe(seconds),
    },
    follow: (health, now) =>
      metrics.onCollect(() => {
        for (const { kind, staleSince } of health()) {
          stale.at(kind).set(staleSince === undefined ? 0 : Math.max(0, (now() - staleSince) / 1000));
        }
      }),
  };
}
