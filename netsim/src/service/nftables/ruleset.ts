/** nftables rules as values: one form for the text that `nft list ruleset` shows and for what a packet meets. */
import type { IPFamily } from "../../model/types.ts";
import type { Block } from "../address.ts";

/** What is looked up in a set or map, made from the packet. */
export type Key = "daddr" | "saddr" | "service" | "nodeport" | "hairpin";

/** Where an element of a verdict map leads. */
export type Verdict = { readonly kind: "goto"; readonly chain: string } | { readonly kind: "drop" };

export interface Target {
  readonly address: string;
  readonly port: number;
  /** `address:port`. */
  readonly key: string;
}

export type Statement =
  | { readonly kind: "new" | "dnatted" | "local source" | "marked" }
  | {
      readonly kind: "blocks";
      readonly which: "saddr" | "daddr";
      readonly not?: boolean;
      readonly blocks: readonly Block[];
    }
  | { readonly kind: "in"; readonly key: Key; readonly set: string }
  | { readonly kind: "protocol"; readonly protocol: string }
  | { readonly kind: "vmap"; readonly key: Key; readonly map: string }
  | { readonly kind: "mark" | "unmark" | "masquerade" | "drop" | "reject" }
  | { readonly kind: "jump" | "goto"; readonly chain: string }
  | { readonly kind: "dnat"; readonly targets: readonly Target[] }
  | { readonly kind: "goto random"; readonly chains: readonly string[] }
  | { readonly kind: "update"; readonly set: string };

export interface Rule {
  readonly statements: readonly Statement[];
  readonly comment?: string;
  readonly service?: string;
}

export interface Hooked {
  readonly type: "filter" | "nat";
  readonly hook: "prerouting" | "input" | "forward" | "output" | "postrouting";
  /** As nft prints it. */
  readonly priority: string;
}

export interface Chain {
  readonly name: string;
  readonly base?: Hooked;
  readonly comment?: string;
  readonly rules: Rule[];
}

/** Elements by their text, `10.96.0.1 . tcp . 443`. */
export interface NftSet {
  readonly name: string;
  readonly type: string;
  readonly comment?: string;
  /** Seconds after which an element that rules added goes. */
  readonly timeout?: number;
  readonly elements: Set<string>;
}

export interface Element {
  readonly verdict: Verdict;
  readonly comment?: string;
  readonly service: string;
}

export interface NftMap {
  readonly name: string;
  readonly type: string;
  readonly comment: string;
  readonly elements: Map<string, Element>;
}

/** The table `kube-proxy` of one family, everything in the order of its making. */
export interface NftTable {
  readonly family: IPFamily;
  readonly sets: ReadonlyMap<string, NftSet>;
  readonly maps: ReadonlyMap<string, NftMap>;
  readonly chains: ReadonlyMap<string, Chain>;
}
