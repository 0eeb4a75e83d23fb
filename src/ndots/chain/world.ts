/** The world outside of the cluster, as its recursive resolver shows it: records that are given, and nothing else. */
import { createHash } from "node:crypto";
import { decodeMessage, encodeMessage } from "../../dns/codec.ts";
import { lower, nameOf, parentOf, parseName, type Name } from "../../dns/name.ts";
import { rdata, record } from "../../dns/records.ts";
import { rdataFields } from "../../dns/rdata.ts";
import { CLASS, type RR } from "../../dns/rr.ts";
import { FLAG, RCODE, TYPE } from "../../dns/types.ts";
import { parseZone, zoneErrorText } from "../../dns/zonefile/parse.ts";

export interface World {
  /** Answers a message as a resolver would that knows everything; undefined for what is no query. */
  serve(message: Uint8Array): Buffer | undefined;
  has(name: Name): boolean;
}

/** Aliases that are followed in one answer. */
const MOST_ALIASES = 8;
/** How long denials may be kept, in seconds: the SOA's minimum (RFC 2308 §5). */
const DENIAL_TTL = 30;

const soa = (ttl: number): RR =>
  record(
    nameOf("."),
    TYPE.SOA,
    ttl,
    rdata.soa(nameOf("a.root.test."), nameOf("nobody.root.test."), 1, {
      refresh: 1800,
      retry: 900,
      expire: 604800,
      minimum: ttl,
    }),
  );

/** `denialTtl`: seconds. */
export function createWorld(records: readonly RR[], denialTtl: number = DENIAL_TTL): World {
  const byName = new Map<Name, RR[]>();
  /** Names with records, and those above them: these exist without any (RFC 8020 §2). */
  const existing = new Set<Name>();
  for (const rr of records) {
    const name = lower(rr.name);
    byName.set(name, [...(byName.get(name) ?? []), rr]);
    for (let at = name; !existing.has(at); at = parentOf(at)) existing.add(at);
  }
  const denial = [soa(denialTtl)];

  return {
    has: (name) => existing.has(lower(name)),
    serve(message) {
      const query = decodeMessage(message);
      if (query.error !== undefined || query.question === undefined || (query.flags & FLAG.QR) !== 0)
        return undefined;
      const { question } = query;
      const answer: RR[] = [];
      let name = lower(question.name);
      let exists = existing.has(name);
      for (let i = 0; i < MOST_ALIASES; i++) {
        const here = byName.get(name) ?? [];
        const wanted = here.filter(({ type }) => type === question.type);
        answer.push(...wanted);
        const alias = wanted.length === 0 ? here.find(({ type }) => type === TYPE.CNAME) : undefined;
        if (alias === undefined) break;
        answer.push(alias);
        name = lower(rdataFields(TYPE.CNAME, alias.rdata)!.target);
        exists = existing.has(name);
      }
      const found = answer.some(({ type }) => type === question.type);
      return encodeMessage({
        id: query.id,
        flags: FLAG.QR | FLAG.RA | (query.flags & FLAG.RD),
        rcode: exists || found ? RCODE.NOERROR : RCODE.NXDOMAIN,
        question,
        opt: query.opt === undefined ? undefined : { udpSize: 1232, dnssecOk: false, options: [] },
        answer,
        authority: found ? [] : denial,
        additional: [],
      }).bytes;
    },
  };
}

/** A and AAAA of made-up hosts, the same ones at every run, in blocks that are reserved for documentation (RFC 5737, RFC 3849). */
export function inventedRecords(names: readonly string[], ttl: number): RR[] {
  return names.flatMap((text) => {
    const name = parseName(text);
    if (name === undefined) return [];
    const hash = createHash("sha256").update(lower(name), "latin1").digest();
    return [
      record(name, TYPE.A, ttl, rdata.a(`203.0.113.${String(1 + (hash[0]! % 254))}`)),
      record(name, TYPE.AAAA, ttl, rdata.aaaa(`2001:db8::${hash.toString("hex", 1, 3)}`)),
    ];
  });
}

/** Records as lines of a zone file (RFC 1035 §5) with absolute names, TTL 300 where it says none; or what is wrong, in one line. */
export function readRecords(text: string, file: string): readonly RR[] | string {
  const parsed = parseZone({ text: `$TTL 300\n${text}`, file, origin: nameOf(".") });
  if ("error" in parsed) return zoneErrorText({ ...parsed, line: parsed.line - 1 });
  return parsed.records.filter((rr) => rr.class === CLASS.IN);
}
