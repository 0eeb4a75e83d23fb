/** The entries of hosts files: what names have which addresses, and the other way round. */
import { ipv4Bytes, ipv6Bytes } from "../../src/dns/address.ts";
import { isWithin, lower, parentOf, parseName, prepend, type Name } from "../../src/dns/name.ts";
import { reverseName } from "../../src/dns/records.ts";

export interface HostsTable {
  /** Addresses of a name, 4 and 16 bytes long, in the order of the file. */
  readonly v4: ReadonlyMap<Name, readonly string[]>;
  readonly v6: ReadonlyMap<Name, readonly string[]>;
  /** Names of an address, by its reverse name. */
  readonly reverse: ReadonlyMap<Name, readonly Name[]>;
  /** Names count once for each address, addresses once for each name. */
  readonly entries: number;
}

const MAPPED = "\0\0\0\0\0\0\0\0\0\0\xff\xff";

/**
 * Reads a hosts file: `ADDRESS NAME...`, `#` begins a comment. Lines that are none are skipped, and names outside `zones`. A name that
 * begins with `*.` stands for every name with one label there and has no reverse entry.
 */
export function parseHosts(text: string, zones: readonly Name[], withReverse: boolean): HostsTable {
  const v4 = new Map<Name, string[]>();
  const v6 = new Map<Name, string[]>();
  const reverse = new Map<Name, Name[]>();
  let entries = 0;
  for (const line of text.split("\n")) {
    const [address, ...names] = line
      .replace(/#.*/s, "")
      .split(/\s+/)
      .filter((word) => word !== "");
    const bytes = address === undefined ? undefined : addressBytes(address);
    if (bytes === undefined) continue;
    for (const word of names) {
      const parsed = parseName(word);
      if (parsed === undefined) continue;
      const name = lower(parsed);
      if (!zones.some((zone) => isWithin(name, zone))) continue;
      add(bytes.length === 4 ? v4 : v6, name, bytes);
      entries++;
      if (!withReverse || name.startsWith("\x01*")) continue;
      add(reverse, reverseName(bytes), name);
      entries++;
    }
  }
  return { v4, v6, reverse, entries };
}

/** IPv4 in IPv6 counts as IPv4; what a zone (`%eth0`) says is not looked at. */
function addressBytes(text: string): string | undefined {
  const bytes = ipv4Bytes(text) ?? ipv6Bytes(text.replace(/%.*/s, ""));
  return bytes?.startsWith(MAPPED) === true ? bytes.slice(MAPPED.length) : bytes;
}

function add<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** Addresses of one family for a name: its own, else those of the wildcard that covers it. */
export function addressesOf(family: ReadonlyMap<Name, readonly string[]>, name: Name): readonly string[] {
  return family.get(name) ?? family.get(prepend("*", parentOf(name))) ?? NONE;
}

const NONE: readonly string[] = [];
