/** The flags of `hubble observe` that make filters, turned into the filters that Hubble is asked with. */
import { encodeFilter } from "./json.ts";
import { FilterError } from "./patterns.ts";
import type { FlowFilter } from "./types.ts";
import * as values from "./values.ts";

type Key = keyof FlowFilter;
type Side = "source" | "destination";

/** Flags that come alone, with `from-` and with `to-`: the field of each side, and what a value means. */
const SIDED: Readonly<Record<string, { field: string; parse?: (text: string) => unknown }>> = {
  fqdn: { field: "fqdn" },
  pod: { field: "pod" },
  ip: { field: "ip" },
  label: { field: "label" },
  service: { field: "service" },
  port: { field: "port" },
  workload: { field: "workload", parse: values.workload },
  identity: { field: "identity", parse: values.identity },
  cluster: { field: "cluster_name" },
};

const PLAIN: Readonly<Record<string, { field: Key; parse?: (text: string) => unknown }>> = {
  uuid: { field: "uuid" },
  "snat-ip": { field: "source_ip_xlated" },
  ipv4: { field: "ip_version", parse: () => "IPv4" },
  ipv6: { field: "ip_version", parse: () => "IPv6" },
  "ip-version": { field: "ip_version", parse: values.ipVersion },
  "trace-id": { field: "trace_id" },
  "ip-trace-id": { field: "ip_trace_id", parse: values.ipTraceId },
  verdict: { field: "verdict", parse: (text) => values.oneOf("Verdict", "verdict", text) },
  "drop-reason-desc": { field: "drop_reason_desc", parse: values.dropReason },
  "http-status": { field: "http_status_code" },
  "http-method": { field: "http_method" },
  "http-path": { field: "http_path" },
  "http-url": { field: "http_url" },
  "http-header": { field: "http_header", parse: values.header },
  type: { field: "event_type", parse: values.eventType },
  protocol: { field: "protocol" },
  "node-name": { field: "node_name" },
  "node-label": { field: "node_labels" },
  "tcp-flags": { field: "tcp_flags", parse: values.tcpFlags },
  "traffic-direction": { field: "traffic_direction", parse: values.direction },
  interface: { field: "interface", parse: (name) => (name === "" ? {} : { name }) },
  // Whatever value these are given, being there is what counts.
  encrypted: { field: "encrypted", parse: () => true },
  unencrypted: { field: "encrypted", parse: () => false },
  reply: { field: "reply", parse: () => true },
  "not-reply": { field: "reply", parse: () => false },
};

/** Flags of which no two can be used together. */
const CONFLICTS: readonly (readonly string[])[] = [
  "from-fqdn from-ip ip fqdn from-namespace namespace from-all-namespaces all-namespaces",
  "from-fqdn from-ip ip fqdn from-pod pod",
  "to-fqdn to-ip ip fqdn to-namespace namespace to-all-namespaces all-namespaces",
  "to-fqdn to-ip ip fqdn to-pod pod",
  "to-pod namespace all-namespaces",
  "from-pod namespace all-namespaces",
  "to-service namespace all-namespaces",
  "from-service namespace all-namespaces",
  "label from-label",
  "label to-label",
  "service from-service",
  "service to-service",
  "port to-port",
  "port from-port",
  "identity to-identity",
  "identity from-identity",
  "workload to-workload",
  "workload from-workload",
  "encrypted unencrypted",
  "reply not-reply",
].map((line) => line.split(" "));

const NAMESPACES = /^(?:(from|to)-)?(?:namespace|all-namespaces)$/;

interface Tracker {
  set(flag: string, value: string): void;
  filters(): FlowFilter[];
}

