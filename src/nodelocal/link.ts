/** The interface that has the node-local addresses: it carries no packets, its addresses make the node take them for its own. */
import { ipv6Bytes } from "../dns/address.ts";
import type { Run } from "./command.ts";
import type { Journal } from "./journal.ts";

/** The system's own directories behind `$PATH`: an interface is the same whoever makes it. */
const path = (): string => `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/bin:/sbin:/bin`;

export interface Link {
  /** Makes it where there is none of that name, and adds the addresses that are missing. Neither rejects. */
  ensure(): Promise<void>;
  /** Deletes the interface of that name, whoever made it. */
  remove(): Promise<void>;
  /** Whether it was made by `ensure`. */
  readonly made: boolean;
}

export function createLink(name: string, addresses: readonly string[], run: Run, journal: Journal): Link {
  let made = false;
  const ip = (...args: string[]) => run("ip", args, { path: path() });

  const make = async (): Promise<boolean> => {
    let outcome = await ip("link", "add", name, "type", "dummy");
    if (outcome.code !== 0 && /unknown device type|not supported/i.test(outcome.output)) {
      outcome = await ip("link", "add", name, "type", "bridge");
      if (outcome.code === 0)
        journal.write(
          "warning",
          `The kernel has no dummy interfaces: ${name} is a bridge without ports, which does the same`,
        );
    }
    if (outcome.code === 0) {
      made = true;
      return true;
    }
    journal.error(
      `Failed to add non-existent interface ${name}: ${oneLine(outcome.output)}`,
      "interface_add",
    );
    return false;
  };

  /** Errors are for the caller where the interface is new; an old one may be somebody else's, and the addresses there already. */
  const addMissing = async (shown: string): Promise<string | undefined> => {
    const there = addressesIn(shown);
    // A bridge looks for its address's double first, which ends only when it is up.
    const quick = shown.includes("NOARP") ? [] : ["nodad"];
    for (const address of addresses) {
      if (there.has(canonical(address))) continue;
      const v6 = address.includes(":");
      const { code, output } = await ip(
        ...["addr", "add", `${address}/${v6 ? 128 : 32}`, "dev", name],
        ...(v6 ? quick : []),
      );
      if (code !== 0) return oneLine(output);
    }
    return undefined;
  };

  return {
    get made() {
      return made;
    },
    async ensure() {
      const shown = await ip("addr", "show", "dev", name);
      if (shown.code === 0) {
        await addMissing(shown.output);
        return;
      }
      if (!(await make())) {
        journal.error(`Error checking dummy device ${name} - it is not there`, "interface_check");
        return;
      }
      journal.write("info", `Added interface - ${name}`);
      const error = await addMissing((await ip("addr", "show", "dev", name)).output);
      if (error !== undefined)
        journal.error(`Failed to add the addresses to interface ${name}: ${error}`, "interface_add");
    },
    async remove() {
      await ip("link", "del", name);
    },
  };
}

const oneLine = (text: string): string => text.trim().replaceAll("\n", " ");

/** Of `ip addr show`. */
function addressesIn(text: string): Set<string> {
  return new Set(Array.from(text.matchAll(/\binet6? ([\da-f.:]+)/gi), ([, address]) => canonical(address!)));
}

/** One text for all ways to write an IPv6 address. */
const canonical = (address: string): string => ipv6Bytes(address) ?? address;
