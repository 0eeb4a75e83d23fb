/**
 * Tells, from questions and their answers as a server sees them, which of them were steps of a resolver's walk down its search list that
 * led nowhere: `api.example.com.shop.svc.cluster.local` on the way to `api.example.com`.
 *
 * A name below `NAMESPACE.svc.DOMAIN` that does not exist may be such a step or a name that somebody wrote so. It is a step if the same
 * client goes on: asks for what stands before the namespace with the next domain behind it, or by itself. From then on it counts.
 */

/** What is told apart of the questions' types: A and AAAA go out together, so only one of them takes time. */
export const KIND = { A: 0, AAAA: 1, OTHER: 2 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/** A name that a client looked up, relative to its search list. */
export interface Walk {
  /** As the application wrote it, in lower case, without a final dot. */
  readonly name: string;
  readonly dots: number;
  /** The namespace in the last first step. */
  namespace: string;
  /** The client has gone on behind the first step. */
  confirmed: boolean;
  /** It has come to the end: the name itself was asked for. */
  isOutside: boolean;
  /** Questions that were needless so far. */
  wasted: number;
  /** First steps that may prove needless: questions and their milliseconds, by kind. */
  readonly pending: [number, number, number];
  readonly pendingMs: [number, number, number];
}

/** One client's walks. Make them with `Walks.client`. */
export interface Client {
  generation: number;
  young: Map<string, Walk>;
  old: Map<string, Walk>;
}

/** Told what the questions were. */
export interface WalkSink<C extends Client> {
  /** So many questions of one kind led nowhere. */
  wasted(client: C, walk: Walk, kind: Kind, questions: number, ms: number): void;
  /** A name of so many dots was found by the search list, in this namespace where it was the first step. */
  found(client: C, dots: number, name: string, kind: Kind, namespace: string | undefined): void;
  /** The walk came to the name itself; `isFirst`: it had not before. */
  ended(client: C, walk: Walk, kind: Kind, negative: boolean, isFirst: boolean): void;
  /** A question that is no part of a walk. */
  other?(client: C, name: string, kind: Kind, negative: boolean): void;
}

export interface WalksOptions<C extends Client> {
  /** Such as `cluster.local`. */
  readonly clusterDomain: string;
  /** Search domains of the nodes. More are learned. */
  readonly search: readonly string[];
  /** Walks that are remembered, of all clients; up to twice as many in fact. */
  readonly most: number;
  readonly sink: WalkSink<C>;
}

const NO_WALKS: ReadonlyMap<string, Walk> = new Map();
/** A domain behind walked names is a search domain if it was seen so often. */
const SIGHTINGS = 8;
const MOST_LEARNED = 8;
const MOST_CANDIDATES = 256;

export class Walks<C extends Client> {
  readonly #services: string;
  readonly #cluster: string;
  /** Search domains of nodes, with a dot at either end. */
  readonly #node: string[];
  readonly #most: number;
  readonly #sink: WalkSink<C>;
  /** Domains that may be search domains, and how often they were seen behind a walked name. */
  readonly #sightings = new Map<string, number>();
  #clients = new Set<C>();
  #generation = 0;
  #size = 0;

  constructor({ clusterDomain, search, most, sink }: WalksOptions<C>) {
    this.#cluster = `.${clusterDomain}.`;
    this.#services = `.svc${this.#cluster}`;
    this.#node = search.map((domain) => `.${domain.replace(/^\.|\.$/g, "")}.`);
    this.#most = most;
    this.#sink = sink;
  }

  /** Search domains of the nodes that are known by now. */
  get nodeDomains(): readonly string[] {
    return this.#node.map((domain) => domain.slice(1, -1));
  }

  /** The fields that a client's walks are kept in. */
  static client(): Client {
    return { generation: 0, young: NO_WALKS as Map<string, Walk>, old: NO_WALKS as Map<string, Walk> };
  }

  /**
   * A question that was answered. `name` absolute, in lower case and presentation form; `negative`: any rcode but NOERROR; `ms`: how
   * long the answer took.
   */
  see(client: C, name: string, kind: Kind, negative: boolean, ms: number): void {
    if (client.generation !== this.#generation) this.#age(client);
    const itself = this.#find(client, name.slice(0, -1));
    if (itself !== undefined) {
      this.#confirm(client, itself);
      const isFirst = !itself.isOutside;
      itself.isOutside = true;
      this.#sink.ended(client, itself, kind, negative, isFirst);
      return;
    }
    if (name.endsWith(this.#cluster)) {
      // Of several readings the one that takes the most of the name for what was written.
      if (this.#step(client, name.slice(0, -this.#cluster.length), kind, negative, ms)) return;
      if (!name.endsWith(this.#services)) return;
      const rest = name.slice(0, -this.#services.length);
      if (!this.#step(client, rest, kind, negative, ms)) this.#first(client, rest, kind, negative, ms);
      return;
    }
    for (const domain of this.#node) {
      if (!name.endsWith(domain)) continue;
      this.#step(client, name.slice(0, -domain.length), kind, negative, ms);
      return;
    }
    if (!negative || !this.#learn(client, name, kind, ms)) this.#sink.other?.(client, name, kind, negative);
  }

  /** The first step of a walk, perhaps: `NAME.NAMESPACE` below the cluster's Services. */
  #first(client: C, rest: string, kind: Kind, negative: boolean, ms: number): void {
    const cut = rest.lastIndexOf(".");
    if (cut <= 0) return;
    const name = rest.slice(0, cut);
    const namespace = rest.slice(cut + 1);
    if (!negative) {
      this.#sink.found(client, dotsIn(name), name, kind, namespace);
      return;
    }
    const walk = this.#find(client, name) ?? this.#remember(client, name, namespace);
    walk.namespace = namespace;
    if (walk.confirmed) return this.#waste(client, walk, kind, 1, ms);
    walk.pending[kind]++;
    walk.pendingMs[kind] += ms;
  }

  /** A further step of a walk, if `name` is being walked. */
  #step(client: C, name: string, kind: Kind, negative: boolean, ms: number): boolean {
    const walk = this.#find(client, name);
    if (walk === undefined) return false;
    this.#confirm(client, walk);
    if (negative) this.#waste(client, walk, kind, 1, ms);
    else this.#sink.found(client, walk.dots, walk.name, kind, undefined);
    return true;
  }

  #confirm(client: C, walk: Walk): void {
    if (walk.confirmed) return;
    walk.confirmed = true;
    for (const kind of [KIND.A, KIND.AAAA, KIND.OTHER]) {
      const questions = walk.pending[kind];
      if (questions > 0) this.#waste(client, walk, kind, questions, walk.pendingMs[kind]);
      walk.pending[kind] = 0;
      walk.pendingMs[kind] = 0;
    }
  }

  /** What does not exist and begins with a walked name may end with a search domain of its node. */
  #learn(client: C, name: string, kind: Kind, ms: number): boolean {
    if (this.#node.length >= MOST_LEARNED || client.young.size + client.old.size === 0) return false;
    for (let dot = name.indexOf("."); dot > 0 && dot < name.length - 1; dot = name.indexOf(".", dot + 1)) {
      const walk = this.#find(client, name.slice(0, dot));
      // A single label behind is a top-level domain sooner than a search domain.
      if (walk?.confirmed !== true || name.indexOf(".", dot + 1) === name.length - 1) continue;
      const domain = name.slice(dot);
      const seen = (this.#sightings.get(domain) ?? 0) + 1;
      if (this.#sightings.size < MOST_CANDIDATES || seen > 1) this.#sightings.set(domain, seen);
      if (seen === SIGHTINGS) this.#node.push(domain);
      if (seen < SIGHTINGS) continue;
      this.#waste(client, walk, kind, 1, ms);
      return true;
    }
    return false;
  }

  #waste(client: C, walk: Walk, kind: Kind, questions: number, ms: number): void {
    walk.wasted += questions;
    this.#sink.wasted(client, walk, kind, questions, ms);
  }

  #find(client: C, name: string): Walk | undefined {
    const walk = client.young.get(name);
    if (walk !== undefined) return walk;
    const aged = client.old.get(name);
    if (aged === undefined) return undefined;
    client.old.delete(name);
    this.#keep(client, aged);
    return aged;
  }

  #remember(client: C, name: string, namespace: string): Walk {
    const walk: Walk = {
      // A string of its own: a slice would keep the whole line in memory.
      name: Buffer.from(name, "latin1").latin1Slice(),
      dots: dotsIn(name),
      namespace: Buffer.from(namespace, "latin1").latin1Slice(),
      confirmed: false,
      isOutside: false,
      wasted: 0,
      pending: [0, 0, 0],
      pendingMs: [0, 0, 0],
    };
    this.#keep(client, walk);
    return walk;
  }

  #keep(client: C, walk: Walk): void {
    if (client.young === NO_WALKS) client.young = new Map();
    client.young.set(walk.name, walk);
    this.#clients.add(client);
    if (++this.#size < this.#most) return;
    // What nobody came back to for a whole generation is forgotten.
    this.#size = 0;
    this.#generation++;
    const clients = this.#clients;
    this.#clients = new Set();
    for (const one of clients) this.#age(one);
  }

  /** Brings a client's walks to the present generation. */
  #age(client: C): void {
    const isNext = client.generation === this.#generation - 1;
    client.old = isNext ? client.young : (NO_WALKS as Map<string, Walk>);
    client.young = NO_WALKS as Map<string, Walk>;
    client.generation = this.#generation;
    if (client.old.size > 0) this.#clients.add(client);
  }
}

export function dotsIn(name: string): number {
  let dots = 0;
  for (let at = name.indexOf("."); at >= 0; at = name.indexOf(".", at + 1)) dots++;
  return dots;
}
