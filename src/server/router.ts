import { REFUSED, serverFailure, type Answer } from "../dns/message.ts";
import { nameText, type Name } from "../dns/name.ts";
import type { Query, Scope } from "../dns/query.ts";
import { TYPE } from "../dns/types.ts";
import { after, type MaybePromise } from "../plugin.ts";
import type { Block } from "./block.ts";

/** A zone of a block, on one listener: where a query can end up. */
export interface Route {
  readonly block: Block;
  readonly scope: Scope;
}

/** What one listener (transport, address, port) serves. */
export interface Router {
  /** All blocks of the listener. */
  readonly blocks: readonly Block[];
  /** Classes other than IN are let in. */
  readonly anyClass: boolean;
  /** The scope of queries that no block takes. */
  readonly unrouted: Scope;
  /** Queries whose answers are waited for. */
  pending: number;
  /** The route of the longest zone that the name is in, whose view takes the query; for DS the shortest, the parent's side. */
  route(query: Query): Route | undefined;
}

export interface RouterZone {
  readonly zone: Name;
  readonly block: Block;
}

/** `zones` in the Corefile's order: of the blocks of one zone the first whose view agrees takes the query. `server` is the metrics' label. */
export function createRouter(zones: readonly RouterZone[], server: string): Router {
  const table = new Map<Name, Route[]>();

  const lookup = (query: Query): MaybePromise<Answer> => {
    if (query.depth > MAX_DEPTH)
      return serverFailure(`too many lookups for one question, at ${nameText(query.name)}`);
    const route = router.route(query);
    if (route?.block.chain === undefined) return REFUSED;
    const { chain } = route.block;
    query.scope = route.scope;
    const result = chain.answer(query);
    if (chain.observers.length === 0) return result;
    query.received = performance.now();
    return after(result, query, (answer, asked) => {
      for (const observe of chain.observers)
        observe(asked, answer, (performance.now() - asked.received) / 1000);
      return answer;
    });
  };

  for (const { zone, block } of zones) {
    const routes = table.get(zone) ?? [];
    const scope: Scope = {
      zone,
      server,
      view: block.view,
      meta: (query, label) => block.metadata(query, label),
      lookup,
    };
    table.set(zone, [...routes, { block, scope }]);
  }
  const lengths = new Set([...table.keys()].map((zone) => zone.length));
  const blocks = [...new Set(zones.map(({ block }) => block))];

  const choose = (routes: readonly Route[], query: Query): Route | undefined => {
    for (const route of routes) if (route.block.accepts(query, route.scope)) return route;
    return undefined;
  };

  const router: Router = {
    blocks,
    pending: 0,
    anyClass: blocks.some((block) => block.settings.anyClass),
    unrouted: { zone: DROPPED, server, view: "", meta: () => "", lookup },
    route(query) {
      const { name } = query;
      let found: Route | undefined;
      for (let at = 0; ; at += name.charCodeAt(at) + 1) {
        if (lengths.has(name.length - at)) {
          const routes = table.get(at === 0 ? name : (name.slice(at) as Name));
          const route = routes === undefined ? undefined : choose(routes, query);
          if (route !== undefined) {
            found = route;
            // A block without plugins answers at once; a DS query goes on to the parents' sides (RFC 4035 §3.1.4.1).
            if (query.type !== TYPE.DS || route.block.chain === undefined) return route;
          }
        }
        if (name.charCodeAt(at) === 0) return found;
      }
    },
  };
  return router;
}

/** Internal lookups that may follow from one question. */
const MAX_DEPTH = 8;

/** The zone label of queries that no block takes. It is no name: there are no single labels of this length. */
export const DROPPED = "dropped" as Name;
