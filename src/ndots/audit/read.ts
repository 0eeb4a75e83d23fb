/** Inputs of an audit as a stream of sightings, in bounded memory. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { newSighting, readLogLine, type Sighting } from "./log-line.ts";
import { createPcapReader, isPcap, type CaptureReader } from "./pcap.ts";

export interface Counts {
  /** Lines or packets. */
  read: number;
  /** Those of them that told nothing. */
  skipped: number;
}

export interface Progress {
  readonly bytes: number;
  /** Undefined where that can't be known. */
  readonly total: number | undefined;
  readonly read: number;
}

const CHUNK = 1024 * 1024;
/** Longer lines are no query log's. */
const MOST_LINE = 64 * 1024;

/**
 * Reads a file, or stdin where it is `-`: log lines, a capture (told by its first bytes), either of them compressed by gzip (told by the
 * name's end). `see` is called with one object again and again. Rejects with one line where it can't be read.
 */
export async function readInput(
  file: string,
  see: (sighting: Sighting) => void,
  tell: (progress: Progress) => void = () => undefined,
  signal?: AbortSignal,
): Promise<Counts> {
  const isStdin = file === "-";
  const total = isStdin ? undefined : (await stat(file)).size;
  const raw: Readable = isStdin ? process.stdin : createReadStream(file, { highWaterMark: CHUNK });
  const stream = file.endsWith(".gz") ? raw.pipe(createGunzip()) : raw;
  let bytes = 0;
  raw.on("data", (chunk: Buffer) => (bytes += chunk.length));
  raw.on("error", (error: Error) => stream.destroy(error));
  signal?.addEventListener("abort", () => stream.destroy(), { once: true });

  const counts: Counts = { read: 0, skipped: 0 };
  let reader: CaptureReader | undefined;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      reader ??= isPcap(chunk) ? createPcapReader(counts, see) : lineReader(counts, see);
      reader.push(chunk);
      tell({ bytes, total, read: counts.read });
    }
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
  reader?.end();
  return counts;
}

const NEWLINE = 10;

function lineReader(counts: Counts, see: (sighting: Sighting) => void): CaptureReader {
  const sighting = newSighting();
  let rest: Buffer | undefined;
  const line = (bytes: Buffer, from: number, to: number): void => {
    counts.read++;
    if (to - from < MOST_LINE && readLogLine(bytes.latin1Slice(from, to), sighting)) see(sighting);
    else counts.skipped++;
  };
  return {
    push(chunk) {
      let from = 0;
      if (rest !== undefined) {
        const end = chunk.indexOf(NEWLINE);
        if (end < 0) {
          // A line without an end must not fill the memory.
          if (rest.length < MOST_LINE) rest = Buffer.concat([rest, chunk.subarray(0, MOST_LINE)]);
          return;
        }
        const whole = Buffer.concat([rest, chunk.subarray(0, end)]);
        line(whole, 0, whole.length);
        rest = undefined;
        from = end + 1;
      }
      for (let end = chunk.indexOf(NEWLINE, from); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
        line(chunk, from, end);
        from = end + 1;
      }
      if (from < chunk.length) rest = Buffer.from(chunk.subarray(from, from + MOST_LINE));
    },
    end() {
      if (rest !== undefined) line(rest, 0, rest.length);
    },
  };
}
