import { networkInterfaces } from "node:os";
import { isIP } from "node:net";
import { definePlugin, SetupError, type Plugin } from "../../src/plugin.ts";

const place = { type: "text[]", as: "ADDRESS|IFACE", atLeast: 1 } as const;

/** Chooses the addresses that the block listens on. */
export const bind: Plugin = definePlugin({
  name: "bind",
  directive: {
    doc: "Listens on these addresses, or those of these interfaces, instead of all.",
    repeat: "each",
    args: { places: place },
    options: { except: { ...place, repeat: "join", doc: "Leaves these out again." } },
  },
  setup(lines, { settings }) {
    const chosen = lines.flatMap(({ places, except }) => {
      const left = new Set(except.flatMap(addressesOf));
      return places.flatMap(addressesOf).filter((address) => !left.has(address));
    });
    settings.bind = [...new Set(chosen)];
  },
});

/** An address is itself; an interface is the addresses that it has now. */
function addressesOf(place: string): string[] {
  const own = networkInterfaces()[place];
  if (own !== undefined)
    return own.map(({ address, scopeid }) => (scopeid ? `${address}%${place}` : address));
  if (isIP(place) === 0) {
    const names = Object.keys(networkInterfaces()).join(", ");
    throw new SetupError(
      `not a valid IP address or interface name: "${place}": write an address, or one of ${names}`,
    );
  }
  return [place];
}
