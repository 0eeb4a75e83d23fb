/** The query log of clusterdns or CoreDNS (plugin `log`) as flows of DNS requests and responses. */
import type { Cluster } from "../model/types.ts";
import { endpointsOf } from "../policy/endpoint.ts";
import { clusterDnsOf } from "../trace/settings.ts";
import { complete } from "../trace/world.ts";
import { canonicalTime, parseTime } from "./time.ts";
import { dnsRecord } from "./traffic/dns.ts";
import { createIdentities } from "./traffic/identities.ts";
import type { Flow, FlowsResponse } from "./types.ts";

/** One line of the log in its common format, or the combined one. */
interface Entry {
  /** What `kubectl logs --timestamps` or a container's runtime put before the line; nanoseconds since 1970. */
  readonly time: bigint | undefined;
  readonly address: string;
  readonly port: number;
  readonly type: string;
  readonly name: string;
  readonly protocol: string;
  readonly rcode: string;
  /** Seconds. */
  readonly duration: number;
}

const STAMP = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})/;
const LINE =
  /(?:\[([0-9a-f:.%]+)\]|([0-9.]+)):(\d{1,5}) - \d+ "(\S+) \S+ (\S+) (\S+) \d+ \S+ \d+" (\S+) \S+ \d+ ([\d.]+(?:e-?\d+)?)s/i;

/** Undefined for lines that are no queries: startup, errors, other plugins'. */
function parseLine(line: string): Entry | undefined {
  const found = LINE.exec(line);
  if (found === null) return undefined;
  const [, v6, v4, port, type = "", name = "", protocol = "", rcode = "", duration] = found;
  const stamp = STAMP.exec(line.slice(0, found.index))?.[0];
  return {
    time: stamp === undefined ? undefined : parseTime(stamp),
    address: v6 ?? v4 ?? "",
    port: Number(port),
    type,
    name,
    protocol,
    rcode,
    duration: Number(duration),
  };
}

export interface DnsLog {
  /** The request and the response of a line; none for a line that is no query. `now` is for lines without a time. */
  flows(line: string, now?: bigint): readonly FlowsResponse[];
}

/**
 * Clients are the pods of `given` by their addresses, the server is its cluster DNS. A log line has no addresses of the answer,
 * and no TTL; the flows have none either.
 *
 *     const log = createDnsLog(cluster);
 *     const server = createServer({ corefile, log: (_, line) => log.flows(line, now()).forEach(show) });
 */
export function createDnsLog(given: Cluster): DnsLog {
  const { cluster } = complete(given);
  const endpoints = endpointsOf(cluster);
  const identities = createIdentities(cluster, endpoints);
  const service = clusterDnsOf(cluster);
  const addresses = (service?.spec.clusterIPs ?? []).filter((ip) => ip !== "None");
  let number = 0;

  const flow = (entry: Entry, reply: boolean, at: bigint | undefined): FlowsResponse => {
    const { address, port, type, name, rcode, protocol } = entry;
    const v6 = address.includes(":");
    const client = endpoints.byAddress(address);
    const server = addresses.find((ip) => ip.includes(":") === v6);
    const named = service && {
      [reply ? "source_service" : "destination_service"]: {
        name: service.metadata.name,
        namespace: service.metadata.namespace,
      },
    };
    const exchange = { name, type, rcode, addresses: [], cnames: [], types: [], ttl: 0 };
    const { l7, summary } = dnsRecord(exchange, reply, "clusterdns");
    const end = client === undefined ? {} : identities.endpoint(client, client.node);
    const ports = reply
      ? { source_port: 53, destination_port: port }
      : { source_port: port, destination_port: 53 };
    const node = client === undefined || client.node === "" ? undefined : identities.node(client.node);
    const time = at === undefined ? undefined : canonicalTime(at);
    const told: Flow = {
      ...(time !== undefined && { time }),
      uuid: `00000000-0000-4000-8000-${String(++number).padStart(12, "0")}`,
      verdict: "FORWARDED",
      IP: {
        ...(reply ? server !== undefined && { source: server } : { source: address }),
        ...(reply ? { destination: address } : server !== undefined && { destination: server }),
        ipVersion: v6 ? "IPv6" : "IPv4",
      },
      l4: protocol.toLowerCase() === "udp" ? { UDP: ports } : { TCP: ports },
      source: reply ? {} : end,
      destination: reply ? end : {},
      Type: "L7",
      ...(node !== undefined && { node_name: node.name, node_labels: [...node.labels] }),
      l7: { ...l7, ...(reply && { latency_ns: String(Math.round(entry.duration * 1e9)) }) },
      ...(reply && { reply }),
      event_type: { type: 129 },
      ...named,
      traffic_direction: "EGRESS",
      is_reply: reply,
      Summary: summary,
    };
    return {
      flow: told,
      ...(node !== undefined && { node_name: node.name }),
      ...(time !== undefined && { time }),
    };
  };

  return {
    flows(line, now) {
      const entry = parseLine(line);
      if (entry === undefined) return [];
      const answered = entry.time ?? now;
      const asked = answered === undefined ? undefined : answered - BigInt(Math.round(entry.duration * 1e9));
      return [flow(entry, false, asked), flow(entry, true, answered)];
    },
  };
}
