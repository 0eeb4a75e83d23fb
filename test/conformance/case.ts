/** The form of the recorded cases. */

export interface QuerySpec {
  readonly name: string;
  readonly type?: string;
  readonly class?: string;
  readonly proto?: "udp" | "tcp";
  readonly rd?: boolean;
  readonly cd?: boolean;
  readonly ad?: boolean;
  readonly id?: number;
  readonly opcode?: string;
  readonly edns?: {
    readonly version?: number;
    readonly bufsize?: number;
    readonly do?: boolean;
    readonly options?: readonly [number, string][];
  } | null;
  /** Hex, sent as it stands. */
  readonly raw?: string;
  readonly from?: string;
  readonly from_port?: number;
  readonly tsig?: unknown;
}

/** A response as the corpus stores it: sections as sorted text, the OPT record apart. */
export interface Recorded {
  readonly timeout?: boolean;
  readonly transfer?: boolean;
  readonly messages?: number;
  readonly rcode?: string | null;
  readonly opcode?: string;
  readonly flags?: readonly string[];
  readonly question?: string | null;
  readonly answer?: readonly string[];
  readonly authority?: readonly string[];
  readonly additional?: readonly string[];
  readonly edns?: {
    readonly bufsize: number;
    readonly do: boolean;
    readonly version?: number;
    readonly options: readonly [number, string][];
  } | null;
  readonly size?: number;
  readonly any?: readonly (readonly string[])[];
}

export interface Comparison {
  readonly ttl?: "exact" | "atmost" | "ignore";
  readonly order?: "set" | "list";
  readonly serial?: "ignore";
  readonly answer?: "one-of";
  readonly size?: boolean;
  readonly edns?: "ignore";
  readonly rrsig?: "shape";
}

export interface Case {
  readonly id: string;
  readonly q?: QuerySpec;
  readonly http?: { readonly port?: string; readonly path: string };
  readonly sleep_before_ms?: number;
  readonly r: Recorded & {
    readonly status?: number;
    readonly body?: string;
    readonly metrics?: Readonly<Record<string, number | null>>;
  };
  readonly compare?: Comparison;
}
