/** Which flows a filter lets through (pkg/hubble/filters of Cilium 1.20): every field that is there must hold. */
import { contains, parseAddress, parsePrefix } from "../select/cidr.ts";
import { byExpression } from "./cel.ts";
import { inside, regex } from "./expressions.ts";
import { addressFault, prefixFault } from "./faults.ts";
import { byHeader, byMethod, byStatus, byUrl, pathOf } from "./http.ts";
import { FilterError, fqdnPattern, nodePattern } from "./patterns.ts";
import { parseLabel, parseSelector } from "./selector.ts";
import type { Endpoint, EventTypeFilter, Flow, FlowFilter, Ports, TcpFlag, Workload } from "./types.ts";

/** Events that are no flows (nodes that come and go, lost events) are asked as undefined. */
export type Test = (flow: Flow | undefined) => boolean;

/** A flow passes when one of `allow` (or nothing) holds and none of `deny`. Throws FilterError. */
export function createFilter(allow: readonly FlowFilter[], deny: readonly FlowFilter[]): Test {
  const [allowed, denied] = [allow.map(compile), deny.map(compile)];
  return (flow) =>
    (allowed.length === 0 || allowed.some((test) => test(flow))) && !denied.some((test) => test(flow));
}

type Build<K extends keyof FlowFilter> = (wanted: NonNullable<FlowFilter[K]>, filter: FlowFilter) => Test;

/** One builder for each field, in the order in which Hubble builds them: the first error is the one that is told. */
const BUILDERS: { readonly [K in keyof FlowFilter]-?: Build<K> } = {
  uuid: (ids) => (f) => f !== undefined && ids.includes(f.uuid ?? ""),
  event_type: (types) => (f) => f?.event_type !== undefined && types.some((t) => isEvent(f, t)),
  verdict: (verdicts) => (f) => f !== undefined && verdicts.includes(f.verdict ?? "VERDICT_UNKNOWN"),
  drop_reason_desc: (reasons) => (f) =>
    f?.verdict === "DROPPED" && reasons.includes(f.drop_reason_desc ?? "DROP_REASON_UNKNOWN"),
  // A drop of which the direction is not known counts as no reply.
  reply: (replies) => (f) =>
    f !== undefined &&
    (f.is_reply !== undefined || f.verdict === "DROPPED") &&
    replies.includes(f.is_reply ?? false),
  encrypted: (wanted) => (f) => wanted.includes(f?.IP?.encrypted ?? false),
  source_identity: (ids) => (f) => f?.source !== undefined && ids.includes(f.source.identity ?? 0),
  destination_identity: (ids) => (f) =>
    f?.destination !== undefined && ids.includes(f.destination.identity ?? 0),
  protocol: byProtocol,
  source_ip: byAddress((f) => f.IP?.source),
  destination_ip: byAddress((f) => f.IP?.destination),
  source_ip_xlated: byAddress((f) => f.IP?.source_xlated),
  source_pod: byName((f) => [f.source?.namespace, f.source?.pod_name]),
  destination_pod: byName((f) => [f.destination?.namespace, f.destination?.pod_name]),
  source_workload: byWorkload((f) => f.source),
  destination_workload: byWorkload((f) => f.destination),
  source_service: (names) =>
    inside("source service", () =>
      byName((f) => [f.source_service?.namespace, f.source_service?.name])(names),
    ),
  destination_service: (names) =>
    inside("destination service", () =>
      byName((f) => [f.destination_service?.namespace, f.destination_service?.name])(names),
    ),
  source_fqdn: byFqdn((f) => f.source_names),
  destination_fqdn: byFqdn((f) => f.destination_names),
  dns_query: (queries) => {
    const expressions = inside("DNS query", () => queries.map(regex));
    return (f) => {
      const dns = f?.l7?.dns;
      return dns !== undefined && expressions.some((e) => e.matcher(dns.query ?? "").find());
    };
  },
  source_label: byLabels("source label", (f) => f.source?.labels),
  destination_label: byLabels("destination label", (f) => f.destination?.labels),
  node_labels: byLabels("node label", (f) => f.node_labels),
  source_port: byPort("source port", (ports) => ports.source_port),
  destination_port: byPort("destination port", (ports) => ports.destination_port),
  http_status_code: byStatus,
  http_method: byMethod,
  http_path: byUrl("path", pathOf),
  http_url: byUrl("url", (url) => url),
  http_header: byHeader,
  tcp_flags: (sets) => (f) => {
    const flags = f?.l4?.TCP?.flags;
    return (
      flags !== undefined && sets.some((set) => (Object.keys(set) as TcpFlag[]).every((flag) => flags[flag]))
    );
  },
  node_name: (names) => {
    const pattern = nodePattern(names);
    return (f) => {
      const name = f?.node_name;
      return name !== undefined && pattern.test(name.includes("/") ? name : `default/${name}`);
    };
  },
  source_cluster_name: byCluster((f) => f.source),
  destination_cluster_name: byCluster((f) => f.destination),
  ip_version: (versions) => (f) => f !== undefined && versions.includes(f.IP?.ipVersion ?? "IP_NOT_USED"),
  trace_id: (ids) => (f) => ids.includes(f?.trace_context?.parent?.trace_id ?? ""),
  traffic_direction: (directions) => (f) =>
    f !== undefined && directions.includes(f.traffic_direction ?? "TRAFFIC_DIRECTION_UNKNOWN"),
  experimental: ({ cel_expression: expressions = [] }) =>
    expressions.length === 0 ? () => true : byExpression(expressions),
  interface: (wanted) => (f) =>
    f?.interface !== undefined &&
    wanted.some(
      ({ index = 0, name = "" }) =>
        (index === 0 || index === f.interface?.index) && (name === "" || name === f.interface?.name),
    ),
  ip_trace_id: (ids) => (f) => ids.includes(f?.ip_trace_id?.trace_id ?? "0"),
};

