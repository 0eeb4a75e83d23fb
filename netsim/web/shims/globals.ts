/** What Node's programs find without an import and a browser does not have; the bundler puts it where it is used. */
import { Buffer as Bytes } from "buffer";

type Latin1 = {
  latin1Slice(start?: number, end?: number): string;
  latin1Write(text: string, offset?: number): number;
};

// Node's Buffers have these; see src/dns/node-buffer.d.ts of clusterdns.
const methods = Bytes.prototype as unknown as Latin1;
methods.latin1Slice = function (this: Bytes, start, end) {
  return this.toString("latin1", start, end);
};
methods.latin1Write = function (this: Bytes, text, offset = 0) {
  return this.write(text, offset, "latin1");
};
export const Buffer = Bytes;

const nothing = (): void => undefined;

/** A process without environment, files and streams. */
export const process = {
  env: {},
  platform: "browser",
  arch: "",
  version: "",
  versions: {},
  pid: 0,
  cwd: () => "/",
  on: nothing,
  emitWarning: nothing,
  stderr: { write: nothing },
  stdout: { write: nothing },
};

const turns: (() => void)[] = [];
const { port1, port2 } = new MessageChannel();
port1.onmessage = () => turns.shift()?.();

/** A turn of the event loop, without the 4 ms that a browser's timers take when nested. */
export function setImmediate(then: (...given: unknown[]) => void, ...given: unknown[]): void {
  turns.push(() => then(...given));
  port2.postMessage(undefined);
}

/** A timer that, as in Node, can be told not to keep the program alive, which none does here. */
class Timer {
  readonly id: number;
  constructor(id: number) {
    this.id = id;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  [Symbol.toPrimitive](): number {
    return this.id;
  }
}

type After = (then: () => void, ms?: number) => unknown;

export const setTimeout = (...given: Parameters<After>): Timer =>
  new Timer(Number((globalThis.setTimeout as After)(...given)));
export const setInterval = (...given: Parameters<After>): Timer =>
  new Timer(Number((globalThis.setInterval as After)(...given)));
