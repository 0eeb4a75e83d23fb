/** NOTIFY: other servers are told that a zone has changed (RFC 1996). */
import { createSocket } from "node:dgram";
import type { Endpoint } from "../../src/directive/index.ts";
import { EMPTY_SECTIONS } from "../../src/dns/message.ts";
import { decodeMessage } from "../../src/dns/decode.ts";
import { encodeMessage } from "../../src/dns/encode.ts";
import { nameText, type Name } from "../../src/dns/name.ts";
import { CLASS } from "../../src/dns/rr.ts";
import { FLAG, OPCODE, RCODE, rcodeText, TYPE } from "../../src/dns/types.ts";

const TRIES = 3;
/** Milliseconds for each try. */
const PATIENCE = 2000;

/** Tells `to` of the change of `zone`; why it did not take the message, or undefined. `signal` gives up. */
export async function notify(
  zone: Name,
  to: Endpoint,
  source: string | undefined,
  random: () => number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const refused = (why: string): string =>
    `notify for zone ${JSON.stringify(nameText(zone))} was not accepted by ${JSON.stringify(to.text)}: ${why}`;
  let why = "";
  for (let i = 0; i < TRIES && !signal.aborted; i++) {
    const rcode = await ask(zone, to, source, Math.floor(random() * 65536), signal);
    if (rcode === RCODE.NOERROR) return undefined;
    why = typeof rcode === "string" ? rcode : `rcode was ${JSON.stringify(rcodeText(rcode))}`;
  }
  return refused(why);
}

/** The reply's rcode, or why there is none. */
function ask(
  zone: Name,
  to: Endpoint,
  source: string | undefined,
  id: number,
  signal: AbortSignal,
): Promise<number | string> {
  const { bytes } = encodeMessage({
    id,
    flags: (OPCODE.NOTIFY << 11) | FLAG.AA,
    question: { name: zone, type: TYPE.SOA, class: CLASS.IN },
    ...EMPTY_SECTIONS,
  });
  const socket = createSocket(to.address.includes(":") ? "udp6" : "udp4");
  return new Promise<number | string>((resolve) => {
    const timer = setTimeout(() => finish("i/o timeout"), PATIENCE);
    const stopped = (): void => finish("the server stops");
    let isOver = false;
    const finish = (outcome: number | string): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", stopped);
      socket.close();
      resolve(outcome);
    };
    signal.addEventListener("abort", stopped);
    socket.on("error", (error) => finish(error.message));
    socket.on("message", (reply) => {
      const message = decodeMessage(reply);
      if (message.error === undefined && message.id === id && (message.flags & FLAG.QR) !== 0)
        finish(message.rcode);
    });
    // Connected, so that only the other server's replies come, and its system's refusal.
    const connected = (error?: Error): void => {
      if (error !== undefined) finish(error.message);
      else if (!isOver) socket.send(bytes);
    };
    socket.bind({ port: 0, ...(source === undefined ? {} : { address: source }) }, () => {
      if (!isOver) socket.connect(to.port, to.address, connected);
    });
  });
}
