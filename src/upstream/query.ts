import type { Query } from "../dns/query.ts";
import { FLAG, TYPE } from "../dns/types.ts";

const HEADER = 12;
const OPT = 11;
/** What goes on of the header's second word: opcode, RD, AD and CD. */
const PASSED = 0x7800 | FLAG.RD | FLAG.AD | FLAG.CD;

/** The query as an upstream is asked it: the client's question and EDNS, in its letters. The id is 0: who sends it draws one. */
export function queryPacket(query: Query): Buffer {
  const { rawName, edns, options } = query;
  let optionBytes = 0;
  for (const { data } of options) optionBytes += 4 + data.length;
  const packet = Buffer.allocUnsafe(HEADER + rawName.length + 4 + (edns ? OPT + optionBytes : 0));
  const flags = query.flags & PASSED;
  packet[0] = 0;
  packet[1] = 0;
  packet[2] = flags >> 8;
  packet[3] = flags;
  packet[4] = 0;
  packet[5] = 1;
  packet.fill(0, 6, HEADER);
  packet[11] = edns ? 1 : 0;
  let at = HEADER;
  for (let i = 0; i < rawName.length; i++) packet[at++] = rawName.charCodeAt(i);
  at = packet.writeUInt16BE(query.type, at);
  at = packet.writeUInt16BE(query.class, at);
  if (!edns) return packet;
  packet[at] = 0;
  packet[at + 1] = TYPE.OPT >> 8;
  packet[at + 2] = TYPE.OPT;
  packet[at + 3] = query.udpSize >> 8;
  packet[at + 4] = query.udpSize;
  packet[at + 5] = 0;
  packet[at + 6] = 0;
  packet[at + 7] = query.dnssecOk ? 0x80 : 0;
  packet[at + 8] = 0;
  packet[at + 9] = optionBytes >> 8;
  packet[at + 10] = optionBytes;
  at += OPT;
  for (const { code, data } of options) {
    at = packet.writeUInt16BE(code, at);
    at = packet.writeUInt16BE(data.length, at);
    at += packet.latin1Write(data, at);
  }
  return packet;
}
