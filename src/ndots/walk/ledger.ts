/** Who asked how much, and how much of it for nothing. */
import { HeavyNames } from "./heavy.ts";
import { Walks, type Client, type Kind, type Walk } from "./walks.ts";

/** A workload. Whoever finds it for an address gives the same object each time. */
export interface Owner {
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
}

/** Sums of one workload, or of one address that belongs to none that is known. By kind: A, AAAA, others. */
export interface Account {
  readonly owner: Owner | undefined;
  /** The first of its clients'. */
  readonly address: string;
  clients: number;
  queries: number;
  readonly wasted: [number, number, number];
  /** How long their answers took, in ms. */
  readonly wastedMs: [number, number, number];
  /** Needless questions by the number of dots in the name that was looked up, */
  readonly wastedByDots: number[];
  /** by that name, */
  readonly names: HeavyNames;
  /** and by the namespace that the questions tell. */
  readonly namespaces: Map<string, number>;
  /** Answers that names of so many dots found by the search list, and one such name. */
  readonly foundByDots: number[];
  readonly foundExamples: string[];
}

/** One client address. */
export interface Party extends Client {
  readonly owner: Owner | undefined;
  readonly account: Account;
}

export interface LedgerOptions {
  readonly clusterDomain: string;
  readonly search: readonly string[];
  /** Of a pod's address; undefined where it is none that is known. */
  readonly ownerOf: (address: string) => Owner | undefined;
  /** Walks that are remembered, and addresses that are told apart. */
  readonly mostWalks?: number;
  readonly mostClients?: number;
  /** Told of needless questions as they are found. */
  readonly onWaste?: (walk: Walk, party: Party, questions: number, ms: number) => void;
}

const MOST_WALKS = 100_000;
const MOST_CLIENTS = 20_000;
const MOST_NAMES = 2000;
const MOST_NAMES_OF_ONE = 16;
const MOST_NAMESPACES = 1000;
/** For each address without a workload, so many with one may be told apart. */
const OWNED = 4;
/** The clients of surplus are one. */
const OTHERS = "others";

export class Ledger {
  /** For how many questions each one counts that is seen. */
  weight = 1;
  /** Names outside of the cluster's domain to which walks came, by needless questions on the way. */
  readonly outside: HeavyNames = new HeavyNames(MOST_NAMES);
  readonly #walks: Walks<Party>;
  readonly #options: LedgerOptions;
  readonly #mostClients: number;
  readonly #parties = new Map<string, Party>();
  /** By workload, or by address. */
  readonly #accounts = new Map<string, Account>();

  constructor(options: LedgerOptions) {
    const { clusterDomain, search, mostWalks = MOST_WALKS, mostClients = MOST_CLIENTS } = options;
    this.#options = options;
    this.#mostClients = mostClients;
    const domain = `.${clusterDomain}`;
    this.#walks = new Walks<Party>({
      clusterDomain,
      search,
      most: mostWalks,
      sink: {
        wasted: (party, walk, kind, questions, ms) => {
          const { weight } = this;
          charge(party.account, walk, kind, questions * weight, ms * weight);
          if (walk.isOutside && !walk.name.endsWith(domain)) this.outside.add(walk.name, questions * weight);
          options.onWaste?.(walk, party, questions * weight, ms * weight);
        },
        found: ({ account }, dots, name) => {
          account.foundByDots[dots] = (account.foundByDots[dots] ?? 0) + this.weight;
          account.foundExamples[dots] ??= ownText(name);
        },
        ended: (_party, walk, _kind, _negative, isFirst) => {
          if (isFirst && !walk.name.endsWith(domain)) this.outside.add(walk.name, walk.wasted * this.weight);
        },
      },
    });
  }

  /** See `Walks.see`. Returns who asked. */
  see(address: string, name: string, kind: Kind, negative: boolean, ms: number): Party {
    let party = this.#parties.get(address);
    // An address may go over to another pod.
    if (party === undefined || party.owner !== this.#options.ownerOf(address)) party = this.#enter(address);
    party.account.queries += this.weight;
    this.#walks.see(party, name, kind, negative, ms);
    return party;
  }

  accounts(): Iterable<Account> {
    return this.#accounts.values();
  }

  get nodeDomains(): readonly string[] {
    return this.#walks.nodeDomains;
  }

  #enter(seen: string): Party {
    const owner = this.#options.ownerOf(seen);
    // Workloads are as many as there are; addresses without one may be anybody's.
    const most = owner === undefined ? this.#mostClients : OWNED * this.#mostClients;
    const isFull = this.#parties.size >= most;
    const address = isFull ? OTHERS : ownText(seen);
    const known = this.#parties.get(address);
    if (known !== undefined && (isFull || known.owner === owner)) return known;
    const key = owner === undefined || isFull ? address : `${owner.namespace}/${owner.kind}/${owner.name}`;
    let account = this.#accounts.get(key);
    if (account === undefined)
      this.#accounts.set(key, (account = emptyAccount(isFull ? undefined : owner, address)));
    account.clients++;
    const party: Party = { ...Walks.client(), owner: isFull ? undefined : owner, account };
    this.#parties.set(address, party);
    return party;
  }
}

/** A string of its own: a slice would keep the whole line that it was cut out of. */
export const ownText = (text: string): string => Buffer.from(text, "latin1").latin1Slice();

const emptyAccount = (owner: Owner | undefined, address: string): Account => ({
  owner,
  address,
  clients: 0,
  queries: 0,
  wasted: [0, 0, 0],
  wastedMs: [0, 0, 0],
  wastedByDots: [],
  names: new HeavyNames(MOST_NAMES_OF_ONE),
  namespaces: new Map(),
  foundByDots: [],
  foundExamples: [],
});

function charge(account: Account, walk: Walk, kind: Kind, questions: number, ms: number): void {
  const { namespace, dots, name } = walk;
  const { namespaces } = account;
  account.wasted[kind] += questions;
  account.wastedMs[kind] += ms;
  account.wastedByDots[dots] = (account.wastedByDots[dots] ?? 0) + questions;
  account.names.add(name, questions);
  if (namespaces.size < MOST_NAMESPACES || namespaces.has(namespace))
    namespaces.set(namespace, (namespaces.get(namespace) ?? 0) + questions);
}
