/** What a template sees of a query. */
import { nameText, type Name } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import { CLASS } from "../../src/dns/rr.ts";
import { classText, FLAG, OPTION, TYPE, typeText } from "../../src/dns/types.ts";
import type { EdnsOption } from "../../src/dns/edns.ts";
import { optionValueText } from "./option-text.ts";

/** The fields of CoreDNS's template data, under its names. */
export interface TemplateData {
  readonly Zone: string;
  /** In lower case, with the final dot. */
  readonly Name: string;
  readonly Regex: string;
  readonly Match: readonly string[];
  readonly Group: ReadonlyMap<string, string>;
  readonly Class: string;
  readonly Type: string;
  readonly Message: object;
  readonly Question: { readonly Name: string; readonly Qtype: number; readonly Qclass: number };
  readonly Remote: string;
  readonly Var: Map<string, unknown>;
  readonly Meta: (label: string) => string;
}

export interface Matched {
  readonly zone: Name;
  readonly source: string;
  readonly match: readonly string[];
  readonly groups: ReadonlyMap<string, string>;
}

export function templateData(query: Query, type: number, class_: number, matched: Matched): TemplateData {
  return {
    Zone: nameText(matched.zone),
    Name: nameText(query.name),
    Regex: matched.source,
    Match: matched.match,
    Group: matched.groups,
    Class: classText(query.class === CLASS.ANY ? class_ : query.class),
    Type: typeText(query.type === TYPE.ANY ? type : query.type),
    Message: messageData(query),
    Question: questionData(query),
    Remote: query.peer.address,
    Var: new Map(),
    Meta: (label) => query.meta(label),
  };
}

const questionData = (query: Query): TemplateData["Question"] => ({
  Name: nameText(query.rawName),
  Qtype: query.type,
  Qclass: query.class,
});

/** The query as Go's DNS library shows a message. */
function messageData(query: Query): object {
  const { flags } = query;
  const has = (bit: number): boolean => (flags & bit) !== 0;
  return {
    Id: query.origin.id,
    Response: false,
    Opcode: query.opcode,
    Authoritative: has(FLAG.AA),
    Truncated: has(FLAG.TC),
    RecursionDesired: has(FLAG.RD),
    RecursionAvailable: has(FLAG.RA),
    Zero: has(FLAG.Z),
    AuthenticatedData: has(FLAG.AD),
    CheckingDisabled: has(FLAG.CD),
    Rcode: flags & 15,
    Question: [questionData(query)],
    Answer: [],
    Ns: [],
    IsEdns0: () => (query.edns ? optData(query) : null),
  };
}

function optData(query: Query): object {
  return {
    UDPSize: () => query.udpSize,
    Do: () => query.dnssecOk,
    Version: () => query.ednsVersion,
    Option: query.options.map(optionData),
  };
}

function optionData(option: EdnsOption): object {
  const text = optionValueText(option);
  return {
    Code: option.code,
    Option: () => option.code,
    Data: text,
    String: () => text,
    ...(option.code === OPTION.NSID || option.code >= 65001 ? { Nsid: text } : {}),
  };
}
