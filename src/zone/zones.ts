import type { Name } from "../dns/name.ts";
import type { Zone } from "./zone.ts";

/** Zones by name. */
export class Zones {
  readonly #zones = new Map<Name, Zone>();
  /** Lengths of names that there are: no other end of a name needs to be looked up. */
  #lengths = new Set<number>();

  get all(): Iterable<Zone> {
    return this.#zones.values();
  }

  get(origin: Name): Zone | undefined {
    return this.#zones.get(origin);
  }

  /** Takes the place of a zone of this name. */
  add(zone: Zone): void {
    this.#zones.set(zone.origin, zone);
    this.#lengths.add(zone.origin.length);
  }

  remove(origin: Name): void {
    this.#zones.delete(origin);
    this.#lengths = new Set([...this.#zones.keys()].map((name) => name.length));
  }

  /** The longest zone that `name`, in lower case, is in. */
  find(name: Name): Zone | undefined {
    for (let at = 0; ; at += name.charCodeAt(at) + 1) {
      if (this.#lengths.has(name.length - at)) {
        const zone = this.#zones.get(at === 0 ? name : (name.slice(at) as Name));
        if (zone !== undefined) return zone;
      }
      if (name.charCodeAt(at) === 0) return undefined;
    }
  }
}
