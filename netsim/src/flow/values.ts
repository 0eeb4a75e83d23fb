/** What the values of `hubble observe`'s flags mean. All throw FilterError with Hubble's words. */
import { parseUint } from "./go-text.ts";
import { AGENT_EVENTS, EVENT_TYPES, RESERVED_IDENTITIES, TRACE_POINTS } from "./names.ts";
import { FilterError } from "./patterns.ts";
import { enums } from "./schema.ts";
import type { EventTypeFilter, TcpFlags, Workload } from "./types.ts";

export function workload(text: string): Workload {
  const slash = text.indexOf("/");
  const [kind, name] = slash < 0 ? ["", text] : [text.slice(0, slash), text.slice(slash + 1)];
  return { ...(name !== "" && { name }), ...(kind !== "" && { kind }) };
}

export function identity(text: string): number {
  const reserved = RESERVED_IDENTITIES.indexOf(text, 1);
  if (reserved > 0) return reserved;
  const number = parseUint(text, 0, 32);
  if (typeof number !== "string") return Number(number);
  const names = RESERVED_IDENTITIES.slice(1).join(" ");
  throw new FilterError(`invalid security identity, expected one of [${names}] or a numeric value`);
}

export function ipVersion(text: string): string {
  const version = /^(?:ipv|ip|v)?([46])$/.exec(text.toLowerCase())?.[1];
  return version === undefined ? "IP_NOT_USED" : `IPv${version}`;
}

export function ipTraceId(text: string): string {
  if (text === "0") throw new FilterError("invalid --ip-trace-id value; must be greater than 0");
  const number = parseUint(text, 10, 64);
  if (typeof number === "string") throw new FilterError(`invalid --ip-trace-id value: ${number}`);
  return String(number);
}

export function oneOf(type: string, flag: string, text: string): string {
  if (enums.get(type)?.has(text) !== true) throw new FilterError(`invalid --${flag} value: ${text}`);
  return text;
}

export function dropReason(text: string): string {
  if (text === "") throw new FilterError("empty --drop-reason-desc value");
  return oneOf("DropReason", "drop-reason-desc", text);
}

export function header(text: string): { key?: string; value?: string } {
  const colon = text.indexOf(":");
  if (colon < 0)
    throw new FilterError(`invalid http-header value ${JSON.stringify(text)}, expected name:value`);
  const [key, value] = [text.slice(0, colon), text.slice(colon + 1)];
  return { ...(key !== "" && { key }), ...(value !== "" && { value }) };
}

/** Numbers are read as unsigned and kept as signed ones. */
function eventNumber(text: string): number | string {
  const number = parseUint(text, 10, 32);
  return typeof number === "string" ? number : Number(BigInt.asIntN(32, number));
}

export function eventType(text: string): EventTypeFilter {
  const colon = text.indexOf(":");
  const [name, sub] = colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
  const type = EVENT_TYPES.get(name) ?? eventNumber(name);
  if (typeof type === "string")
    throw new FilterError(
      `unable to parse type '${name}', not a known type name and unable to parse as numeric value: ${type}`,
    );
  const filter: EventTypeFilter = type === 0 ? {} : { type };
  if (sub === undefined) return filter;
  const names = name === "trace" ? TRACE_POINTS : name === "agent" ? AGENT_EVENTS : [];
  const index = names.indexOf(sub);
  const number = index < 0 ? eventNumber(sub) : index;
  if (typeof number === "string")
    throw new FilterError(
      `unable to parse event sub-type '${sub}', not a known sub-type name and unable to parse as numeric value: ${number}`,
    );
  return { ...filter, match_sub_type: true, ...(number !== 0 && { sub_type: number }) };
}

export function tcpFlags(text: string): TcpFlags {
  const flags: TcpFlags = {};
  for (const part of text.split(",")) {
    const flag = part.toUpperCase();
    if (!/^(?:SYN|FIN|RST|PSH|ACK|URG|ECE|CWR|NS)$/.test(flag))
      throw new FilterError(`unknown tcp flag: ${part}`);
    flags[flag as keyof TcpFlags] = true;
  }
  return flags;
}

export function direction(text: string): string {
  const name = text.toUpperCase();
  if (name === "INGRESS" || name === "EGRESS") return name;
  throw new FilterError(`${text.toLowerCase()}: invalid traffic direction, expected ingress or egress`);
}