function compile(filter: FlowFilter): Test {
  const build = <K extends keyof FlowFilter>(key: K): Test | undefined => {
    const wanted = filter[key];
    // TypeScript loses that the builder and the value belong to the same key.
    const make = BUILDERS[key] as unknown as Build<K>;
    return wanted === undefined ? undefined : make(wanted, filter);
  };
  const tests = (Object.keys(BUILDERS) as (keyof FlowFilter)[]).flatMap((key) => build(key) ?? []);
  return (flow) => tests.every((test) => test(flow));
}

function isEvent(f: Flow, { type = 0, match_sub_type = false, sub_type = 0 }: EventTypeFilter): boolean {
  if (type !== 0 && type !== (f.event_type?.type ?? 0)) return false;
  return !match_sub_type || sub_type === (f.event_type?.sub_type ?? 0);
}

const PROTOCOLS: Readonly<Record<string, Test>> = {
  icmp: (f) => f?.l4?.ICMPv4 !== undefined || f?.l4?.ICMPv6 !== undefined,
  icmpv4: (f) => f?.l4?.ICMPv4 !== undefined,
  icmpv6: (f) => f?.l4?.ICMPv6 !== undefined,
  tcp: (f) => f?.l4?.TCP !== undefined,
  udp: (f) => f?.l4?.UDP !== undefined,
  sctp: (f) => f?.l4?.SCTP !== undefined,
  vrrp: (f) => f?.l4?.VRRP !== undefined,
  igmp: (f) => f?.l4?.IGMP !== undefined,
  dns: (f) => f?.l7?.dns !== undefined,
  http: (f) => f?.l7?.http !== undefined,
};

function byProtocol(names: readonly string[]): Test {
  const tests = names.map((name) => {
    const key = name.toLowerCase();
    const test = Object.hasOwn(PROTOCOLS, key) ? PROTOCOLS[key] : undefined;
    if (test === undefined)
      throw new FilterError(`invalid protocol filter: unknown protocol: ${JSON.stringify(name)}`);
    return test;
  });
  return (f) => tests.some((test) => test(f));
}

