import { lower, parentOf, ROOT, type Name } from "../dns/name.ts";
import { nameText } from "../dns/name.ts";
import type { RR } from "../dns/rr.ts";
import { TYPE, typeText } from "../dns/types.ts";
import { foldRecord } from "../dns/zonefile/fold.ts";
import { canonicalOrder } from "./order.ts";

/**
 * The records of an authoritative zone, as one version of it has them: a change makes another one. Names are in lower
 * case; records that stand outside of the zone are kept, too, and found only as targets.
 */
export interface ZoneData {
  readonly origin: Name;
  /** The last SOA record, whatever its owner: it counts where there are several. */
  readonly soa: RR;
  readonly soaSignatures: readonly RR[];
  /** The origin's NS records. */
  readonly ns: readonly RR[];
  readonly nsSignatures: readonly RR[];
  /** All other records by owner, in the order in which they came. */
  readonly nodes: ReadonlyMap<Name, readonly RR[]>;
  /** Names that have other names below them, whether they own records themselves or not. */
  readonly inner: ReadonlySet<Name>;
  /** The names of `nodes` in canonical order (RFC 4034 §6.1). */
  readonly order: readonly Name[];
}

/** What a denial of existence by hashes would need, and nobody here can serve. */
const REFUSED: ReadonlySet<number> = new Set([TYPE.NSEC3, TYPE.NSEC3PARAM]);

/** Makes a zone of its records, one by one. */
export class ZoneBuilder {
  readonly #origin: Name;
  readonly #nodes = new Map<Name, RR[]>();
  readonly #inner = new Set<Name>();
  readonly #ns: RR[] = [];
  readonly #soaSignatures: RR[] = [];
  readonly #nsSignatures: RR[] = [];
  #soa: RR | undefined;

  /** `origin` in lower case. */
  constructor(origin: Name) {
    this.#origin = origin;
  }

  get soa(): RR | undefined {
    return this.#soa;
  }

  /** Takes the record, or says in one line why the zone can't be served with it. */
  add(record: RR): string | undefined {
    if (REFUSED.has(record.type))
      return `NSEC3 zones can't be served: ${nameText(record.name)} has ${typeText(record.type)}; sign zone ${nameText(this.#origin)} with NSEC`;
    const rr = foldRecord(record);
    const owner = lower(rr.name);
    const covered = rr.type === TYPE.RRSIG ? typeCovered(rr) : undefined;
    if (rr.type === TYPE.SOA) this.#soa = rr;
    else if (covered === TYPE.SOA) this.#soaSignatures.push(rr);
    else if (rr.type === TYPE.NS && owner === this.#origin) this.#ns.push(rr);
    else if (covered === TYPE.NS && owner === this.#origin) this.#nsSignatures.push(rr);
    else this.#insert(owner, rr);
    return undefined;
  }

  #insert(owner: Name, rr: RR): void {
    const node = this.#nodes.get(owner);
    if (node !== undefined) {
      node.push(rr);
      return;
    }
    this.#nodes.set(owner, [rr]);
    for (let name = owner; name !== ROOT;) {
      name = parentOf(name);
      if (this.#inner.has(name)) break;
      this.#inner.add(name);
    }
  }

  /** The zone, or why it is none. The order of the names is made in slices, for a large zone. */
  *finish(): Generator<void, ZoneData | { readonly error: string }> {
    const soa = this.#soa;
    if (soa === undefined)
      return { error: `no SOA record for zone ${nameText(this.#origin)}: begin the file with one` };
    return {
      origin: this.#origin,
      soa,
      soaSignatures: this.#soaSignatures,
      ns: this.#ns,
      nsSignatures: this.#nsSignatures,
      nodes: this.#nodes,
      inner: this.#inner,
      order: yield* canonicalOrder(this.#nodes.keys()),
    };
  }
}

/** The type that an RRSIG record signs (RFC 4034 §3.1.1). */
export const typeCovered = ({ rdata }: RR): number => (rdata.charCodeAt(0) << 8) | rdata.charCodeAt(1);
