/** The metrics of queries and answers, as numbers that are found once for a place and then only added to. */
import type { Answer, Failure } from "../../src/dns/message.ts";
import type { Query, Scope } from "../../src/dns/query.ts";
import { nameText } from "../../src/dns/name.ts";
import { RCODE, rcodeText, TYPE, typeText } from "../../src/dns/types.ts";
import type { Cell, Family, HistogramCell, Metrics } from "../../src/metrics/metrics.ts";

const DURATIONS = Array.from({ length: 16 }, (_, i) => 0.00025 * 2 ** i);
const SIZES = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16000, 32000, 48000, 64000];

/** Types with a label value of their own; the rest is `other`. */
const NAMED = new Set<number>([
  ...[
    TYPE.A,
    TYPE.AAAA,
    TYPE.CNAME,
    TYPE.DNSKEY,
    TYPE.DS,
    TYPE.MX,
    TYPE.NSEC3,
    TYPE.NSEC,
    TYPE.NS,
    TYPE.PTR,
    TYPE.RRSIG,
  ],
  ...[TYPE.SOA, TYPE.SRV, TYPE.TXT, TYPE.HTTPS, TYPE.SVCB, TYPE.IXFR, TYPE.AXFR, TYPE.ANY],
]);
const typeLabel = (type: number): string => (NAMED.has(type) ? typeText(type) : "other");

/** The series of one place (server, zone, view) and protocol. */
interface Place {
  readonly requestSize: HistogramCell;
  readonly responseSize: HistogramCell;
  readonly duration: HistogramCell;
  readonly dnssecOk: () => Cell;
  /** By family and type (below 256; others are looked up). */
  readonly requests: (Cell | undefined)[];
  request(type: number, family: number): Cell;
  /** By rcode, answered by a plugin or by the server. */
  readonly responses: (Cell | undefined)[];
  response(rcode: number, plugin: string): Cell;
}

export interface QueryMetrics {
  observe(query: Query, answer: Answer, seconds: number): void;
  observeUnrouted(query: Query, failure: Failure, seconds: number): void;
}

/** `plugin` is what the `plugin` label of an answer says; asked once, at the first answer. */
export function createQueryMetrics(metrics: Metrics, plugin: () => string): QueryMetrics {
  const families = {
    requests: metrics.counter(
      "coredns_dns_requests_total",
      "Counter of DNS requests made per zone, protocol and family.",
      ["family", "proto", "server", "type", "view", "zone"],
    ),
    responses: metrics.counter("coredns_dns_responses_total", "Counter of response status codes.", [
      "plugin",
      "rcode",
      "server",
      "view",
      "zone",
    ]),
    dnssecOk: metrics.counter(
      "coredns_dns_do_requests_total",
      "Counter of DNS requests with DO bit set per zone.",
      ["server", "view", "zone"],
    ),
    duration: metrics.histogram(
      "coredns_dns_request_duration_seconds",
      "Histogram of the time (in seconds) each request took per zone.",
      ["server", "view", "zone"],
      DURATIONS,
    ),
    requestSize: metrics.histogram(
      "coredns_dns_request_size_bytes",
      "Size of the EDNS0 UDP buffer in bytes (64K for TCP) per zone and protocol.",
      ["proto", "server", "view", "zone"],
      SIZES,
    ),
    responseSize: metrics.histogram(
      "coredns_dns_response_size_bytes",
      "Size of the returned response in bytes.",
      ["proto", "server", "view", "zone"],
      SIZES,
    ),
  };
  const udp = new Map<Scope, Place>();
  const tcp = new Map<Scope, Place>();
  let label: string | undefined;

  const placeOf = (query: Query): Place => {
    const places = query.peer.protocol === "udp" ? udp : tcp;
    let place = places.get(query.scope);
    if (place === undefined)
      places.set(query.scope, (place = createPlace(families, query.scope, query.peer.protocol)));
    return place;
  };

  const count = (query: Query, seconds: number, rcode: number, size: number, by: string): void => {
    const place = placeOf(query);
    const { type } = query;
    const { family } = query.peer;
    const slot = type < 256 ? type * 2 + (family === 4 ? 0 : 1) : -1;
    const request =
      slot < 0 ? place.request(type, family) : (place.requests[slot] ??= place.request(type, family));
    request.value++;
    if (query.dnssecOk) place.dnssecOk().value++;
    const written = by === "" ? 0 : 32;
    const response =
      rcode < 32
        ? (place.responses[written + rcode] ??= place.response(rcode, by))
        : place.response(rcode, by);
    response.value++;
    place.duration.observe(seconds);
    place.requestSize.observe(query.length);
    place.responseSize.observe(size);
  };

  return {
    observe(query, answer, seconds) {
      label ??= plugin();
      switch (answer.kind) {
        case "message":
          return count(query, seconds, answer.rcode, answer.plainSize, label);
        case "failure":
          return count(query, seconds, answer.rcode, 0, "");
        case "stream":
          return count(query, seconds, RCODE.NOERROR, 0, label);
        case "drop":
          return count(query, seconds, RCODE.NOERROR, 0, "");
      }
    },
    observeUnrouted(query, failure, seconds) {
      count(query, seconds, failure.rcode, 12 + query.rawName.length + 4, "");
    },
  };
}

type Families = {
  readonly [K in "requests" | "responses" | "dnssecOk"]: Family<Cell>;
} & { readonly [K in "duration" | "requestSize" | "responseSize"]: Family<HistogramCell> };

function createPlace(families: Families, scope: Scope, proto: string): Place {
  const { server, view } = scope;
  const zone = scope.zone === ("dropped" as string) ? "dropped" : nameText(scope.zone);
  return {
    requestSize: families.requestSize.at(proto, server, view, zone),
    responseSize: families.responseSize.at(proto, server, view, zone),
    duration: families.duration.at(server, view, zone),
    dnssecOk: () => families.dnssecOk.at(server, view, zone),
    // Filled to their size now: an array with holes would be slow.
    requests: new Array<Cell | undefined>(512).fill(undefined),
    request: (type, family) =>
      families.requests.at(family === 4 ? "1" : "2", proto, server, typeLabel(type), view, zone),
    responses: new Array<Cell | undefined>(64).fill(undefined),
    response: (rcode, plugin) => families.responses.at(plugin, rcodeText(rcode), server, view, zone),
  };
}
