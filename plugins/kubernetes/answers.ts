import type { ClusterIndex } from "../../src/cluster/cluster-index.ts";
import type { Asked, Resolution } from "../../src/cluster/look.ts";
import { Memo } from "../../src/cluster/memo.ts";
import { withOutside } from "../../src/cluster/outside.ts";
import { resolve, serialOf, soaOf } from "../../src/cluster/resolve.ts";
import type { Settings } from "../../src/cluster/settings.ts";
import { EMPTY_SECTIONS, Message, replyFlags, type Answer } from "../../src/dns/message.ts";
import type { Name } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import type { RR } from "../../src/dns/rr.ts";
import { FLAG, RCODE, TYPE } from "../../src/dns/types.ts";
import type { MaybePromise } from "../../src/plugin.ts";

/** An answer and what it is worth. */
interface Made {
  /** For the most frequent flags, which are RECURSIVE. */
  readonly message: Message;
  readonly isNameError: boolean;
  readonly outside: Resolution["outside"];
  /** The slot that voids it, and the number that stood there. */
  readonly slot: number;
  readonly number: number;
  /** That of the SOA record in it; -1 without one. */
  readonly serial: number;
  /** Roughly what it takes in memory. */
  readonly bytes: number;
}

export interface Answers {
  /** What the cluster says, `query` being within `zone`; undefined where there is no such name and the caller wants to know. */
  answer(query: Query, zone: Name, orElse: boolean): MaybePromise<Answer> | undefined;
  /** The slot of the generation that voids the answer to this question; `name` in lower case, within `zone`. */
  slotFor(name: Name, zone: Name, type: number): number;
}

const RECURSIVE = FLAG.AA | FLAG.RD;
const MEMO_BYTES = 16 * 1024 * 1024;
/** An entry's objects and its place in the maps. */
const OVERHEAD = 400;
/** Types that are asked for all the time: others are not worth a place in the memo. */
const COMMON: ReadonlySet<number> = new Set([
  TYPE.A,
  TYPE.AAAA,
  TYPE.SRV,
  TYPE.PTR,
  TYPE.TXT,
  TYPE.CNAME,
  TYPE.NS,
  TYPE.SOA,
  TYPE.MX,
  TYPE.HTTPS,
  TYPE.ANY,
]);

/** Makes the messages of a cluster's zones, each once as long as the index does not change under it. */
export function createAnswers(index: ClusterIndex, settings: Settings): Answers {
  const memo = new Memo<Made>(MEMO_BYTES);
  const { numbers } = index.generations;

  const make = (asked: Asked): Made => {
    const found = resolve(index, settings, asked);
    const isNameError = found.outcome === "nxdomain";
    // While the cluster is not known, nobody can say that a name does not exist.
    const rcode = !isNameError ? RCODE.NOERROR : index.synced ? RCODE.NXDOMAIN : RCODE.SERVFAIL;
    const isDenial = found.outcome !== "found";
    const sections = isDenial
      ? { ...EMPTY_SECTIONS, authority: [soa(asked)] }
      : { ...EMPTY_SECTIONS, answer: found.answer, additional: found.additional };
    const message = new Message(asked.rawName, rcode, RECURSIVE, sections);
    const { outside, slot } = found;
    // Aliases that lead outside are never sent as they stand.
    const bytes =
      OVERHEAD +
      asked.name.length +
      (outside.length === 0 ? message.body.bytes.length : message.plainSize * 3);
    const showsSerial = isDenial || asked.type === TYPE.SOA;
    return {
      message,
      isNameError,
      outside,
      slot,
      number: numbers[slot]!,
      serial: showsSerial ? serial(asked.zone) : -1,
      bytes,
    };
  };

  const serial = (zone: Name): number => serialOf(index, settings, zone);

  const soas = new Map<Name, { readonly serial: number; readonly record: RR }>();
  /** All denials of a zone have the same one. */
  const soa = (asked: Asked): RR => {
    const { zone, rawName, name } = asked;
    if (rawName !== name) return soaOf(index, settings, asked);
    let known = soas.get(zone);
    if (known?.serial !== serial(zone)) {
      soas.set(zone, (known = { serial: serial(zone), record: soaOf(index, settings, asked) }));
    }
    return known.record;
  };

  const find = (asked: Asked): Made => {
    const { name, rawName, type, zone } = asked;
    // Records that repeat capitals of the client's are good for this client only.
    if (rawName !== name || !COMMON.has(type) || !index.synced) return make(asked);
    const known = memo.get(type, name);
    if (
      known !== undefined &&
      known.number === numbers[known.slot] &&
      (known.serial < 0 || known.serial === serial(zone))
    ) {
      return known;
    }
    const made = make(asked);
    memo.set(type, name, made);
    return made;
  };

  return {
    answer(query, zone, orElse) {
      const { name, rawName, type } = query;
      const made = find({ name, rawName, zone, type });
      if (made.isNameError && orElse) return undefined;
      const flags = FLAG.AA | replyFlags(query);
      const message = flags === RECURSIVE ? made.message : made.message.with({ flags });
      return made.outside.length === 0 ? message : withOutside(query, message, made.outside);
    },
    slotFor: (name, zone, type) => find({ name, rawName: name, zone, type }).slot,
  };
}
