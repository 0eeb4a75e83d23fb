/** What a primary is asked: its serial, and the whole zone. */
import type { Endpoint } from "../../src/directive/index.ts";
import { decodeMessage, type DecodedMessage } from "../../src/dns/decode.ts";
import { encodeMessage } from "../../src/dns/encode.ts";
import { EMPTY_SECTIONS } from "../../src/dns/message.ts";
import { lower, type Name } from "../../src/dns/name.ts";
import { CLASS } from "../../src/dns/rr.ts";
import { FLAG, RCODE, rcodeText, TYPE } from "../../src/dns/types.ts";
import { serialOf } from "../../src/dns/zonefile/fold.ts";
import { ZoneBuilder, type ZoneData } from "../../src/zone/data.ts";
import { inSlices } from "../../src/zone/slices.ts";
import { askOverTcp } from "./tcp.ts";

/** What is asked with: the id of a message, and how all is given up. */
export interface Asking {
  readonly random: () => number;
  readonly signal: AbortSignal;
}

export interface FetchError {
  readonly error: string;
}

/** The zone's serial at a primary. Asked over TCP, where nobody else can answer. */
export async function fetchSerial(
  origin: Name,
  primary: Endpoint,
  { random, signal }: Asking,
): Promise<number | FetchError> {
  const id = Math.floor(random() * 65536);
  let serial: number | undefined;
  const error = await askOverTcp(
    primary,
    question(id, origin, TYPE.SOA),
    (reply) => {
      const message = read(reply, id);
      if ("failed" in message) return { error: message.failed };
      const soa = message.answer.find((rr) => rr.type === TYPE.SOA);
      if (soa === undefined) return { error: "no SOA record in the answer" };
      serial = serialOf(soa);
      return "done";
    },
    signal,
  );
  return serial ?? { error: error ?? "no serial" };
}

/** The zone, whole, from a primary (AXFR, RFC 5936). */
export async function fetchZone(
  origin: Name,
  primary: Endpoint,
  { random, signal }: Asking,
): Promise<ZoneData | FetchError> {
  const id = Math.floor(random() * 65536);
  const builder = new ZoneBuilder(origin);
  const take = (reply: Buffer): "more" | "done" | FetchError => {
    const message = read(reply, id);
    if ("failed" in message) return { error: message.failed };
    for (const rr of message.answer) {
      const isSoa = rr.type === TYPE.SOA && lower(rr.name) === origin;
      if (!isSoa && builder.soa === undefined) return { error: "the first record is no SOA of the zone" };
      if (isSoa && builder.soa !== undefined) return "done";
      const error = builder.add(rr);
      if (error !== undefined) return { error };
    }
    return builder.soa === undefined ? { error: "no SOA record in the first message" } : "more";
  };
  const error = await askOverTcp(primary, question(id, origin, TYPE.AXFR), take, signal);
  if (error !== undefined) return { error };
  return (await inSlices(builder.finish(), () => signal.aborted)) ?? { error: "the server stops" };
}

const question = (id: number, name: Name, type: number): Buffer =>
  encodeMessage({ id, flags: 0, question: { name, type, class: CLASS.IN }, ...EMPTY_SECTIONS }).bytes;

function read(reply: Buffer, id: number): DecodedMessage | { readonly failed: string } {
  const message = decodeMessage(reply);
  if (message.error !== undefined) return { failed: `a message that can't be read (${message.error})` };
  if (message.id !== id || (message.flags & FLAG.QR) === 0) return { failed: "a message that is no reply" };
  return message.rcode === RCODE.NOERROR
    ? message
    : { failed: `the primary says ${rcodeText(message.rcode)}` };
}
