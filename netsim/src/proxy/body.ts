/** A request's body on its way: held back for retries while it is small, counted against a limit, copied to mirrors. */
import type { Readable, Writable } from "node:stream";

export interface Body {
  /** Sends what has come and will come to a backend, and ends it. Again for another try, when `isWhole`. */
  sendTo(target: Writable): void;
  /** All of it is at hand: it can be sent once more. */
  readonly isWhole: boolean;
}

/** Bodies up to this can be sent again. */
const HELD = 64 << 10;
/** What may wait for a mirror; a slower one is given up. */
export const MIRROR_BACKLOG = 1 << 20;

export interface BodyOptions {
  /** Wait for the end of small bodies, so that they can be sent again. */
  readonly isHeld: boolean;
  /** Octets; more calls `tooLong` and nothing further is sent. */
  readonly limit: number | undefined;
  readonly tooLong: () => void;
}

/** Rejects when the client goes away while its body is being held. */
export async function openBody(source: Readable, { isHeld, limit, tooLong }: BodyOptions): Promise<Body> {
  const held: Buffer[] = [];
  let size = 0;
  let isWhole = source.readableEnded;
  let isOver = false;
  const count = (chunk: Buffer): boolean => {
    size += chunk.length;
    if (limit !== undefined && size > limit && !isOver) {
      isOver = true;
      tooLong();
    }
    return !isOver;
  };
  if (isHeld && !isWhole)
    isWhole = await new Promise<boolean>((resolve, reject) => {
      const done = (whole: boolean): void => {
        source.pause();
        source.removeListener("data", data);
        source.removeListener("end", end);
        source.removeListener("close", gone);
        resolve(whole);
      };
      const data = (chunk: Buffer): void => {
        if (count(chunk)) held.push(chunk);
        if (size > HELD) done(false);
      };
      const end = (): void => done(true);
      const gone = (): void => reject(new Error("the client went away"));
      source.on("data", data);
      source.once("end", end);
      source.once("close", gone);
      source.resume();
    });
  return {
    isWhole,
    sendTo(target) {
      for (const chunk of held) target.write(chunk);
      if (isWhole || source.readableEnded) return void target.end();
      source.on("data", (chunk: Buffer) => {
        if (!count(chunk)) return void target.destroy();
        if (!target.destroyed && !target.writableEnded && !target.write(chunk)) {
          source.pause();
          target.once("drain", () => source.resume());
        }
      });
      source.once("end", () => target.end());
      // What nobody reads any more must not stop the client from sending it.
      target.once("close", () => source.resume());
      source.resume();
    },
  };
}

/** A copy of the body for a mirror, which must never slow the request down. */
export function copyTo(source: Readable, target: Writable): void {
  source.on("data", (chunk: Buffer) => {
    if (target.destroyed || target.writableEnded) return;
    if (target.writableLength > MIRROR_BACKLOG) target.destroy();
    else target.write(chunk);
  });
  source.once("end", () => target.end());
  source.once("close", () => (source.readableEnded ? undefined : target.destroy()));
  if (source.readableEnded) target.end();
}
