/**
 * A new process takes over from the one that serves, without a moment in which nobody does.
 *
 * The one that serves listens at a name in the node's network namespace. The new one connects and asks for its sockets (`take`); it gets the
 * descriptors, so that both read the same queues. When the new one answers queries it says `ready`: the old one stops reading, answers
 * what it took, and says `done`. The connection stays: should the new one end while the old one is still there, the old one hears of it.
 * A new process that ends before it is ready is as if it had never been; nothing that a client sent lies in a socket that closes. Two processes that only share a port (SO_REUSEPORT) could not do that: what waits in the buffer of
 * the one that ends is lost.
 */
import { randomBytes } from "node:crypto";
import { createServer, Socket } from "node:net";
import { nativeBinding } from "../native/binding.ts";

/** A socket of the other process, as it has it. */
export interface HandedOver {
  readonly protocol: "udp" | "tcp";
  readonly address: string;
  readonly port: number;
  readonly descriptor: number;
}

export interface Predecessor {
  readonly sockets: readonly HandedOver[];
  /** Says that we answer queries; resolves when the old one takes no more, or has gone. */
  ready(): Promise<void>;
}

export interface Offer {
  /** Resolves when nobody is about to take over: whether somebody has. */
  settled(): Promise<boolean>;
  close(): void;
}

/** Milliseconds for each side to do what the other waits for. */
const LIMIT = 2000;

/** Asks whoever serves under this name for its sockets. Undefined where nobody does; rejects where one does not hand them over. */
export async function takeOver(name: string): Promise<Predecessor | undefined> {
  const { binding } = nativeBinding();
  if (binding === undefined) return undefined;
  let connected: number;
  try {
    connected = binding.connectUnix(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ECONNREFUSED") return undefined;
    throw error;
  }
  const socket = new Socket({ fd: connected, readable: true, writable: true });
  socket.on("error", () => socket.destroy());
  try {
    const replyTo = `${name}:${randomBytes(8).toString("hex")}`;
    const listening = binding.listenUnix(replyTo);
    await new Promise<void>((resolve) => socket.write(`take ${replyTo}\n`, () => resolve()));
    const [text, descriptors] = binding.take(listening, LIMIT);
    const places = JSON.parse(text) as Omit<HandedOver, "descriptor">[];
    const sockets = descriptors.map((descriptor, i) => ({ ...places[i]!, descriptor }));
    return { sockets, ready: () => sayReady(socket) };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function sayReady(socket: Socket): Promise<void> {
  socket.unref();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LIMIT);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    socket.on("data", done);
    socket.on("close", done);
    socket.write("ready\n");
  });
}

export interface Owner {
  /** What a process that takes over gets. */
  sockets(): readonly HandedOver[];
  /** It serves: stop reading, before anything that waits. Called once. */
  letGo(): void;
  /** It has gone afterwards. */
  abandoned(): void;
}

/** Lets a later process take over. Undefined where this can't be: there is no native binding, or another process has the name. */
export function offer(name: string, owner: Owner): Offer | undefined {
  const { binding } = nativeBinding();
  if (binding === undefined) return undefined;
  let descriptor: number;
  try {
    descriptor = binding.listenUnix(name);
  } catch {
    return undefined;
  }
  let gone = false;
  let starting = 0;
  const waiting: (() => void)[] = [];
  const settle = (): void => {
    if (gone || starting === 0) for (const resolve of waiting.splice(0)) resolve();
  };

  const server = createServer((socket) => {
    let state: "new" | "given" | "successor" = "new";
    let input = "";
    socket.setEncoding("utf8");
    socket.setTimeout(LIMIT, () => {
      if (state === "new") socket.destroy();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      if (state === "successor") owner.abandoned();
      if (state === "given") starting--;
      settle();
    });
    socket.on("data", (chunk: string) => {
      input += chunk;
      const lines = input.split("\n");
      input = lines.pop()!.slice(0, 256);
      for (const line of lines) {
        const [verb, replyTo] = line.split(" ");
        if (verb === "take" && replyTo !== undefined && state === "new" && !gone && give(replyTo)) {
          state = "given";
          starting++;
        } else if (verb === "ready" && state === "given" && !gone) {
          state = "successor";
          starting--;
          gone = true;
          // The name is free before the other hears of it: it will want it.
          server.close();
          owner.letGo();
          settle();
          socket.write("done\n");
        }
      }
    });
  });

  /** The name says where to; that root or our own user is there, the binding makes sure. */
  const give = (replyTo: string): boolean => {
    const all = owner.sockets();
    const places = all.map(({ protocol, address, port }) => ({ protocol, address, port }));
    try {
      binding.give(
        replyTo,
        JSON.stringify(places),
        all.map(({ descriptor }) => descriptor),
      );
      return true;
    } catch {
      return false;
    }
  };

  server.on("error", () => undefined);
  server.listen({ fd: descriptor });
  server.unref();
  return {
    async settled() {
      if (!gone && starting > 0)
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
        });
      return gone;
    },
    close: () => void server.close(),
  };
}
