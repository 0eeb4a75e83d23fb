import type { VirtualClock } from "../../resolver/clock.ts";
import type { Transport } from "../../resolver/types.ts";
import { decodeReply, encodeQuestion } from "../../resolver/wire.ts";
import type { Chain, Visit } from "./chain.ts";

/** Source ports of a pod's sockets follow from their numbers. */
const PORTS = 20_000;
const portOf = (socket: number): number => 32_768 + (socket % PORTS);

/** A pod's way into a chain. `visits` gets a list for each question, in the order sent: who is asked on its way. */
export function podTransport(
  chain: Chain,
  address: string,
  clock: VirtualClock,
  visits?: (readonly Visit[])[],
): Transport {
  /** When each connection stands. */
  const opened = new Map<number, number>();
  let id = 0;
  return {
    async send(question) {
      const { proto, socket } = question;
      const own: Visit[] | undefined = visits && [];
      if (own !== undefined) visits!.push(own);
      const packet = encodeQuestion(question, (id = (id + 1) & 0xffff));
      if (proto === "tcp" && !opened.has(socket)) opened.set(socket, clock.now() + chain.rtt);
      const via = (opened.get(socket) ?? 0) > clock.now() ? "new-tcp" : proto;
      const bytes = packet && (await chain.ask(packet, via, { address, port: portOf(socket) }, own));
      const reply = bytes && decodeReply(bytes, question);
      return reply ?? new Promise<never>(() => undefined);
    },
    close: (socket) => void opened.delete(socket),
  };
}
