/** The bound sockets of a process, by descriptor: opened here so that others may share their port, or handed over by another process. */
import { closeSync } from "node:fs";
import { isIP, type Server } from "node:net";
import { nativeBinding } from "../native/binding.ts";
import type { ListenAt } from "./listener.ts";

/** A socket that is bound; a TCP one need not listen yet. */
export interface Bound {
  readonly protocol: "udp" | "tcp";
  /** `::` for all addresses, `0.0.0.0` where there is no IPv6. */
  readonly address: string;
  readonly port: number;
  readonly descriptor: number;
}

export interface Descriptors {
  /**
   * A socket of this place: one that was handed over, or a new one that shares its port (SO_REUSEPORT), as CoreDNS's do. Undefined where only Node can
   * open it: without the native binding, for a host's name, with an IPv6 zone. Throws with a system error's code.
   */
  bind(protocol: "udp" | "tcp", at: ListenAt): Bound | undefined;
  /** Says that whoever has it is about to close it. */
  release(bound: Bound): void;
  /** All that are open and in use. */
  held(): readonly Bound[];
  /** Closes what was handed over and nobody has asked for. */
  closeUnclaimed(): void;
}

export function createDescriptors(handedOver: readonly Bound[] = []): Descriptors {
  const waiting = [...handedOver];
  const open = new Set<Bound>();

  const take = (protocol: "udp" | "tcp", address: string, port: number): Bound | undefined => {
    const at = waiting.findIndex(
      (one) => one.protocol === protocol && one.address === address && one.port === port,
    );
    return at < 0 ? undefined : waiting.splice(at, 1)[0];
  };

  return {
    bind(protocol, at) {
      const { binding } = nativeBinding();
      const { address, port } = at;
      if (binding === undefined || (address !== "" && (isIP(address) === 0 || address.includes("%")))) {
        return undefined;
      }
      const bindTo = (address: string): Bound => {
        const family = address.includes(":") ? 6 : 4;
        const [descriptor, got] = binding.bind(address, port, family, protocol === "tcp" ? 1 : 0);
        return { protocol, address, port: got, descriptor };
      };
      const wanted = address === "" ? "::" : address;
      let bound = take(protocol, wanted, port);
      if (bound === undefined && address === "") bound = take(protocol, "0.0.0.0", port);
      try {
        bound ??= bindTo(wanted);
      } catch (error) {
        // A machine without IPv6 has no dual-stack socket.
        if (address !== "" || (error as NodeJS.ErrnoException).code !== "EAFNOSUPPORT") throw error;
        bound = bindTo("0.0.0.0");
      }
      open.add(bound);
      return bound;
    },
    release: (bound) => void open.delete(bound),
    held: () => [...open],
    closeUnclaimed() {
      for (const { descriptor } of waiting.splice(0)) closeSync(descriptor);
    },
  };
}

/**
 * Has a server listen, on a socket of `descriptors` where they have one, else as Node does it. Resolves with what undoes the claim, to be called
 * when the server closes; rejects with the system's error.
 */
export function listenOn(server: Server, at: ListenAt, descriptors: Descriptors): Promise<() => void> {
  return new Promise((resolve, reject) => {
    let bound: Bound | undefined;
    const release = (): void => {
      if (bound !== undefined) descriptors.release(bound);
    };
    const failed = (error: NodeJS.ErrnoException): void => {
      if (bound === undefined && at.address === "" && error.code === "EAFNOSUPPORT") {
        server.listen({ port: at.port, host: "0.0.0.0", exclusive: true });
        return;
      }
      release();
      reject(error);
    };
    server.on("error", failed);
    server.once("listening", () => {
      server.off("error", failed);
      // An error of accepting (no descriptors left) is that client's misfortune.
      server.on("error", () => undefined);
      resolve(release);
    });
    try {
      bound = descriptors.bind("tcp", at);
    } catch (error) {
      reject(error as Error);
      return;
    }
    if (bound !== undefined) server.listen({ fd: bound.descriptor });
    else server.listen({ port: at.port, host: at.address === "" ? "::" : at.address, exclusive: true });
  });
}
