/** Rules as they are applied to answers: the last one first, to each record in turn. */
import type { EdnsOption } from "../../src/dns/edns.ts";
import type { Answer, Failure, Message, Opt, Stream } from "../../src/dns/message.ts";
import { serverFailure } from "../../src/dns/message.ts";
import { nameText, parseName, type Name } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import { mapNames, rdataFields } from "../../src/dns/rdata.ts";
import { echoed } from "../../src/dns/reply.ts";
import type { RR } from "../../src/dns/rr.ts";
import { FLAG, TYPE } from "../../src/dns/types.ts";
import type { MaybePromise } from "../../src/plugin.ts";
import type { NameChange } from "./names.ts";

export type ResponseRule =
  | { readonly kind: "owner" | "value" | "cname"; readonly change: NameChange }
  | { readonly kind: "ttl"; readonly min: number; readonly max: number }
  | { readonly kind: "rcode"; readonly from: number; readonly to: number }
  /** An option that is taken out of the answer again, or replaced by the one that the client had. */
  | { readonly kind: "option"; readonly code: number; readonly instead: EdnsOption | undefined };

/** What rules need to know of the query, as asked and as it went on. */
export interface Exchange {
  readonly query: Query;
  readonly sent: Query;
  /** In the order in which they are applied. */
  readonly rules: readonly ResponseRule[];
  /** Codes of options that are echoed beside the ordinary ones. */
  readonly echo: ReadonlySet<number>;
}

export function respond(answer: Answer, exchange: Exchange): MaybePromise<Answer> {
  switch (answer.kind) {
    case "message":
      return respondMessage(answer, exchange);
    case "failure":
      return respondFailure(answer, exchange);
    case "stream":
      return exchange.rules.length === 0
        ? answer
        : { kind: "stream", messages: respondStream(answer, exchange) };
    case "drop":
      return answer;
  }
}

async function* respondStream({ messages }: Stream, exchange: Exchange): AsyncIterable<Message> {
  for await (const message of messages) {
    const made = await respondMessage(message, exchange);
    if (made.kind !== "message") return;
    yield made;
  }
}

function respondFailure(failure: Failure, exchange: Exchange): Failure {
  const opt = optOf(failure.opt, exchange);
  const rcode = changedCode(failure.rcode, exchange.rules);
  return opt === undefined ? { ...failure, rcode } : { ...failure, rcode, opt };
}

function changedCode(rcode: number, rules: readonly ResponseRule[]): number {
  for (const rule of rules) if (rule.kind === "rcode" && rule.from === rcode) rcode = rule.to;
  return rcode;
}

/** The OPT record of the answer: its own, or what the rewritten query brings with it; options that are reverted are taken out. */
function optOf(own: Opt | undefined, { query, sent, rules, echo }: Exchange): Opt | undefined {
  const isOurs = sent.options !== query.options || sent.edns !== query.edns;
  let opt = own;
  if (opt === undefined && isOurs)
    opt = { udpSize: sent.udpSize, dnssecOk: sent.dnssecOk, options: echoed(sent.options, echo) };
  if (opt === undefined) return undefined;
  let { options } = opt;
  for (const rule of rules) {
    if (rule.kind !== "option") continue;
    const at = options.findIndex(({ code }) => code === rule.code);
    if (at >= 0) options = options.toSpliced(at, 1, ...(rule.instead === undefined ? [] : [rule.instead]));
  }
  return options === opt.options ? opt : { ...opt, options };
}

/** A record while rules change it; the sections and the list of answers hold the same objects. */
type Draft = { -readonly [K in keyof RR]: RR[K] };

interface Work {
  rcode: number;
  truncated: boolean;
  answer: Draft[];
  readonly authority: Draft[];
  readonly additional: Draft[];
  /** What has become of a name and is none. */
  broken: string | undefined;
}

