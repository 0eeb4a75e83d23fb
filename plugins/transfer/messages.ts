import { EMPTY_SECTIONS, Message, replyFlags } from "../../src/dns/message.ts";
import type { Query } from "../../src/dns/query.ts";
import type { RR } from "../../src/dns/rr.ts";
import { FLAG, RCODE } from "../../src/dns/types.ts";

/** Octets of records in a message, their names written out; header, question and OPT have room beside them. */
const FULL = 63_000;

/** The messages of a transfer (RFC 5936 §2.2), made as they are taken. `sent` is told of the number of records once all were. */
export function* transferMessages(
  query: Query,
  records: Iterable<RR>,
  sent: (count: number) => void,
): Generator<Message> {
  let batch: RR[] = [];
  let size = 0;
  let count = 0;
  for (const rr of records) {
    const octets = rr.name.length + 10 + rr.rdata.length;
    if (batch.length > 0 && size + octets > FULL) {
      yield message(query, batch);
      batch = [];
      size = 0;
    }
    batch.push(rr);
    size += octets;
    count++;
  }
  yield message(query, batch);
  sent(count);
}

const message = (query: Query, answer: readonly RR[]): Message =>
  new Message(query.rawName, RCODE.NOERROR, replyFlags(query) | FLAG.AA, { ...EMPTY_SECTIONS, answer });
