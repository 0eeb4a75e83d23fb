/** Flows as text, in the forms of `hubble observe -o`: compact, dict, table and JSON (hubble/pkg/printer of Cilium 1.20). */
import { alignColumns } from "./columns.ts";
import { joinPath, quote } from "./go-text.ts";
import { encodeResponse } from "./json.ts";
import { flowType, summaryOf, verdictText } from "./labels.ts";
import { RESERVED_IDENTITIES } from "./names.ts";
import { createPaint } from "./paint.ts";
import type { Paint } from "./paint.ts";
import { timeFormatter } from "./time.ts";
import type { Endpoint, Flow, FlowsResponse, LostEvents, NodeStatus, Ports } from "./types.ts";

/** `brief` is not Hubble's: see brief.ts. */
export type Output = "compact" | "dict" | "json" | "table" | "brief";

export interface PrinterOptions {
  readonly output: Output;
  readonly color: boolean;
  /** Names of `--time-format`. */
  readonly timeFormat: string;
  /** Pods, services and DNS names instead of addresses. */
  readonly translate: boolean;
  readonly nodeName: boolean;
  readonly policyNames: boolean;
  /** Also tell of nodes that come and go. */
  readonly debug: boolean;
}

/** Text for standard output and for standard error, with the ends of its lines. */
export interface Printed {
  readonly out: string;
  readonly err: string;
}

export interface Printer {
  print(response: FlowsResponse): Printed;
  /** What had to wait for the last row: the table. */
  end(): string;
}

const NOTHING: Printed = { out: "", err: "" };
export const SEPARATOR = "------------\n";

interface Row {
  readonly time: string;
  readonly node: string;
  readonly source: string;
  readonly destination: string | undefined;
  readonly type: string;
  readonly verdict: string;
  readonly summary: string;
}

export function createPrinter(options: PrinterOptions): Printer {
  const { output, nodeName } = options;
  const paint = createPaint(options.color && output !== "table");
  const time = timeFormatter(options.timeFormat);
  let printed = 0;
  let table = "";

  const dict = ({ time: at, node, source, destination, type, verdict, summary }: Row): string =>
    `${printed > 0 ? SEPARATOR : ""}  TIMESTAMP: ${at}\n${nodeName ? `       NODE: ${node}\n` : ""}     SOURCE: ${source}\n${
      destination === undefined ? "" : `DESTINATION: ${destination}\n`
    }       TYPE: ${type}\n    VERDICT: ${verdict}\n    SUMMARY: ${summary}\n`;

  const tableRow = (row: Row): void => {
    const { node, source, destination = "-", type, verdict, summary } = row;
    const line = (cells: readonly string[]): string => `${cells.join("\t")}\n`;
    if (printed === 0) {
      const head = ["SOURCE", "DESTINATION", "TYPE", "VERDICT", "SUMMARY"];
      table += line(["TIMESTAMP", ...(nodeName ? ["NODE"] : []), ...head]);
    }
    const cells = [row.time, ...(nodeName ? [node] : []), source, destination, type, verdict, summary];
    table += paint.safe(line(cells));
  };

  const write = (row: Row, compact: () => string): Printed => {
    let out = "";
    if (output === "table") tableRow(row);
    else out = paint.safe(output === "dict" ? dict(row) : compact());
    printed++;
    return { out, err: "" };
  };

  const flow = (f: Flow): Printed => {
    const [source, destination] = hosts(f, options.translate, paint);
    const row = {
      time: time(f.time),
      node: f.node_name ?? "",
      source,
      destination,
      type: flowType(f),
      verdict: verdictText(f, options.policyNames, paint),
      summary: summaryOf(f, paint),
    };
    return write(row, () => {
      const from = `${source} ${identity(f.source, paint)}`;
      const to = `${destination} ${identity(f.destination, paint)}`;
      const ends =
        f.is_reply === true ? `${to} <- ${from}` : `${from} ${f.is_reply === undefined ? "<>" : "->"} ${to}`;
      const node = nodeName ? ` [${row.node}]` : "";
      return `${row.time}${node}: ${ends} ${row.type} ${row.verdict} (${row.summary})\n`;
    });
  };

  const lost = (events: LostEvents, at: string | undefined, node: string): Printed => {
    const { first, last } = events;
    const number = events.num_events_lost ?? "0";
    const span =
      first === undefined || last === undefined ? "" : ` (first: ${time(first)}, last: ${time(last)})`;
    const cpu = `CPU(${events.cpu ?? 0})`;
    const row = {
      time: time(at),
      node: node === "" ? "-" : node,
      source: String(events.source ?? "UNKNOWN_LOST_EVENT_SOURCE"),
      destination: undefined,
      type: "EVENTS LOST",
      verdict: "-",
      summary: `${cpu} - ${number}${span}`,
    };
    return write(row, () => `${row.time} EVENTS LOST: ${row.source} ${cpu} ${number}${span}\n`);
  };

  const status = (s: NodeStatus, response: FlowsResponse): Printed => {
    const state = s.state_change ?? "UNKNOWN_NODE_STATE";
    if (!options.debug && state !== "NODE_ERROR" && state !== "NODE_UNAVAILABLE") return NOTHING;
    if (output === "json") return { out: "", err: `${encodeResponse(response)}\n` };
    const names = s.node_names ?? [];
    const list = cutOff(names);
    const at = time(response.time);
    if (output === "dict") {
      const message = s.message === undefined ? "N/A" : quote(s.message);
      const before = printed > 0 ? SEPARATOR : "";
      if (printed === 0) printed++;
      const rows = `  TIMESTAMP: ${at}\n      STATE: ${state}\n      NODES: ${list}\n    MESSAGE: ${message}\n`;
      return { out: "", err: paint.safe(before + rows) };
    }
    const what = new Map<string | number, string>([
      ["NODE_CONNECTED", `Receiving flows from ${names.length} nodes: ${list}`],
      ["NODE_UNAVAILABLE", `${names.length} nodes are unavailable: ${list}`],
      ["NODE_GONE", `${names.length} nodes removed from cluster: ${list}`],
      ["NODE_ERROR", `Error ${quote(s.message ?? "")} on ${names.length} nodes: ${list}`],
    ]).get(state);
    const text = what ?? `unknown node status event: ${state}`;
    return { out: "", err: paint.safe(`${at} [${response.node_name ?? ""}]: ${text}\n`) };
  };

  return {
    print(response) {
      const { flow: seen, node_status, lost_events } = response;
      if (node_status !== undefined) return status(node_status, response);
      if (seen === undefined && lost_events === undefined) return NOTHING;
      if (output === "json") return { out: `${encodeResponse(response)}\n`, err: "" };
      if (seen !== undefined) return flow(seen);
      return lost(lost_events ?? {}, response.time, response.node_name ?? "");
    },
    end: () => (table === "" ? "" : alignColumns(table, 2, 3)),
  };
}

