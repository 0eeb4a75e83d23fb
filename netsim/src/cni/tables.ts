/** Looking things up in a place's tables, as its kernel does. */
import { bare, covers, isV6, parseBlock } from "./address.ts";
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

/** Longest prefix first; of equal ones the lowest metric. Tables of rules before main, `throw` goes on to the next. */
export function lookup(place: Place, address: string, tunnelled: boolean): Route | undefined {
  const tables = [...(tunnelled ? [] : place.rules.map((r) => r.table)), "main"];
  for (const table of tables) {
    let best: Route | undefined;
    for (const route of place.routes) {
      if ((route.table ?? "main") !== table || !leads(route, address)) continue;
      if (
        best === undefined ||
        bitsOf(route) > bitsOf(best) ||
        (bitsOf(route) === bitsOf(best) && (route.metric ?? 0) < (best.metric ?? 0))
      )
        best = route;
    }
    if (best !== undefined && best.type !== "throw") return best;
  }
  return undefined;
}

const leads = (route: Route, address: string): boolean =>
  route.to === "default" ? isV6(route.via ?? "") === isV6(address) : covers(route.to, address);
const bitsOf = (route: Route): number => (route.to === "default" ? -1 : (parseBlock(route.to)?.bits ?? -1));

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
