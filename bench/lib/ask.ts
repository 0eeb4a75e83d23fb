/** One question at a time over UDP: to know when a server is there, and whether two answer alike. */
import { createSocket } from "node:dgram";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import {
  decodeMessage,
  encodeMessage,
  nameOf,
  nameText,
  rcodeText,
  type DecodedMessage,
} from "../../src/index.ts";
import { parseType } from "../../src/dns/types.ts";

/** A name and a type, as in a line of dnsperf's input. */
export type Question = readonly [name: string, type: string];

/** The message that asks this, with recursion desired. */
export function questionBytes([name, type]: Question, id = 0): Buffer {
  return encodeMessage({
    id,
    flags: 0x0100,
    question: { name: nameOf(name), type: parseType(type)!, class: 1 },
    answer: [],
    authority: [],
    additional: [],
  }).bytes;
}

/** undefined where no answer came within `ms` milliseconds. */
export async function ask(port: number, question: Question, ms = 500): Promise<DecodedMessage | undefined> {
  const socket = createSocket("udp4");
  try {
    return await new Promise<DecodedMessage | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), ms);
      socket.on("error", () => undefined);
      socket.on("message", (bytes) => {
        clearTimeout(timer);
        const message = decodeMessage(bytes);
        resolve(message.error === undefined ? message : undefined);
      });
      socket.send(questionBytes(question, 1), port, "127.0.0.1");
    });
  } finally {
    socket.close();
  }
}

/** The rcode and the answer section, in one order: what two servers must have in common to be compared. */
export async function outcome(port: number, question: Question): Promise<string> {
  const message = await ask(port, question, 2000);
  if (message === undefined) return "no answer";
  const records = message.answer.map((rr) => `${nameText(rr.name)} ${rr.type} ${rr.rdata}`);
  return [rcodeText(message.rcode), ...records.sort()].join("\n");
}

/** Resolves once the answer is NOERROR; rejects after `ms` milliseconds, or as soon as `check` throws. */
export async function untilAnswered(
  port: number,
  question: Question,
  check: () => unknown,
  ms = 60_000,
): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(20)) {
    check();
    const message = await ask(port, question, 250);
    if (message?.rcode === 0) return;
  }
  throw new Error(`no answer to ${question.join(" ")} after ${ms / 1000} s`);
}

/** Ports of 127.0.0.1 that nobody listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
