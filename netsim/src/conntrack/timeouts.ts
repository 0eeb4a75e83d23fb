/** How long the kernel remembers a connection, and how many (Documentation/networking/nf_conntrack-sysctl.rst). */

/** States as `conntrack -L` names them; UDP has `NEW` (no reply yet), `REPLIED` and `STREAM`. */
export type State =
  | "SYN_SENT"
  | "SYN_RECV"
  | "ESTABLISHED"
  | "FIN_WAIT"
  | "CLOSE_WAIT"
  | "LAST_ACK"
  | "TIME_WAIT"
  | "CLOSE"
  | "NEW"
  | "REPLIED"
  | "STREAM";

export type Timeouts = Readonly<Record<"tcp" | "udp" | "sctp", Readonly<Partial<Record<State, number>>>>>;

/** The kernel's own, in seconds (`nf_conntrack_tcp_timeout_*`, `nf_conntrack_udp_timeout`, `..._stream`, `nf_conntrack_sctp_*`). */
export const KERNEL_TIMEOUTS: Timeouts = {
  tcp: {
    SYN_SENT: 120,
    SYN_RECV: 60,
    ESTABLISHED: 432_000,
    FIN_WAIT: 120,
    CLOSE_WAIT: 60,
    LAST_ACK: 30,
    TIME_WAIT: 120,
    CLOSE: 10,
  },
  udp: { NEW: 30, REPLIED: 30, STREAM: 120 },
  sctp: { NEW: 10, REPLIED: 10, ESTABLISHED: 210, CLOSE: 10 },
};

/** What kube-proxy sets (`--conntrack-tcp-timeout-established`, `--conntrack-tcp-timeout-close-wait`). */
export const KUBE_PROXY_TIMEOUTS: Timeouts = {
  ...KERNEL_TIMEOUTS,
  tcp: { ...KERNEL_TIMEOUTS.tcp, ESTABLISHED: 86_400, CLOSE_WAIT: 3600 },
};

/**
 * `nf_conntrack_max` as kube-proxy sets it: `--conntrack-max-per-core` times the cores, but at least `--conntrack-min`.
 */
export function conntrackMax(cores: number, perCore = 32_768, least = 131_072): number {
  return Math.max(cores * perCore, least);
}

/** The rate of new flows, per second, that fills a table of `max` entries when each stays `seconds`. */
export function sustainableRate(max: number, seconds: number): number {
  return max / seconds;
}
