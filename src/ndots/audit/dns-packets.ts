import { lower, nameText } from "../../dns/name.ts";
import { typeText } from "../../dns/types.ts";
import { readName, type Cursor } from "../../dns/wire.ts";
import type { Datagram } from "./frame.ts";
import { kindOf, newSighting, type Sighting } from "./log-line.ts";

const PORT = 53;
const HEADER = 12;
/** Questions that wait for their answers; up to twice as many. */
const MOST_WAITING = 50_000;
const ANSWERED = -1;

/**
 * Reads DNS messages as they went over a wire: `see` is called for each answer, with the time since its question. False for what is no
 * DNS over UDP. A packet that was captured twice counts once.
 */
export function createDnsReader(
  see: (sighting: Sighting) => void,
): (bytes: Buffer, datagram: Datagram, ms: number) => boolean {
  const sighting = newSighting();
  const cursor: Cursor = { at: 0 };
  /** When each question was seen. */
  let young = new Map<string, number>();
  let old = new Map<string, number>();

  const note = (key: string, ms: number): void => {
    young.set(key, ms);
    if (young.size < MOST_WAITING) return;
    old = young;
    young = new Map();
  };

  return (bytes, { from, to, fromPort, toPort, start, end }, ms) => {
    const isReply = fromPort === PORT;
    if ((!isReply && toPort !== PORT) || end - start < HEADER + 5) return false;
    const message = bytes.subarray(start, end);
    // A reply's bit, opcode QUERY, one question.
    if (message[2]! >> 7 !== (isReply ? 1 : 0) || (message[2]! & 0x78) !== 0) return false;
    if (message.readUInt16BE(4) !== 1) return false;
    cursor.at = HEADER;
    const name = readName(message, cursor);
    if (name === undefined || cursor.at + 4 > message.length) return false;
    const type = message.readUInt16BE(cursor.at);
    const client = isReply ? `${to} ${String(toPort)} ${from}` : `${from} ${String(fromPort)} ${to}`;
    const key = `${client} ${String(message.readUInt16BE(0))} ${String(type)} ${name}`;
    if (!isReply) {
      note(key, ms);
      return true;
    }
    const sent = young.get(key) ?? old.get(key);
    if (sent === ANSWERED) return true;
    note(key, ANSWERED);
    sighting.address = to;
    sighting.name = nameText(lower(name));
    sighting.kind = kindOf(typeText(type));
    sighting.negative = (message[3]! & 15) !== 0;
    sighting.ms = sent === undefined ? 0 : Math.max(0, ms - sent);
    see(sighting);
    return true;
  };
}
