/** What node-cache reports: lines for the operator, and its one metric. */
import type { Level } from "../log/output.ts";
import type { Metrics } from "../metrics/metrics.ts";

const KINDS = ["configmap", "interface_add", "interface_check", "iptables", "iptables_lock"] as const;
export type ErrorKind = (typeof KINDS)[number];

export interface Journal {
  write(level: Level, text: string): void;
  /** An error line; with a kind it is counted too. */
  error(text: string, kind?: ErrorKind): void;
  /** Lines so far went to standard error with a date in front, as node-cache's first ones do; from now on they go to `write`. */
  continueWith(write: (level: Level, text: string) => void): void;
}

/** `metrics` of the scope `nodecache`. */
export function createJournal(metrics: Metrics): Journal {
  const errors = metrics.counter(
    "setup_errors_total",
    "The number of errors during periodic network setup for node-cache",
    ["errortype"],
  );
  for (const kind of KINDS) errors.at(kind);
  let write = (level: Level, text: string): void =>
    void process.stderr.write(`${timestamp(new Date())} [${level.toUpperCase()}] ${text}\n`);
  return {
    write: (level, text) => write(level, text),
    error(text, kind) {
      write("error", text);
      if (kind !== undefined) errors.at(kind).inc();
    },
    continueWith(next) {
      write = next;
    },
  };
}

/** `2026/11/22 21:59:27`, local time: Go's `log`. */
function timestamp(now: Date): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  const date = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join("/");
  return `${date} ${[now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join(":")}`;
}