function respondMessage(message: Message, exchange: Exchange): MaybePromise<Answer> {
  const { query, sent, rules } = exchange;
  const opt = optOf(message.opt, exchange);
  const isAsAsked = sent.rawName === query.rawName;
  if (rules.every(({ kind }) => kind === "option")) {
    // The records stay; those that point at the question belong to another one now.
    return message.with({
      ...(isAsAsked ? {} : { question: query.rawName }),
      ...(opt === undefined ? {} : { opt }),
    });
  }
  const { answer, authority, additional } = message.sections;
  const copies = (records: readonly RR[]): Draft[] => records.map((rr) => ({ ...rr }));
  const work: Work = {
    rcode: message.rcode,
    truncated: (message.flags & FLAG.TC) !== 0,
    answer: copies(answer),
    authority: copies(authority),
    additional: copies(additional),
    broken: undefined,
  };
  const finish = (): Answer => {
    if (work.broken !== undefined)
      return serverFailure(`plugin/rewrite: a name of the answer can't become "${work.broken}"`);
    return message.with({
      question: query.rawName,
      rcode: work.rcode,
      flags: work.truncated ? message.flags | FLAG.TC : message.flags & ~FLAG.TC,
      sections: { answer: work.answer, authority: work.authority, additional: work.additional },
      ...(opt === undefined ? {} : { opt }),
    });
  };
  const records = [...work.authority, ...work.answer, ...work.additional];
  if (rules.some(({ kind }) => kind === "cname"))
    return changeWithLookups(records, work, exchange).then(finish);
  for (const rr of records) for (const rule of rules) changeRecord(rr, rule, work);
  // An rcode is changed once for each record, and once for the OPT record of an upstream.
  if (records.length === 0 || message.opt !== undefined) work.rcode = changedCode(work.rcode, rules);
  return finish();
}

async function changeWithLookups(
  records: readonly Draft[],
  work: Work,
  { rules, sent }: Exchange,
): Promise<void> {
  for (const rr of records) {
    for (const rule of rules) {
      if (rule.kind === "cname") await retarget(rr, rule.change, work, sent);
      else changeRecord(rr, rule, work);
    }
  }
  if (records.length === 0) work.rcode = changedCode(work.rcode, rules);
}

function changeRecord(rr: Draft, rule: ResponseRule, work: Work): void {
  switch (rule.kind) {
    case "owner":
      rr.name = changedName(rr.name, rule.change, work);
      return;
    case "value":
      changeValue(rr, rule.change, work);
      return;
    case "ttl":
      rr.ttl = Math.min(rule.max, Math.max(rule.min, rr.ttl));
      return;
    case "rcode":
      if (work.rcode === rule.from) work.rcode = rule.to;
      return;
    case "cname":
    case "option":
      return;
  }
}

function changedName(name: Name, change: NameChange, work: Work): Name {
  const text = change(nameText(name));
  if (text === undefined) return name;
  const made = parseName(text);
  if (made === undefined) work.broken ??= text;
  return made ?? name;
}

/** Types whose (first) name in the rdata is the value that rules change. */
const VALUED: ReadonlySet<number> = new Set([
  ...[TYPE.CNAME, TYPE.DNAME, TYPE.MX, TYPE.NS, TYPE.PTR, TYPE.SRV, TYPE.NAPTR, TYPE.SOA],
]);

function changeValue(rr: Draft, change: NameChange, work: Work): void {
  if (!VALUED.has(rr.type)) return;
  let isFirst = true;
  rr.rdata = mapNames(rr.type, rr.rdata, (name) => {
    if (!isFirst) return name;
    isFirst = false;
    return changedName(name, change, work);
  });
}

/** Gives an alias another target, and puts what that leads to in the place of what came behind it. */
async function retarget(rr: Draft, change: NameChange, work: Work, sent: Query): Promise<void> {
  const before = targetOf(rr);
  const text = before === undefined ? undefined : change(nameText(before));
  const target = text === undefined ? undefined : parseName(text);
  if (before === undefined || target === undefined) return;
  const found = await sent.lookup(target, sent.type);
  const at = work.answer.findIndex((each) => targetOf(each) === before);
  if (at < 0) return;
  const aliases = work.answer.slice(0, at + 1).filter(({ type }) => type === TYPE.CNAME);
  const changed = work.answer[at]!;
  changed.rdata = mapNames(TYPE.CNAME, changed.rdata, () => target);
  const records = found.kind === "message" ? found.answer : [];
  work.answer = [...aliases, ...records.map((each) => ({ ...each }))];
  work.truncated = found.kind === "message" && (found.flags & FLAG.TC) !== 0;
}

const targetOf = ({ type, rdata }: RR): Name | undefined =>
  type === TYPE.CNAME ? rdataFields(TYPE.CNAME, rdata)?.target : undefined;
