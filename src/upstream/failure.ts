/**
 * Why an exchange failed, in the words that operators know from CoreDNS and look for in their logs:
 * `read udp 10.0.0.2:51234->10.0.0.10:53: i/o timeout`.
 */
export interface ExchangeFailure {
  readonly text: string;
  /** A connection that had served before was closed by the other side: the question may be asked again at once. */
  readonly stale?: true;
}

/** What the system calls its errors (`strerror`); the code itself where it is none of these. */
const texts: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "cannot assign requested address",
  EAFNOSUPPORT: "address family not supported by protocol",
  ECONNABORTED: "software caused connection abort",
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  EHOSTUNREACH: "no route to host",
  EINVAL: "invalid argument",
  EMFILE: "too many open files",
  EMSGSIZE: "message too long",
  ENETUNREACH: "network is unreachable",
  ENOBUFS: "no buffer space available",
  EPERM: "operation not permitted",
  EPIPE: "broken pipe",
  ETIMEDOUT: "connection timed out",
};

export const systemText = (error: NodeJS.ErrnoException): string =>
  texts[error.code ?? ""] ?? (error.code === undefined ? error.message : `${error.message} (${error.code})`);

/** Both ends as `address:port`. `local` is empty where it is not known. */
export interface Ends {
  readonly network: "udp" | "tcp";
  readonly local: string;
  readonly remote: string;
}

const ends = ({ network, local, remote }: Ends): string =>
  local === "" ? `${network} ${remote}` : `${network} ${local}->${remote}`;

/** What the system said to a system call on a connection or socket. */
export function callFailure(of: Ends, error: NodeJS.ErrnoException): ExchangeFailure {
  const text = systemText(error);
  switch (error.syscall) {
    case "recvmsg":
    case "recvmmsg":
    case "read":
      return { text: `read ${ends(of)}: read: ${text}` };
    case "send":
    case "write":
      return { text: `write ${ends(of)}: write: ${text}` };
    case undefined:
      return { text: `dial ${of.network} ${of.remote}: ${error.message}` };
    default:
      return { text: `dial ${of.network} ${of.remote}: ${error.syscall}: ${text}` };
  }
}

export const readTimeout = (of: Ends): ExchangeFailure => ({ text: `read ${ends(of)}: i/o timeout` });

export const dialTimeout = (remote: string): ExchangeFailure => ({ text: `dial tcp ${remote}: i/o timeout` });

/** `192.0.2.1:53`, `[2001:db8::1]:53`. */
export const hostPort = (address: string, port: number): string =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
