/** Rules that change EDNS options of a query. */
import { clientSubnet, type EdnsOption } from "../../src/dns/edns.ts";
import { addressBytes } from "../../src/dns/network.ts";
import type { Query } from "../../src/dns/query.ts";
import { OPTION } from "../../src/dns/types.ts";
import type { EdnsRule } from "./directive-edns0.ts";
import type { Rewriting } from "./request.ts";

/** Applies the rule; false where it changes no option. A query without EDNS gets an OPT record in any case. */
export function applyEdns(rule: EdnsRule, rewriting: Rewriting): boolean {
  const { edns, action, revert } = rule;
  const made = action === "unset" ? undefined : optionOf(rule, rewriting);
  // A variable without a value leaves even the OPT record alone.
  if (made === undefined && action !== "unset" && edns.option === "local") return false;
  const options = rewriting.openOptions();
  const code = codeOf(rule);
  if (action === "unset") {
    rewriting.options = options.filter((option) => option.code !== code);
    return true;
  }
  if (made === undefined) return false;
  const at = options.findIndex((option) => option.code === code && isOfKind(rule, option));
  if (at >= 0 && action !== "append") {
    if (revert) rewriting.responses.push({ kind: "option", code, instead: options[at] });
    rewriting.options = options.with(at, made);
    return true;
  }
  const addsTwice = edns.option === "nsid" || (edns.option === "local" && !isVariable(edns.value));
  if (action === "replace" || (at >= 0 && !addsTwice)) return false;
  if (revert) rewriting.responses.push({ kind: "option", code, instead: undefined });
  rewriting.options = [...options, made];
  return true;
}

/** Codes that have a meaning of their own: an option of these that came with a query is not a local one. */
const KNOWN: ReadonlySet<number> = new Set(Object.values(OPTION));

const isOfKind = ({ edns }: EdnsRule, { code }: EdnsOption): boolean =>
  edns.option !== "local" || !KNOWN.has(code);

function codeOf({ edns }: EdnsRule): number {
  if (edns.option === "local") return edns.code;
  return edns.option === "nsid" ? OPTION.NSID : OPTION.ECS;
}

function optionOf({ edns }: EdnsRule, { query, name, type }: Rewriting): EdnsOption | undefined {
  switch (edns.option) {
    case "nsid":
      return { code: OPTION.NSID, data: "" };
    case "subnet":
      return clientSubnet(query.peer.address, query.peer.family === 4 ? edns.v4 : edns.v6);
    case "local": {
      const data = isVariable(edns.value) ? variable(edns.value, query, name, type) : literal(edns.value);
      return data === undefined ? undefined : { code: edns.code, data };
    }
  }
}

const isVariable = (value: string): boolean => value.startsWith("{") && value.endsWith("}");

const literal = (value: string): string =>
  value.startsWith("0x") ? Buffer.from(value.slice(2), "hex").latin1Slice() : utf8(value);

const utf8 = (text: string): string => Buffer.from(text, "utf8").latin1Slice();

const word = (value: number): string => String.fromCharCode(value >> 8, value & 255);

const MAPPED = "\0".repeat(10) + "\xff\xff";

/** The address as a client of `family` has it; undefined where it has none of that family. */
function addressOf(address: string, family: 4 | 6): string | undefined {
  const bytes = addressBytes(address);
  if (family === 4) return bytes?.length === 4 ? bytes : undefined;
  return bytes?.length === 4 ? MAPPED + bytes : bytes;
}

/** The value of a variable as bytes; undefined where it has none. `name` and `type` are those of the question so far. */
function variable(text: string, query: Query, name: string, type: number): string | undefined {
  const { peer } = query;
  switch (text) {
    case "{qname}":
      return name;
    case "{qtype}":
      return word(type);
    case "{client_ip}":
      return addressOf(peer.address, peer.family);
    case "{server_ip}":
      return addressOf(peer.localAddress, peer.family);
    case "{client_port}":
      return word(peer.port);
    case "{server_port}":
      return word(peer.localPort);
    case "{protocol}":
      return peer.protocol;
    default: {
      const value = query.meta(text.slice(1, -1));
      return value === "" ? undefined : utf8(value);
    }
  }
}
