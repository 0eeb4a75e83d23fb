import { extendedError } from "../../src/dns/edns.ts";
import { DROP, EMPTY_SECTIONS, Message, replyFlags, type Answer } from "../../src/dns/message.ts";
import { isWithin, nameText, type Name } from "../../src/dns/name.ts";
import { addressBytes, contains } from "../../src/dns/network.ts";
import type { Query, Scope } from "../../src/dns/query.ts";
import { defaultOpt } from "../../src/dns/reply.ts";
import { RCODE } from "../../src/dns/types.ts";
import type { Cell, Metrics } from "../../src/metrics/metrics.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable, type Action, type Policy } from "./directive.ts";

/** Extended DNS Errors (RFC 8914 §4.16, §4.18). The OPT record is there also for clients without EDNS, with DO, as in CoreDNS. */
const BLOCKED = defaultOpt([extendedError(15)]);
const FILTERED = defaultOpt([extendedError(17)]);

/** Lets queries in or keeps them out. */
export const acl: Plugin = definePlugin({
  name: "acl",
  directive: directiveTable,
  setup(rules, { metrics }) {
    const count = createCounters(metrics);
    return {
      answer(query, next) {
        for (const { zones, lines } of rules) {
          const zone = closest(zones, query.name);
          if (zone === undefined) continue;
          const action = decide(lines, query);
          if (action === undefined) continue;
          if (action === "allow") break;
          count[action](query, zone);
          return refusal(action, query);
        }
        count.allow(query);
        return next(query);
      },
    };
  },
});

/** The zone, of those that cover the name, that is the nearest to it. */
function closest(zones: readonly Name[], name: Name): Name | undefined {
  let found: Name | undefined;
  for (const zone of zones)
    if (isWithin(name, zone) && (found === undefined || zone.length > found.length)) found = zone;
  return found;
}

/** What the first line says that fits. */
function decide(policies: readonly Policy[], { type, peer }: Query): Action | undefined {
  let address: string | undefined;
  for (const { action, types, networks } of policies) {
    if (types !== undefined && !types.has(type)) continue;
    if (networks === undefined) return action;
    address ??= addressBytes(peer.address) ?? "";
    for (const network of networks) if (contains(network, address)) return action;
  }
  return undefined;
}

function refusal(action: Exclude<Action, "allow">, query: Query): Answer {
  switch (action) {
    case "drop":
      return DROP;
    case "block":
      return new Message(query.rawName, RCODE.REFUSED, replyFlags(query), EMPTY_SECTIONS, BLOCKED);
    case "filter":
      return new Message(query.rawName, RCODE.NOERROR, replyFlags(query), EMPTY_SECTIONS, FILTERED);
  }
}

type Counters = { readonly [K in Exclude<Action, "allow">]: (query: Query, zone: Name) => void } & {
  readonly allow: (query: Query) => void;
};

function createCounters(metrics: Metrics): Counters {
  const kept = (name: string, what: string) => {
    const family = metrics.counter(`${name}_requests_total`, `Counter of DNS requests being ${what}.`, [
      "server",
      "view",
      "zone",
    ]);
    return ({ scope }: Query, zone: Name): void => family.at(scope.server, scope.view, nameText(zone)).inc();
  };
  const allowed = metrics.counter("allowed_requests_total", "Counter of DNS requests being allowed.", [
    "server",
    "view",
  ]);
  // Of these there are as many as queries, so their cells are not looked up by text.
  const cells = new Map<Scope, Cell>();
  return {
    block: kept("blocked", "blocked"),
    filter: kept("filtered", "filtered"),
    drop: kept("dropped", "dropped"),
    allow({ scope }) {
      let cell = cells.get(scope);
      if (cell === undefined) cells.set(scope, (cell = allowed.at(scope.server, scope.view)));
      cell.value++;
    },
  };
}
