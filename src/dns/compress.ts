import type { Name } from "./name.ts";
import { isCompressible, isName, layoutOf } from "./rdata/layouts.ts";

/** The first offset that a pointer's 14 bits can't say. */
const UNREACHABLE = 0x4000;
const POINTER = 0xc000;

/**
 * Writes the names of one message after another, each as short as pointers make it (RFC 1035 §4.1.4). A pointer stands only
 * for the very same bytes, so that every name keeps its letters. One object serves all messages: `reset` begins one.
 */
export class Compressor {
  /** Where each name and each end of a name was written. */
  private readonly offsets = new Map<string, number>();
  private active = false;

  /** Begins a message; where `active` is false its names are written in full. */
  reset(active: boolean): void {
    this.active = active;
    if (this.offsets.size > 0) this.offsets.clear();
  }

  /** Writes `name` at `at`, by a pointer only if `mayPoint`. Returns where it ends. */
  write(out: Buffer, at: number, name: Name, mayPoint: boolean): number {
    if (!this.active) return at + out.latin1Write(name, at);
    // A comparison with > also ends at the NaN behind a string that is no name.
    for (let i = 0; name.charCodeAt(i) > 0; i += name.charCodeAt(i) + 1) {
      const end = i === 0 ? name : name.slice(i);
      const known = this.offsets.get(end);
      if (known === undefined) {
        if (at + i < UNREACHABLE) this.offsets.set(end, at + i);
      } else if (mayPoint) {
        if (i > 0) out.latin1Write(name.slice(0, i), at);
        return out.writeUInt16BE(POINTER | known, at + i);
      }
    }
    return at + out.latin1Write(name, at);
  }

  /**
   * Writes rdata, pointers standing only in the types of RFC 1035 (RFC 3597 §4): to a name in another type's rdata later
   * names may point all the same. Returns where it ends.
   */
  writeRdata(out: Buffer, at: number, type: number, rdata: string): number {
    const layout = this.active ? layoutOf(type) : undefined;
    let from = 0;
    for (let i = 0; i < (layout?.named ?? 0); i++) {
      const { kind } = layout!.fields[i]!;
      const end = kind.end(rdata, from);
      if (end < 0) break;
      const field = rdata.slice(from, end);
      at = isName(kind)
        ? this.write(out, at, field as Name, isCompressible(kind))
        : at + out.latin1Write(field, at);
      from = end;
    }
    return at + out.latin1Write(from === 0 ? rdata : rdata.slice(from), at);
  }
}
