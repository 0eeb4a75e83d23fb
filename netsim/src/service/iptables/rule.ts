/** iptables rules as values: one form for the text that iptables-save shows and for what a packet meets. */
import type { IPFamily } from "../../model/types.ts";
import type { Block } from "../address.ts";

export type Match =
  | { readonly kind: "comment"; readonly text: string }
  | { readonly kind: "port"; readonly port?: number }
  | { readonly kind: "state"; readonly states: readonly string[]; readonly not?: boolean }
  | { readonly kind: "local"; readonly which: "src" | "dst"; readonly not?: boolean }
  | { readonly kind: "marked"; readonly not?: boolean }
  | { readonly kind: "random"; readonly probability: number }
  | { readonly kind: "seen"; readonly list: string; readonly seconds: number }
  | { readonly kind: "remember"; readonly list: string }
  | { readonly kind: "count"; readonly counter: string }
  | { readonly kind: "set"; readonly set: string; readonly by: string }
  | { readonly kind: "bridged"; readonly not: true }
  | { readonly kind: "ipvs"; readonly address: string; readonly protocol: string; readonly port: number };

export type Target =
  | { readonly kind: "jump"; readonly chain: string }
  | { readonly kind: "ACCEPT" | "DROP" | "RETURN" | "REJECT" }
  /** The source port is random, unless it is kept where that is possible. */
  | { readonly kind: "MASQUERADE"; readonly samePort?: boolean }
  | { readonly kind: "mark" | "unmark" }
  | { readonly kind: "DNAT"; readonly address: string; readonly port: number; readonly to: string };

export interface Rule {
  readonly source?: { readonly block: Block; readonly not?: boolean };
  readonly destination?: { readonly block: Block; readonly not?: boolean };
  readonly protocol?: string;
  /** In the order of the command line, which the kernel keeps. */
  readonly matches: readonly Match[];
  /** None: the rule only counts. */
  readonly target?: Target;
  /** The service port that the rule is for. */
  readonly service?: string;
}

/** `policy` is what the built-in chains have. */
export interface Chain {
  readonly name: string;
  readonly policy?: "ACCEPT";
  readonly rules: Rule[];
}

/** A table: the built-in chains first, then all others by name. */
export interface Table {
  readonly name: "nat" | "filter" | "mangle";
  readonly family: IPFamily;
  readonly chains: ReadonlyMap<string, Chain>;
}

/** A table under construction: `rule` appends to a chain and makes it where it is missing. */
export interface TableBuilder {
  chain(name: string): void;
  rule(chain: string, rule: Rule): void;
  done(): Table;
}

export function tableBuilder(
  name: Table["name"],
  family: IPFamily,
  builtIn: readonly string[],
): TableBuilder {
  const chains = new Map<string, Chain>(
    builtIn.map((chain) => [chain, { name: chain, policy: "ACCEPT", rules: [] }]),
  );
  const chain = (name: string): Chain => {
    const known = chains.get(name) ?? { name, rules: [] };
    chains.set(name, known);
    return known;
  };
  return {
    chain,
    rule: (name, rule) => chain(name).rules.push(rule),
    done: () => {
      const rank = ([name]: readonly [string, Chain]) => builtIn.indexOf(name) >>> 0;
      const sorted = [...chains].sort((a, b) => rank(a) - rank(b) || (a[0] < b[0] ? -1 : 1));
      return { name, family, chains: new Map(sorted) };
    },
  };
}

/**
 * The probability 1/n as the kernel keeps it: kube-proxy writes ten digits, the kernel a multiple of 2^-31.
 */
export function kernelProbability(n: number): number {
  return Math.round(2 ** 31 * Number((1 / n).toFixed(10))) / 2 ** 31;
}
