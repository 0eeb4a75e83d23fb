/** Agent and debug events as text, in the forms of `hubble observe agent-events` and `debug-events` (hubble/pkg/printer). */
import { alignColumns } from "./columns.ts";
import { encodeEvent } from "./json.ts";
import { createPaint } from "./paint.ts";
import { SEPARATOR, type Output, type Printed } from "./printer.ts";
import { timeFormatter } from "./time.ts";
import type { AgentEvent, DebugEvent, Endpoint, EventKind, EventResponse } from "./types.ts";

export interface EventPrinterOptions {
  readonly output: Output;
  readonly color: boolean;
  readonly timeFormat: string;
  readonly nodeName: boolean;
}

export interface EventPrinter {
  print(response: EventResponse): Printed;
  end(): string;
}

type Time = (time: string | undefined) => string;

export function createEventPrinter(kind: EventKind, options: EventPrinterOptions): EventPrinter {
  const { output, nodeName } = options;
  const paint = createPaint(options.color && output !== "table");
  const time = timeFormatter(options.timeFormat);
  let printed = 0;
  let table = "";

  const forms = (response: EventResponse): Forms | undefined => {
    const { agent_event: agent, debug_event: debug } = response;
    if (kind === "agent-events") return agent === undefined ? undefined : agentForms(agent, time);
    return debug === undefined ? undefined : debugForms(debug);
  };

  return {
    print(response) {
      const text = forms(response);
      if (text === undefined) return { out: "", err: "" };
      if (output === "json") return { out: `${encodeEvent(kind, response)}\n`, err: "" };
      const at = time(response.time);
      const node = response.node_name ?? "";
      const isFirst = printed++ === 0;
      if (output === "compact")
        return { out: paint.safe(`${at}${nodeName ? ` [${node}]` : ""}: ${text.compact}\n`), err: "" };
      if (output === "dict") {
        const rows = [
          ["TIMESTAMP", at],
          ...(nodeName ? [["NODE", node]] : []),
          ...text.cells.map(({ dict, value }) => [dict, value]),
        ];
        const lines = rows.map(([name = "", value = ""]) => `${name.padStart(11)}: ${value}\n`).join("");
        // The separator has no end of line here, unlike that of flows.
        return { out: paint.safe((isFirst ? "" : SEPARATOR.trimEnd()) + lines), err: "" };
      }
      const line = (cells: readonly string[]): string => `${cells.join("\t")}\n`;
      const { head, row } = text.table;
      if (isFirst) table += line(["TIMESTAMP", ...(nodeName ? ["NODE"] : []), ...head]);
      table += paint.safe(line([at, ...(nodeName ? [node] : []), ...row]));
      return { out: "", err: "" };
    },
    end: () => (table === "" ? "" : alignColumns(table, 2, 3)),
  };
}

interface Forms {
  readonly compact: string;
  readonly cells: readonly { readonly dict: string; readonly value: string }[];
  readonly table: { readonly head: readonly string[]; readonly row: readonly string[] };
}

function agentForms(event: AgentEvent, time: Time): Forms {
  const type = String(event.type ?? "AGENT_EVENT_UNKNOWN");
  const details = agentDetails(event, type, time);
  return {
    compact: `${type} (${details})`,
    cells: [
      { dict: "TYPE", value: type },
      { dict: "DETAILS", value: details },
    ],
    table: { head: ["TYPE", "DETAILS"], row: [type, details] },
  };
}

function debugForms({ type = "DBG_EVENT_UNKNOWN", source, hash, message = "", cpu }: DebugEvent): Forms {
  const kind = String(type);
  const from = endpointText(source);
  const mark = hash === undefined ? "N/A" : `0x${hash.toString(16)}`;
  const processor =
    cpu === undefined
      ? "N/A"
      : `${cpu < 0 ? "-" : ""}${String(Math.abs(cpu)).padStart(cpu < 0 ? 1 : 2, "0")}`;
  return {
    compact: `${from} ${kind} MARK: ${mark} CPU: ${processor} (${message})`,
    cells: [
      { dict: "TYPE", value: kind },
      { dict: "FROM", value: from },
      { dict: "MARK", value: mark },
      { dict: "CPU", value: processor },
      { dict: "MESSAGE", value: message },
    ],
    table: {
      head: ["FROM", "", "TYPE", "CPU/MARK", "MESSAGE"],
      row: [from, "", kind, `${processor} ${mark}`, message],
    },
  };
}