const MOST_NAMES = 50;

/** At least one name, and no more than fit into 50 characters. */
function cutOff(names: readonly string[]): string {
  let length = 0;
  let end = names.findIndex((name, i) => (length += Buffer.byteLength(name) + 2) > MOST_NAMES && i > 0);
  if (end < 0) end = names.length;
  const shown = names.slice(0, end).join(", ");
  return end === names.length ? shown : `${shown} (and ${names.length - end} more)`;
}

function identity(endpoint: Endpoint | undefined, paint: Paint): string {
  const number = endpoint?.identity ?? 0;
  return paint("magenta", `(${RESERVED_IDENTITIES[number] ?? `ID:${number}`})`);
}

/** Who, with the port where there is one. */
function hosts(f: Flow, translate: boolean, paint: Paint): [string, string] {
  if (f.IP === undefined) {
    if (f.ethernet === undefined) return ["", ""];
    return [paint("cyan", f.ethernet.source ?? ""), paint("cyan", f.ethernet.destination ?? "")];
  }
  const { TCP, UDP, SCTP } = f.l4 ?? {};
  const ports: Ports = TCP ?? UDP ?? SCTP ?? {};
  const host = (text: string, port: number | undefined): string => {
    if (port === undefined) return paint("cyan", text);
    return paint("cyan", `${text.includes(":") ? `[${text}]` : text}:${paint("yellow", String(port))}`);
  };
  const [source, destination] = hostNames(f, translate);
  return [host(source, ports.source_port), host(destination, ports.destination_port)];
}

/** Source and destination: pod, else service, else DNS names, else address. */
export function hostNames(f: Flow, translate: boolean): [string, string] {
  const host = (
    address: string | undefined,
    end: Endpoint | undefined,
    service: Flow["source_service"],
    names: readonly string[] = [],
  ): string => {
    const namespace = service === undefined ? end?.namespace : service.namespace;
    const name = end?.pod_name ?? service?.name;
    const known = name !== undefined || names.length > 0;
    const named = name === undefined ? names.join(",") : joinPath(namespace ?? "", name);
    return translate && known ? named : (address ?? "");
  };
  return [
    host(f.IP?.source, f.source, f.source_service, f.source_names),
    host(f.IP?.destination, f.destination, f.destination_service, f.destination_names),
  ];
}
