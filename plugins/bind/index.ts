import { networkInterfaces } from "node:os";
import { isIP } from "node:net";
import { definePlugin, SetupError, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** Chooses the addresses that the block listens on. */
export const bind: Plugin = definePlugin({
  name: "bind",
  directive: directiveTable,
  setup(lines, { settings }) {
    const chosen = lines.flatMap(({ addresses, except }) => {
      const left = new Set(except.flatMap(addressesOf));
      return addresses.flatMap(addressesOf).filter((address) => !left.has(address));
    });
    // One that stands twice is refused with the overlaps.
    settings.bind = chosen;
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
