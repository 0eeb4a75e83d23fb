/** What every server under measurement has in common. */
import type { Question } from "../lib/ask.ts";
import type { ServerProcess } from "../lib/process.ts";
import type { CorefileChoice } from "../workloads.ts";

/** All that a server may need to serve a workload. */
export interface Site {
  /** A directory for its files. */
  readonly directory: string;
  /** Where it listens, on 127.0.0.1, UDP and TCP. */
  readonly port: number;
  /** Ports of its own for health, readiness and metrics. */
  readonly sidePorts: readonly [number, number, number];
  /** The server that answers for names outside the cluster. */
  readonly upstreamPort: number;
  readonly corefile: CorefileChoice;
  /** The line of the `kubernetes` block that says where the cluster is found, for CoreDNS and for ours. */
  readonly source: string;
  /** The answers of the cluster, as zone-file lines, for servers that read zones. */
  readonly records: readonly string[];
  readonly questions: readonly Question[];
  /** For the process's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Kind {
  readonly name: string;
  readonly title: string;
  /** Why it can't be measured here; undefined where it can. May fetch what is missing. */
  missing(): string | undefined;
  version(): string;
  start(site: Site): ServerProcess;
}
