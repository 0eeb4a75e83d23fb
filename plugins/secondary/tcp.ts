import { connect } from "node:net";
import type { Endpoint } from "../../src/directive/index.ts";
import { callFailure, dialTimeout, readTimeout } from "../../src/upstream/failure.ts";

/** Milliseconds to connect, and between two messages. */
const DIAL = 2000;
const READ = 5000;

/**
 * Sends a message to a server over TCP and takes its replies (RFC 7766 §8) until `take` says that the last one came. Resolves to why
 * that never happened, or to undefined.
 */
export function askOverTcp(
  server: Endpoint,
  message: Buffer,
  take: (reply: Buffer) => "more" | "done" | { readonly error: string },
  signal: AbortSignal,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const remote = server.text;
    const socket = connect({ host: server.address, port: server.port, noDelay: true });
    const ends = { network: "tcp", local: "", remote } as const;
    let timer = setTimeout(() => finish(dialTimeout(remote).text), DIAL);
    const stopped = (): void => finish("the server stops");
    const finish = (error?: string): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stopped);
      socket.destroy();
      resolve(error);
    };
    const rest = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => finish(readTimeout(ends).text), READ);
    };
    let input: Buffer = Buffer.alloc(0);

    signal.addEventListener("abort", stopped);
    socket.on("connect", () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(message.length);
      socket.write(Buffer.concat([length, message]));
      rest();
    });
    socket.on("data", (chunk: Buffer) => {
      input = input.length === 0 ? chunk : Buffer.concat([input, chunk]);
      rest();
      while (input.length >= 2 && input.length >= 2 + input.readUInt16BE(0)) {
        const end = 2 + input.readUInt16BE(0);
        const state = take(input.subarray(2, end));
        if (state !== "more") return finish(state === "done" ? undefined : state.error);
        input = input.subarray(end);
      }
    });
    socket.on("error", (error) => finish(callFailure(ends, error).text));
    socket.on("close", () => finish(`read tcp ${remote}: the connection was closed before the last message`));
  });
}