function endpointText(endpoint: Endpoint | undefined): string {
  if (endpoint === undefined) return "N/A";
  const { namespace, pod_name: pod, labels = [] } = endpoint;
  const id = `ID: ${endpoint.ID ?? 0}`;
  if (namespace !== undefined && pod !== undefined) return `${namespace}/${pod} (${id})`;
  const [label = ""] = labels;
  return labels.length === 1 && label.startsWith("reserved:") ? `${label} (${id})` : id;
}

const address = ({ ip = "", port = 0 }: { ip?: string; port?: number }): string =>
  `${ip.includes(":") ? `[${ip}]` : ip}:${port}`;

/** `key: value` of each part that has a value. */
const parts = (list: readonly (readonly [string, unknown])[]): string =>
  list
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${String(value)}`)
    .join(", ");

const list = (labels: readonly string[] = []): string => `[${labels.join(",")}]`;

/** "UNKNOWN" where the notification is not the one that belongs to the type. */
function agentDetails(event: AgentEvent, type: string, time: Time): string {
  const {
    unknown: other,
    agent_start: start,
    policy_update: policy,
    endpoint_regenerate: regenerated,
    endpoint_update: endpoint,
    ipcache_update: cache,
    service_upsert: service,
    service_delete: gone,
  } = event;
  const details = ((): string | undefined => {
    switch (type) {
      case "AGENT_EVENT_UNKNOWN":
        return other && `type: ${other.type ?? ""}, notification: ${other.notification ?? ""}`;
      case "AGENT_STARTED":
        return start && `start time: ${time(start.time)}`;
      case "POLICY_UPDATED":
      case "POLICY_DELETED":
        return (
          policy &&
          `labels: ${list(policy.labels)}, revision: ${policy.revision ?? 0}, count: ${policy.rule_count ?? 0}`
        );
      case "ENDPOINT_REGENERATE_SUCCESS":
      case "ENDPOINT_REGENERATE_FAILURE":
        return (
          regenerated &&
          parts([
            ["id", regenerated.id ?? 0],
            ["labels", list(regenerated.labels)],
            ["error", regenerated.error],
          ])
        );
      case "ENDPOINT_CREATED":
      case "ENDPOINT_DELETED":
        return (
          endpoint &&
          parts([
            ["id", endpoint.id ?? 0],
            ["namespace", endpoint.namespace],
            ["pod name", endpoint.pod_name],
          ])
        );
      case "IPCACHE_UPSERTED":
      case "IPCACHE_DELETED":
        return (
          cache &&
          parts([
            ["cidr", cache.cidr ?? ""],
            ["identity", cache.identity ?? 0],
            ["old identity", cache.old_identity],
            ["host ip", cache.host_ip],
            ["old host ip", cache.old_host_ip],
            ["encrypt key", cache.encrypt_key ?? 0],
          ])
        );
      case "SERVICE_UPSERTED":
        return service && serviceDetails(service);
      case "SERVICE_DELETED":
        return gone && `id: ${gone.id ?? 0}`;
      default:
        return undefined;
    }
  })();
  return details ?? "UNKNOWN";
}

function serviceDetails(service: NonNullable<AgentEvent["service_upsert"]>): string {
  const { frontend_address: front, backend_addresses: backends = [] } = service;
  return parts([
    ["id", service.id ?? 0],
    ["frontend", front && address(front)],
    ["backends", backends.length === 0 ? undefined : list(backends.map(address))],
    ["type", service.type],
    ["traffic policy", service.traffic_policy],
    ["namespace", service.namespace],
    ["name", service.name],
  ]);
}
