import type { Engine } from "./engine.ts";

/** An open socket, or several that serve one address. It outlives the configurations that it serves. */
export interface Listener {
  readonly engine: Engine;
  /** As the system bound it. */
  readonly address: string;
  readonly port: number;
  /**
   * Takes no more queries and lets those in work end, at most `graceMs` milliseconds. `serveOn`: connections that are open are served on within that time, as
   * long as their clients have questions.
   */
  close(graceMs: number, serveOn?: boolean): Promise<void>;
  /** Closes open connections, keeps the socket (a reload; nothing to do for datagrams). */
  closeConnections(): void;
}

/** Where a listener is to listen; an empty address is all addresses of both families. */
export interface ListenAt {
  readonly address: string;
  readonly port: number;
}

/** Why a socket could not be opened, in words for the operator. */
export function listenError(transport: string, at: ListenAt, error: NodeJS.ErrnoException): Error {
  const place = at.address.includes(":") ? `[${at.address}]:${at.port}` : `${at.address}:${at.port}`;
  const why: Record<string, string> = {
    EADDRINUSE: "the address is in use: stop what listens there, or choose another port",
    EACCES: "permission denied: ports below 1024 need root or CAP_NET_BIND_SERVICE",
    EADDRNOTAVAIL: "no interface of this machine has the address",
  };
  return new Error(`listen ${transport} ${place}: ${why[error.code ?? ""] ?? error.message}`);
}
