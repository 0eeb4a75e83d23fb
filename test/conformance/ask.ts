/** Sends a recorded case's query over a real socket, and says what came back in the corpus's form. */
import { createSocket } from "node:dgram";
import { connect, type Socket } from "node:net";
import { decodeMessage, encodeMessage, type DecodedMessage } from "../../src/dns/codec.ts";
import { nameOf, nameText } from "../../src/dns/name.ts";
import { recordText } from "../../src/dns/records.ts";
import { CLASS } from "../../src/dns/rr.ts";
import {
  classText,
  FLAG,
  opcodeText,
  parseClass,
  parseOpcode,
  parseType,
  rcodeText,
  typeText,
} from "../../src/dns/types.ts";
import type { QuerySpec, Recorded } from "./case.ts";

const FLAG_NAMES = ["QR", "AA", "TC", "RD", "RA", "AD", "CD"] as const;
/** Silence for this long is no answer: milliseconds. */
const PATIENCE = 1000;

export async function ask(
  q: QuerySpec,
  port: number,
  keepOrder: boolean,
  patience = PATIENCE,
): Promise<Recorded> {
  const wire = q.raw === undefined ? buildQuery(q) : Buffer.from(q.raw, "hex");
  if ((q.type === "AXFR" || q.type === "IXFR") && (q.proto ?? "tcp") === "tcp")
    return transfer(q, wire, port, patience);
  const reply =
    q.proto === "tcp" ? await askTcp(q, wire, port, patience) : await askUdp(q, wire, port, patience);
  return reply === undefined ? { timeout: true } : recorded(reply, keepOrder);
}

function buildQuery(q: QuerySpec): Buffer {
  const opcode = parseOpcode(q.opcode ?? "QUERY")!;
  const flags =
    (opcode << 11) |
    (q.rd === false ? 0 : FLAG.RD) |
    (q.cd === true ? FLAG.CD : 0) |
    (q.ad === true ? FLAG.AD : 0);
  const { edns } = q;
  const { bytes } = encodeMessage({
    id: q.id ?? 4242,
    flags,
    question: {
      name: nameOf(q.name),
      type: parseType(q.type ?? "A")!,
      class: parseClass(q.class ?? "IN") ?? CLASS.IN,
    },
    answer: [],
    authority: [],
    additional: [],
    opt:
      edns === undefined || edns === null
        ? undefined
        : {
            udpSize: edns.bufsize ?? 1232,
            dnssecOk: edns.do ?? false,
            options: (edns.options ?? []).map(([code, hex]) => ({
              code,
              data: Buffer.from(hex, "hex").toString("latin1"),
            })),
          },
  });
  // The encoder writes version 0; the version is the sixth byte of the OPT record, which is the last one.
  const options = (edns?.options ?? []).reduce((n, [, hex]) => n + 4 + hex.length / 2, 0);
  if (edns?.version !== undefined) bytes[bytes.length - options - 5] = edns.version;
  return bytes;
}

function askUdp(q: QuerySpec, wire: Buffer, port: number, patience: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    const timer = setTimeout(() => done(undefined), patience);
    const done = (reply: Buffer | undefined): void => {
      clearTimeout(timer);
      socket.close();
      resolve(reply);
    };
    socket.on("message", done);
    socket.on("error", reject);
    socket.bind({ address: q.from ?? "127.0.0.1", port: q.from_port ?? 0 }, () =>
      socket.send(wire, port, "127.0.0.1"),
    );
  });
}

function open(q: QuerySpec, port: number): Socket {
  return connect({
    host: "127.0.0.1",
    port,
    localAddress: q.from ?? "127.0.0.1",
    ...(q.from_port === undefined ? {} : { localPort: q.from_port }),
  });
}

const framed = (wire: Buffer): Buffer =>
  Buffer.concat([Buffer.from([wire.length >> 8, wire.length & 255]), wire]);

/** Yields the messages of a connection until it ends or stays silent. */
async function* messages(socket: Socket, patience: number): AsyncGenerator<Buffer> {
  socket.setTimeout(patience, () => socket.destroy());
  let input = Buffer.alloc(0);
  try {
    for await (const chunk of socket) {
      input = Buffer.concat([input, chunk as Buffer]);
      while (input.length >= 2 && input.length >= 2 + input.readUInt16BE()) {
        const end = 2 + input.readUInt16BE();
        yield input.subarray(2, end);
        input = input.subarray(end);
      }
    }
  } catch {
    // Closed by one side or the other: no more messages.
  } finally {
    socket.destroy();
  }
}

async function askTcp(
  q: QuerySpec,
  wire: Buffer,
  port: number,
  patience: number,
): Promise<Buffer | undefined> {
  const socket = open(q, port);
  socket.on("error", () => undefined);
  socket.write(framed(wire));
  for await (const message of messages(socket, patience)) return Buffer.from(message);
  return undefined;
}

async function transfer(q: QuerySpec, wire: Buffer, port: number, patience: number): Promise<Recorded> {
  const socket = open(q, port);
  socket.on("error", () => undefined);
  socket.write(framed(wire));
  const records: string[] = [];
  let rcode: string | null = null;
  for await (const bytes of messages(socket, patience)) {
    const message = decodeMessage(bytes);
    if (message.error !== undefined) break;
    rcode = rcodeText(message.rcode);
    records.push(...message.answer.map(recordText));
    if (message.answer.length === 0 || records.filter((line) => line.includes(" SOA ")).length >= 2) break;
  }
  const answer =
    records.length > 1 ? [records[0]!, ...records.slice(1, -1).sort(), records.at(-1)!] : records;
  return { rcode, transfer: true, answer };
}

function recorded(bytes: Buffer, keepOrder: boolean): Recorded {
  const message = decodeMessage(bytes);
  if (message.error !== undefined) return { rcode: `unreadable: ${message.error} at ${message.offset}` };
  return { ...shown(message, keepOrder), size: bytes.length };
}

function shown(message: DecodedMessage, keepOrder: boolean): Recorded {
  const lines = (section: readonly Parameters<typeof recordText>[0][]): string[] => {
    const texts = section.map(recordText);
    return keepOrder ? texts : texts.sort();
  };
  const { question, opt } = message;
  return {
    rcode: rcodeText(message.rcode),
    opcode: dnspythonOpcode(message.opcode),
    flags: FLAG_NAMES.filter((name) => (message.flags & FLAG[name]) !== 0),
    question:
      question === undefined
        ? null
        : `${nameText(question.name)} ${dnspythonClass(question.class)} ${typeText(question.type)}`,
    answer: lines(message.answer),
    authority: lines(message.authority),
    additional: lines(message.additional),
    edns:
      opt === undefined
        ? null
        : {
            bufsize: opt.udpSize,
            do: opt.dnssecOk,
            version: opt.version,
            options: opt.options.map(
              ({ code, data }) => [code, Buffer.from(data, "latin1").toString("hex")] as [number, string],
            ),
          },
  };
}

/** dnspython writes opcodes that it has no name for as numbers. */
const dnspythonOpcode = (value: number): string =>
  value <= 5 && value !== 3 ? opcodeText(value) : String(value);

/** The recordings were written by dnspython, which has a name for class 0. */
const dnspythonClass = (value: number): string => (value === 0 ? "RESERVED0" : classText(value));
