/** Looking things up in a place's tables, as its kernel does. */
import { bare, blockOf, covers, isV6, parseBlock } from "./address.ts";
import type { Device, Place, Route } from "./types.ts";

/** How sentences call a place. */
export const named = (place: Place): string =>
  place.kind === "router" ? "the router" : place.kind === "node" ? `node ${place.name}` : place.name;

export const find = (place: Place, name: string): Device | undefined =>
  place.devices.find((d) => d.name === name);

/** Whether an address is one of the place's own. */
export const owns = (place: Place, address: string): boolean =>
  place.devices.some((d) => d.addresses.some((a) => bare(a) === address));

export const macFor = (place: Place, device: Device, address: string): string | undefined =>
  place.neighbours.find((n) => n.dev === device.name && n.address === address)?.mac;

export const firstSource = (place: Place, v6: boolean): string =>
  place.devices
    .flatMap((d) => (d.kind === "loopback" ? [] : d.addresses.map(bare)))
    .find((a) => isV6(a) === v6) ?? "";

/** The kernel's choice: the route's, else the device's first address, else any. */
export function sourceFor(place: Place, route: Route, device: Device, v6: boolean): string {
  const own = device.addresses.map(bare).find((a) => isV6(a) === v6 && !a.startsWith("fe80:"));
  return route.src ?? own ?? firstSource(place, v6);
}

/** A table's routes by prefix length, longest first, then by the network's address. */
type Index = readonly (readonly [bits: number, routes: ReadonlyMap<string, Route>])[];
const indices = new WeakMap<Place, Map<string, Index>>();

function indexOf(place: Place, table: string, v6: boolean): Index {
  let all = indices.get(place);
  if (all === undefined) indices.set(place, (all = new Map()));
  const key = `${table} ${v6}`;
  let index = all.get(key);
  if (index === undefined) all.set(key, (index = makeIndex(place, table, v6)));
  return index;
}

/** Of routes to one prefix the one with the lowest metric counts, of equal ones the first. */
function makeIndex(place: Place, table: string, v6: boolean): Index {
  const byBits = new Map<number, Map<string, Route>>();
  for (const route of place.routes) {
    const block = parseBlock(
      route.to === "default" ? (isV6(route.via ?? "") ? "::/0" : "0.0.0.0/0") : route.to,
    );
    if ((route.table ?? "main") !== table || block === undefined || (block.family === "IPv6") !== v6)
      continue;
    const same = byBits.get(block.bits) ?? new Map<string, Route>();
    byBits.set(block.bits, same);
    const before = same.get(block.text);
    if (before === undefined || (route.metric ?? 0) < (before.metric ?? 0)) same.set(block.text, route);
  }
  return [...byBits].sort(([a], [b]) => b - a);
}

/** Longest prefix first. Tables of rules come before main; `throw` goes on to the next. */
export function lookup(place: Place, address: string, tunnelled: boolean): Route | undefined {
  const tables = [...(tunnelled ? [] : place.rules.map((r) => r.table)), "main"];
  for (const table of tables)
    for (const [bits, routes] of indexOf(place, table, isV6(address))) {
      const route = routes.get(blockOf(address, bits)?.text ?? "");
      if (route === undefined) continue;
      if (route.type === "throw") break;
      return route;
    }
  return undefined;
}

/** The entry of the longest prefix that covers an address. */
export function longest<T extends { readonly prefix: string }>(
  entries: readonly T[],
  address: string,
): T | undefined {
  let best: T | undefined;
  let bits = -1;
  for (const entry of entries) {
    const block = parseBlock(entry.prefix);
    if (block === undefined || block.bits <= bits || !covers(entry.prefix, address)) continue;
    best = entry;
    bits = block.bits;
  }
  return best;
}
