/** The first octets of a connection, looked at and put back: they say which server it is for. */
import type { Socket } from "node:net";

/** How long a client may be silent at the beginning, in milliseconds. */
const PATIENCE = 30_000;

/**
 * What has come so far, once `isEnough` says so of it; undefined when the connection ends before, or says nothing for too long. What was
 * read is in the socket again, which is paused.
 */
export function peek(
  socket: Socket,
  isEnough: (bytes: Buffer) => boolean = (bytes) => bytes.length > 0,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const done = (bytes: Buffer | undefined): void => {
      clearTimeout(timer);
      socket.removeListener("readable", read);
      socket.removeListener("end", end);
      socket.removeListener("close", end);
      if (bytes === undefined) socket.destroy();
      else if (bytes.length > 0) socket.unshift(bytes);
      resolve(bytes);
    };
    const end = (): void => done(undefined);
    const read = (): void => {
      for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null)
        chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      if (bytes.length > 0 && isEnough(bytes)) done(bytes);
    };
    const timer = setTimeout(end, PATIENCE);
    timer.unref();
    socket.on("readable", read);
    socket.once("end", end);
    socket.once("close", end);
  });
}

const PREFACE = "PRI * HTTP/2.0";

/** The beginning of HTTP/2 without TLS (RFC 9113, 3.4). */
export const isHttp2Preface = (bytes: Buffer): boolean =>
  bytes.length >= PREFACE.length && bytes.toString("latin1", 0, PREFACE.length) === PREFACE;

/** Enough to tell HTTP/2 from anything else. */
export const isDecided = (bytes: Buffer): boolean =>
  bytes.length >= PREFACE.length || !PREFACE.startsWith(bytes.toString("latin1"));