/** One list of filters as it grows: the left one holds of sources, the right one of destinations, where they differ. */
function createTracker(): Tracker {
  const [left, right]: [FlowFilter, FlowFilter] = [{}, {}];
  const namespaces = { both: [] as string[], from: [] as string[], to: [] as string[] };
  const used = new Set<string>();

  const add = (filter: FlowFilter, field: string, value: unknown): void => {
    const lists = filter as Record<string, unknown[]>;
    (lists[field] ??= []).push(value);
  };
  const both = (field: string, value: unknown): void => {
    add(left, field, value);
    add(right, field, value);
  };

  const conflict = (): void => {
    for (const group of CONFLICTS)
      for (const flag of group) {
        const other = used.has(flag) ? group.find((f) => f !== flag && used.has(f)) : undefined;
        if (other !== undefined) throw new FilterError(`filters --${flag} and --${other} cannot be combined`);
      }
  };

  return {
    set(flag, value) {
      used.add(flag);
      conflict();
      const plain = PLAIN[flag];
      const [, way, name = ""] = /^(?:(from|to)-)?(.*)$/.exec(flag) ?? [];
      const sided = SIDED[name];
      if (NAMESPACES.test(flag)) {
        const list = way === "from" ? namespaces.from : way === "to" ? namespaces.to : namespaces.both;
        list.push(name === "namespace" ? value : "");
      } else if (flag === "cel-expression") {
        for (const filter of [left, right]) ((filter.experimental ??= {}).cel_expression ??= []).push(value);
      } else if (plain !== undefined) {
        both(plain.field, plain.parse?.(value) ?? value);
      } else if (sided !== undefined) {
        const parsed = sided.parse?.(value) ?? value;
        if (way !== undefined) both(`${way === "from" ? "source" : "destination"}_${sided.field}`, parsed);
        else {
          add(left, `source_${sided.field}`, parsed);
          add(right, `destination_${sided.field}`, parsed);
        }
      }
      checkNamespaces(left, namespaces);
      checkNamespaces(right, namespaces);
    },
    filters() {
      for (const filter of [left, right]) {
        if (namespaces.to.length > 0) inNamespaces(filter, "destination", namespaces.to);
        if (namespaces.from.length > 0) inNamespaces(filter, "source", namespaces.from);
      }
      if (namespaces.both.length > 0) {
        inNamespaces(left, "source", namespaces.both);
        inNamespaces(right, "destination", namespaces.both);
      }
      return encodeFilter(left) === encodeFilter(right) ? [left] : [left, right];
    },
  };
}

function inNamespaces(filter: FlowFilter, side: Side, namespaces: readonly string[]): void {
  const [pod, service] = [`${side}_pod`, `${side}_service`] as const;
  if (filter[pod] === undefined && filter[service] === undefined) filter[pod] = [""];
  for (const field of [pod, service]) {
    const names = filter[field];
    if (names === undefined) continue;
    filter[field] = names.flatMap((name) =>
      name.includes("/") ? [name] : namespaces.map((namespace) => `${namespace}/${name}`),
    );
  }
}

const namespaceOf = (name: string): string => (name.includes("/") ? (name.split("/")[0] ?? "") : "");

function checkNamespaces(
  filter: FlowFilter,
  { both, from, to }: { both: readonly string[]; from: readonly string[]; to: readonly string[] },
): void {
  const errors: string[] = [];
  const against = (namespaces: readonly string[], names: readonly string[] = []): void => {
    for (const ns of namespaces)
      for (const name of names)
        if (namespaceOf(name) !== "" && namespaceOf(name) !== ns) {
          errors.push(`namespace conflict: ${JSON.stringify(ns)} does not contain ${JSON.stringify(name)}`);
          return;
        }
  };
  const { source_pod, source_service, destination_pod, destination_service } = filter;
  for (const names of [source_pod, source_service, destination_pod, destination_service])
    against(both, names);
  for (const names of [source_pod, source_service]) against(from, names);
  for (const names of [destination_pod, destination_service]) against(to, names);
  for (const [pods = [], services = []] of [
    [source_pod, source_service],
    [destination_pod, destination_service],
  ])
    for (const pod of pods) {
      const namespace = namespaceOf(pod);
      const wrong = namespace === "" ? undefined : services.find((s) => namespaceOf(s) !== namespace);
      if (wrong === undefined) continue;
      errors.push(
        `namespace of service ${JSON.stringify(wrong)} conflict with pod ${JSON.stringify(namespace)}`,
      );
      break;
    }
  if (errors.length > 0) throw new FilterError(errors.join("\n"));
}

/** The two lists that Hubble is asked with. */
export interface Filters {
  readonly allow: readonly FlowFilter[];
  readonly deny: readonly FlowFilter[];
}

export interface FilterFlags {
  /** A flag in the order of the command line; throws FilterError. `not` turns the next one round. */
  set(flag: string, value: string): void;
  /** Throws FilterError when `--not` is the last. */
  filters(): Filters;
}

export function createFilterFlags(): FilterFlags {
  let allow: Tracker | undefined;
  let deny: Tracker | undefined;
  let not = false;
  return {
    set(flag, value) {
      if (flag === "not") {
        if (not) throw new FilterError("consecutive --not statements");
        not = true;
        return;
      }
      const tracker = not ? (deny ??= createTracker()) : (allow ??= createTracker());
      not = false;
      tracker.set(flag, value);
    },
    filters() {
      if (not) throw new FilterError("trailing --not found in the arguments");
      return { allow: allow?.filters() ?? [], deny: deny?.filters() ?? [] };
    },
  };
}
