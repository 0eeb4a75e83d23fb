/** `netsim trace FROM TO FILES...`: one connection, from the name to the packet. */
import { writeFileSync } from "node:fs";
import { findModel, readRecords, resolverModels } from "clusterdns";
import { captureTrace, createListener } from "../packet/capture.ts";
import { MODES } from "../service/index.ts";
import { traceHtml, traceSvg } from "../trace/picture.ts";
import { traceText } from "../trace/text.ts";
import { trace, type TraceOptions } from "../trace/trace.ts";
import { REASONS, type Trace } from "../trace/types.ts";
import { loadInput, parseProbe, reportProblems, writeAll } from "./input.ts";
import { NETWORK_OPTIONS, networkOptions } from "./network-options.ts";
import { finder, networkOf } from "./network.ts";
import { writeCapture } from "./ping.ts";
import { headersOf } from "./route.ts";
import { choice, readArgs, UsageError } from "./usage.ts";

const UNUSABLE: readonly Trace["reason"][] = ["unknown-source", "unknown-destination", "no-port"];

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, {
    port: { type: "string" },
    method: { type: "string" },
    header: { type: "string", multiple: true },
    mode: { type: "string" },
    resolver: { type: "string" },
    "ip-family": { type: "string" },
    record: { type: "string", multiple: true },
    json: { type: "boolean" },
    svg: { type: "string" },
    html: { type: "string" },
    pcap: { type: "string" },
    color: { type: "string" },
    ...NETWORK_OPTIONS,
  });
  const [from, to, ...files] = positionals;
  if (from === undefined || to === undefined)
    throw new UsageError("needs FROM, TO and FILES (see `netsim help trace`)");
  const options = optionsOf(values);
  const color = choice("color", values.color, ["always", "never"]);
  const cluster = loadInput(files);
  reportProblems(cluster.problems);
  const heard = createListener();
  const network = networkOptions(values);
  const given = Object.keys(network).length === 0 ? {} : { network };
  const result = await trace(cluster, from, to, { ...options, ...given, listener: heard.listener });
  if (UNUSABLE.includes(result.reason)) {
    const about = result.reason === "unknown-source" ? `FROM ${from}` : `TO ${to}`;
    throw new UsageError(`${about}: ${result.reason}: ${REASONS[result.reason]}`);
  }
  if (values.svg !== undefined) write(values.svg, traceSvg(result));
  if (values.html !== undefined) write(values.html, traceHtml(result));
  if (values.pcap !== undefined)
    writeCapture(values.pcap, captureTrace(result, heard, finder(networkOf(cluster, network)), options));
  const text =
    values.json === true
      ? `${JSON.stringify(result, null, 1)}\n`
      : traceText(result, {
          color: color === undefined ? colorful() : color === "always",
          width: process.stdout.columns ?? 100,
        });
  await writeAll([text]);
  return 0;
}

/** https://no-color.org */
const colorful = (): boolean => process.stdout.isTTY === true && (process.env["NO_COLOR"] ?? "") === "";

interface Values {
  readonly port?: string;
  readonly method?: string;
  readonly header?: readonly string[];
  readonly mode?: string;
  readonly resolver?: string;
  readonly "ip-family"?: string;
  readonly record?: readonly string[];
}

function optionsOf(values: Values): TraceOptions {
  const mode = choice("mode", values.mode, MODES);
  const family = choice("ip-family", values["ip-family"], ["4", "6"]);
  const { resolver, method } = values;
  if (resolver !== undefined && findModel(resolver) === undefined)
    throw new UsageError(
      `--resolver ${resolver}: there are ${resolverModels.map((m) => m.aliases[0] ?? m.name).join(", ")}`,
    );
  const probe = values.port === undefined ? undefined : parseProbe(values.port);
  const records = values.record
    ?.map((r) => (/\s/.test(r.trim()) ? r.trim() : r.replace("=", / *=.*:/.test(r) ? " AAAA " : " A ")))
    .map(absolute);
  if (records !== undefined) {
    const read = readRecords(records.join("\n"), "--record");
    if (typeof read === "string")
      throw new UsageError(
        `${read}: write --record 'api.example.com A 203.0.113.7' or api.example.com=203.0.113.7`,
      );
  }
  if (probe !== undefined && /^ICMP/.test(probe.protocol))
    throw new UsageError("--port: a trace is of TCP, UDP or SCTP");
  const protocol =
    probe !== undefined && values.port?.includes("/") === true
      ? { protocol: probe.protocol as "TCP" | "UDP" | "SCTP" }
      : {};
  return {
    ...(mode !== undefined && { mode }),
    ...(family !== undefined && { family: family === "4" ? ("IPv4" as const) : ("IPv6" as const) }),
    ...(resolver !== undefined && { resolver }),
    ...(method !== undefined && { method: method.toUpperCase() }),
    ...(values.header !== undefined && { headers: headersOf(values.header) }),
    ...(probe !== undefined && { port: probe.port, ...protocol }),
    ...(records !== undefined && { records: records.join("\n") }),
  };
}

/** The owner's name as an absolute one. */
const absolute = (record: string): string => record.replace(/^(\S*[^\s.])(?=\s)/, "$1.");

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new UsageError(`${file}: cannot be written: ${(error as Error).message}`);
  }
}
