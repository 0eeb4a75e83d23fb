/** Who asked how much, and how much of it for nothing. */
import { HeavyNames } from "./heavy.ts";
import { Walks, type Client, type Kind, type Walk } from "./walks.ts";

/** Sums of one workload, or of one client that belongs to none that is known. By kind: A, AAAA, others. */
export interface Tally {
  queries: number;
  readonly wasted: [number, number, number];
  /** How long their answers took, in ms. */
  readonly wastedMs: [number, number, number];
  /** Needless questions by the number of dots in the name that was looked up. */
  readonly wastedByDots: number[];
  /** Answers that names of so many dots found by the search list, and one such name. */
  readonly foundByDots: number[];
  readonly foundExamples: string[];
  /** Names that were looked up, by the needless questions for them. */
  readonly names: HeavyNames;
}

/** One client address. */
export interface Party extends Client {
  readonly address: string;
  readonly owner: Owner | undefined;
  readonly tally: Tally;
  /** Needless questions by the namespace that their names tell. */
  readonly namespaces: Map<string, number>;
}

/** A workload. */
export interface Owner {
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
}

export interface LedgerOptions {
  readonly clusterDomain: string;
  readonly search: readonly string[];
  /** Of a pod's address; undefined where it is none that is known. */
  readonly ownerOf: (address: string) => Owner | undefined;
  /** Walks that are remembered, and clients that are told apart. */
  readonly mostWalks?: number;
  readonly mostClients?: number;
}

const MOST_WALKS = 100_000;
const MOST_CLIENTS = 20_000;
const MOST_NAMES = 2000;
const MOST_NAMES_OF_ONE = 16;
const MOST_NAMESPACES = 1000;
/** In which the clients of surplus are one. */
export const OTHERS = "others";

const emptyTally = (): Tally => ({
  queries: 0,
  wasted: [0, 0, 0],
  wastedMs: [0, 0, 0],
  wastedByDots: [],
  foundByDots: [],
  foundExamples: [],
  names: new HeavyNames(MOST_NAMES_OF_ONE),
});

export class Ledger {
  queries = 0;
  /** Names outside of the cluster's domain to which walks came, by needless questions on the way. */
  readonly outside: HeavyNames = new HeavyNames(MOST_NAMES);
  readonly #walks: Walks<Party>;
  readonly #ownerOf: LedgerOptions["ownerOf"];
  readonly #mostClients: number;
  readonly #parties = new Map<string, Party>();
  readonly #tallies = new Map<string, Tally>();

  constructor(options: LedgerOptions) {
    const { clusterDomain, search, ownerOf, mostWalks = MOST_WALKS, mostClients = MOST_CLIENTS } = options;
    this.#ownerOf = ownerOf;
    this.#mostClients = mostClients;
    const domain = `.${clusterDomain}`;
    this.#walks = new Walks<Party>({
      clusterDomain,
      search,
      most: mostWalks,
      sink: {
        wasted: (party, walk, kind, questions, ms) => {
          charge(party, walk, kind, questions, ms);
          if (walk.isOutside && !walk.name.endsWith(domain)) this.outside.add(walk.name, questions);
        },
        found: ({ tally }, dots, name) => {
          tally.foundByDots[dots] = (tally.foundByDots[dots] ?? 0) + 1;
          if (tally.foundExamples[dots] === undefined)
            tally.foundExamples[dots] = Buffer.from(name, "latin1").latin1Slice();
        },
        ended: (_party, walk) => {
          if (!walk.name.endsWith(domain)) this.outside.add(walk.name, walk.wasted);
        },
      },
    });
  }

  /** See `Walks.see`. */
  see(address: string, name: string, kind: Kind, negative: boolean, ms: number): void {
    const party = this.#parties.get(address) ?? this.#enter(address);
    this.queries++;
    party.tally.queries++;
    this.#walks.see(party, name, kind, negative, ms);
  }

  parties(): Iterable<Party> {
    return this.#parties.values();
  }

  get nodeDomains(): readonly string[] {
    return this.#walks.nodeDomains;
  }

  #enter(seen: string): Party {
    const isFull = this.#parties.size >= this.#mostClients;
    const owner = this.#ownerOf(seen);
    const address = isFull && owner === undefined ? OTHERS : Buffer.from(seen, "latin1").latin1Slice();
    const known = this.#parties.get(address);
    if (known !== undefined) return known;
    const key = owner && `${owner.namespace}/${owner.kind}/${owner.name}`;
    const tally = (key === undefined ? undefined : this.#tallies.get(key)) ?? emptyTally();
    if (key !== undefined) this.#tallies.set(key, tally);
    const party: Party = { ...Walks.client(), address, owner, tally, namespaces: new Map() };
    this.#parties.set(address, party);
    return party;
  }
}

function charge(
  { tally, namespaces }: Party,
  { namespace, dots, name }: Walk,
  kind: Kind,
  questions: number,
  ms: number,
): void {
  tally.wasted[kind] += questions;
  tally.wastedMs[kind] += ms;
  tally.wastedByDots[dots] = (tally.wastedByDots[dots] ?? 0) + questions;
  tally.names.add(name, questions);
  if (namespaces.size < MOST_NAMESPACES || namespaces.has(namespace))
    namespaces.set(namespace, (namespaces.get(namespace) ?? 0) + questions);
}