/** Addresses are compared as text, networks as numbers. */
function byAddress(get: (f: Flow) => string | undefined) {
  return (wanted: readonly string[]): Test => {
    const prefixes = wanted
      .filter((text) => text.includes("/"))
      .map((text) => {
        const prefix = parsePrefix(text);
        if (prefix === undefined || text.includes("%"))
          throw new FilterError(`invalid IP prefix ${JSON.stringify(text)} in filter: ${prefixFault(text)}`);
        return prefix;
      });
    for (const text of wanted)
      if (!text.includes("/") && parseAddress(text) === undefined)
        throw new FilterError(`invalid IP address ${JSON.stringify(text)} in filter: ${addressFault(text)}`);
    return (f) => {
      const text = f === undefined ? undefined : get(f);
      if (text === undefined) return false;
      if (wanted.includes(text)) return true;
      const address = prefixes.length === 0 ? undefined : parseAddress(text);
      return address !== undefined && prefixes.some((p) => contains(p, address));
    };
  };
}

/** `namespace/prefix`, `/prefix` in every namespace, `namespace/`, `prefix` in `default`. */
function byName(get: (f: Flow) => readonly [string | undefined, string | undefined]) {
  return (names: readonly string[]): Test => {
    const wanted = names.map((text) => {
      if (text === "") throw new FilterError("invalid filter, name must not be empty");
      const [first = "", second] = text.split("/");
      return second === undefined ? ["default", first] : [first, second];
    });
    return (f) => {
      const [namespace = "", name = ""] = f === undefined ? [] : get(f);
      if (namespace === "" && name === "") return false;
      return wanted.some(
        ([ns = "", prefix = ""]) => name.startsWith(prefix) && (ns === "" || ns === namespace),
      );
    };
  };
}

function byWorkload(get: (f: Flow) => Endpoint | undefined) {
  const matches = (wanted: Workload, has: Workload): boolean =>
    (wanted.name === undefined || wanted.name === has.name) &&
    (wanted.kind === undefined || wanted.kind === has.kind);
  return (wanted: readonly Workload[]): Test =>
    (f) =>
      f !== undefined && (get(f)?.workloads?.some((has) => wanted.some((w) => matches(w, has))) ?? false);
}

function byFqdn(get: (f: Flow) => readonly string[] | undefined) {
  return (patterns: readonly string[]): Test => {
    const pattern = fqdnPattern(patterns);
    return (f) => f !== undefined && (get(f)?.some((name) => pattern.test(name)) ?? false);
  };
}

function byLabels(what: string, get: (f: Flow) => readonly string[] | undefined) {
  return (texts: readonly string[]): Test => {
    const selectors = inside(what, () => texts.map(parseSelector));
    return (f) => {
      const labels = (f === undefined ? [] : (get(f) ?? [])).map(parseLabel);
      return selectors.some((selector) => selector(labels));
    };
  };
}

function byPort(what: string, get: (ports: Ports) => number | undefined) {
  return (texts: readonly string[]): Test => {
    const ports = texts.map((text) => {
      const error = !/^\d+$/.test(text)
        ? "invalid syntax"
        : Number(text) > 65_535
          ? "value out of range"
          : "";
      if (error === "") return Number(text);
      const quoted = JSON.stringify(text);
      throw new FilterError(
        `invalid ${what} filter: invalid port ${quoted}: strconv.ParseUint: parsing ${quoted}: ${error}`,
      );
    });
    return (f) => {
      const l4 = f?.l4?.TCP ?? f?.l4?.UDP ?? f?.l4?.SCTP;
      return l4 !== undefined && ports.includes((get(l4) ?? 0) & 0xffff);
    };
  };
}

function byCluster(get: (f: Flow) => Endpoint | undefined) {
  return (names: readonly string[]): Test => {
    if (names.includes("")) throw new FilterError("invalid filter, name must not be empty");
    return (f) => f !== undefined && names.includes(get(f)?.cluster_name ?? "");
  };
}
