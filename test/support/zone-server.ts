/** A server over zone files in a folder that the test changes. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Test } from "tap";
import { createServer, createSocketlessServer, type DnsServer } from "../../src/api/create-server.ts";
import { decodeMessage, encodeMessage, type DecodedMessage } from "../../src/dns/codec.ts";
import { nameOf } from "../../src/dns/name.ts";
import { recordText } from "../../src/dns/records.ts";
import type { RR } from "../../src/dns/rr.ts";
import { FLAG, OPCODE, parseType, rcodeText, TYPE } from "../../src/dns/types.ts";
import type { Plugin } from "../../src/plugin.ts";

export interface AskOptions {
  /** Default 127.0.0.1. */
  readonly from?: string;
  readonly protocol?: "udp" | "tcp";
  readonly opcode?: number;
  readonly authority?: readonly RR[];
}

export interface ZoneServer {
  readonly dir: string;
  readonly server: DnsServer;
  readonly log: string[];
  /** Writes a file of the folder. */
  write(file: string, text: string): void;
  remove(file: string): void;
  /** `NAME TYPE`; undefined for silence. */
  ask(question: string, options?: AskOptions): Promise<DecodedMessage | undefined>;
  /** The answer's records, else the rcode. */
  text(question: string, options?: AskOptions): Promise<string>;
}

export interface ZoneServerOptions {
  readonly plugins?: readonly Plugin[];
  /** On 127.0.0.1; the Corefile's zones then name no port. */
  readonly sockets?: true;
  readonly random?: () => number;
}

/** `DIR` in the Corefile stands for the folder. */
export async function serveZones(
  t: Test,
  corefile: string,
  files: Readonly<Record<string, string>>,
  { plugins = [], sockets, random = () => 0 }: ZoneServerOptions = {},
): Promise<ZoneServer> {
  const dir = mkdtempSync(join(tmpdir(), "clusterdns-zones-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  };
  for (const [file, text] of Object.entries(files)) write(file, text);
  const log: string[] = [];
  const make = sockets === true ? createServer : createSocketlessServer;
  const server = make({
    corefile: corefile.replaceAll("DIR", dir),
    plugins,
    port: 0,
    random,
    log: (level, text) => log.push(`[${level}] ${text.replaceAll(dir, "DIR")}`),
  });
  t.teardown(() => server.close());
  await server.listen();
  const ask: ZoneServer["ask"] = async (question, { from = "127.0.0.1", protocol = "udp", ...more } = {}) => {
    const bytes = await server.exchange(query(question, more), { protocol, address: from });
    if (bytes === undefined) return undefined;
    const message = decodeMessage(bytes);
    if (message.error !== undefined) throw new Error(`${question}: ${message.error}`);
    return message;
  };
  return {
    dir,
    server,
    log,
    write,
    remove: (file) => rmSync(join(dir, file), { recursive: true }),
    ask,
    async text(question, options) {
      const message = await ask(question, options);
      if (message === undefined) return "silence";
      const records = message.answer.map(recordText).join(", ");
      return records === "" ? rcodeText(message.rcode) : records;
    },
  };
}

/** The message that asks `NAME TYPE`. */
export function query(
  question: string,
  { opcode = OPCODE.QUERY, authority = [] }: Pick<AskOptions, "opcode" | "authority"> = {},
): Buffer {
  const [name = "", type = ""] = question.split(" ");
  return encodeMessage({
    id: 7,
    flags: (opcode << 11) | FLAG.RD,
    question: { name: nameOf(name), type: parseType(type)!, class: 1 },
    answer: [],
    authority,
    additional: [],
  }).bytes;
}

/** Waits until `what` is so: the test then goes on, and else fails by what it expects. */
export async function until(what: () => boolean | Promise<boolean>, milliseconds = 5000): Promise<void> {
  for (const end = performance.now() + milliseconds; performance.now() < end; await sleep(5))
    if (await what()) return;
}

/** The messages of a transfer over TCP, up to the second SOA record or the first without any. Each with its length in bytes. */
export function transferFrom(
  port: number,
  question: string,
  { from = "127.0.0.1", ...more }: AskOptions = {},
): Promise<{ message: DecodedMessage; size: number }[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress: from });
    const messages: { message: DecodedMessage; size: number }[] = [];
    let input: Buffer = Buffer.alloc(0);
    let soas = 0;
    const bytes = query(question, more);
    socket.write(Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]));
    socket.on("error", reject);
    socket.on("close", () => resolve(messages));
    socket.on("data", (chunk: Buffer) => {
      input = Buffer.concat([input, chunk]);
      while (input.length >= 2 && input.length >= 2 + input.readUInt16BE(0)) {
        const size = input.readUInt16BE(0);
        const message = decodeMessage(input.subarray(2, 2 + size));
        if (message.error !== undefined) return reject(new Error(message.error));
        input = input.subarray(2 + size);
        messages.push({ message, size });
        soas += message.answer.filter((rr) => rr.type === TYPE.SOA).length;
        if (soas >= 2 || message.answer.length === 0 || (soas === 1 && message.answer.length === 1))
          socket.destroy();
      }
    });
  });
}

/** A zone with a serial and what else it has. */
export const zoneText = (serial: number, more = "", times = "3600 600 86400 60"): string =>
  `$TTL 300\n@ SOA ns admin ${serial} ${times}\n@ NS ns\nns A 192.0.2.53\n${more}\n`;
