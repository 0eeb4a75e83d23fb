import { FLAG } from "../../src/dns/types.ts";
import type { Message } from "../../src/dns/message.ts";
import { afterMessage, definePlugin, SetupError, type Plugin } from "../../src/plugin.ts";
import { directiveTable, type HeaderRule } from "./directive.ts";

/** What rules come to: bits to clear, and then bits to set. */
interface Change {
  readonly keep: number;
  readonly set: number;
}

const BITS = { aa: FLAG.AA, ra: FLAG.RA, rd: FLAG.RD } as const;

function changeOf(rules: readonly HeaderRule[]): Change {
  let keep = 0xffff;
  let set = 0;
  for (const rule of rules) {
    for (const flag of rule.flags) {
      const bit = BITS[flag];
      keep &= ~bit;
      set = rule.set ? set | bit : set & ~bit;
    }
  }
  return { keep, set };
}

/** Changes flags of the queries that go on, and of the answers that come back. */
export const header: Plugin = definePlugin({
  name: "header",
  directive: directiveTable,
  setup(lines) {
    // The first line that says something counts.
    const line = lines.find(({ query, response }) => query.length + response.length > 0);
    if (line === undefined)
      throw new SetupError("there is no rule: write one such as response set ra into its block");
    const asked = changeOf(line.query);
    const answered = changeOf(line.response);
    // Of a query's flags only RD is anything that a plugin or the answer heeds.
    const changesDesire = (asked.keep & FLAG.RD) === 0;
    const desired = (asked.set & FLAG.RD) !== 0;

    const change = (message: Message): Message => {
      const flags = (message.flags & answered.keep) | answered.set;
      return flags === message.flags ? message : message.with({ flags });
    };

    return {
      answer(query, next) {
        if (changesDesire) query.setRecursionDesired(desired);
        return line.response.length === 0 ? next(query) : afterMessage(next(query), query, change);
      },
    };
  },
});
