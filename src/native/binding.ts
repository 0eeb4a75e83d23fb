/** The batched UDP socket of native/udp.c, where there is one for this machine. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { HubBinding } from "./hub.ts";

declare const groupBrand: unique symbol;
/** A set of sockets and its receiving thread. */
export interface NativeGroup {
  readonly [groupBrand]: true;
}

export interface Binding extends HubBinding {
  /**
   * A socket for UDP, or for TCP where `stream` is 1 (then not listening yet), bound and sharing its port (SO_REUSEPORT): its descriptor, and the port
   * that it got. Throws with a system error's code, as all of these do.
   */
  bind(address: string, port: number, family: 4 | 6, stream?: 0 | 1): [descriptor: number, port: number];
  slabSize(batches: number, packetSize: number, outputSize: number): number;
  /** `withLocal`: replies leave from the address that was asked. The last `spare` batches are the caller's, for `send`. */
  start(
    descriptors: readonly number[],
    slab: Buffer,
    batches: number,
    packetSize: number,
    outputSize: number,
    withLocal: 0 | 1,
    spare: number,
    notify: () => void,
  ): NativeGroup;
  /** Sends a batch's replies and gives the batch back to the thread. */
  submit(group: NativeGroup, batch: number): void;
  /** Sends what is in a spare batch. */
  send(group: NativeGroup, batch: number): void;
  /** Ends the receiving thread; the sockets stay as they are, for other processes too that have them. */
  stop(group: NativeGroup): void;
  close(group: NativeGroup): void;

  /** Listens at this name in the network namespace's own list (an abstract unix socket). Gives the descriptor. */
  listenUnix(name: string): number;
  /** Connects to who listens there. EPERM: it is neither root nor our own user; ECONNREFUSED: nobody does. */
  connectUnix(name: string): number;
  /** Hands a text and descriptors, at most 253, to who listens there. They stay open here. */
  give(name: string, text: string, descriptors: readonly number[]): void;
  /** Waits at most `milliseconds`, doing nothing else, for what root or our user gives to a descriptor of `listenUnix`, and closes that. ETIMEDOUT: nothing came. */
  take(listening: number, milliseconds: number): [text: string, descriptors: number[]];
}

let loaded: { readonly binding: Binding | undefined; readonly reason: string } | undefined;

/** The binding, or why there is none. Looked for once. `CLUSTERDNS_NATIVE=off` in the environment says not to use it. */
export function nativeBinding(): { readonly binding: Binding | undefined; readonly reason: string } {
  return (loaded ??= load());
}

function load(): { binding: Binding | undefined; reason: string } {
  if (process.env["CLUSTERDNS_NATIVE"] === "off")
    return { binding: undefined, reason: "CLUSTERDNS_NATIVE=off" };
  if (process.platform !== "linux")
    return { binding: undefined, reason: `it is for Linux, and this is ${process.platform}` };
  const require = createRequire(import.meta.url);
  const problems: string[] = [];
  for (const path of candidates()) {
    try {
      return { binding: require(path) as Binding, reason: "" };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "MODULE_NOT_FOUND") problems.push(message.split("\n")[0]!);
    }
  }
  return { binding: undefined, reason: problems[0] ?? "none was built for this machine" };
}

/** Built in the checkout, or installed as a package for the platform. */
function candidates(): string[] {
  const file = `udp-${process.platform}-${process.arch}.node`;
  const built = join(packageRoot(), "native", "build", file);
  const libc = isMusl() ? "musl" : "gnu";
  return [
    ...(existsSync(built) ? [built] : []),
    `@clusterdns/native-${process.platform}-${process.arch}-${libc}`,
  ];
}

const isMusl = (): boolean =>
  (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime ===
  undefined;

function packageRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, "package.json")) && dirname(dir) !== dir) dir = dirname(dir);
  return dir;
}
