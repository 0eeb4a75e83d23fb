import { serverFailure, type Answer } from "../dns/message.ts";
import type { Query } from "../dns/query.ts";
import type { Instance, MaybePromise, Member, Next } from "../plugin.ts";

/** A block's plugins, composed: the outermost handler first. */
export interface Chain {
  readonly answer: Next;
  /** In the chain's order. */
  readonly observers: readonly Observe[];
  /** Names of the plugins that are links of the chain: those that answer or observe. */
  readonly names: readonly string[];
}

type Observe = (query: Query, answer: Answer, seconds: number) => void;
type Handler = (query: Query, next: Next) => MaybePromise<Answer>;

/** Undefined where no member is a link of a chain: such a block refuses everything. */
export function composeChain(members: readonly Member[]): Chain | undefined {
  const links = members.filter(
    ({ instance }) => instance.answer !== undefined || instance.observe !== undefined,
  );
  const last = links.at(-1);
  if (last === undefined) return undefined;
  const end = serverFailure(`plugin/${last.plugin}: no next plugin found`);
  let next: Next = () => end;
  for (const { instance } of [...links].reverse()) {
    if (instance.answer !== undefined) next = link(bound(instance), next);
  }
  const observers = links.flatMap(({ instance }) =>
    instance.observe === undefined ? [] : [(q: Query, a: Answer, s: number) => instance.observe!(q, a, s)],
  );
  return { answer: next, observers, names: [...new Set(links.map(({ plugin }) => plugin))] };
}

function bound(instance: Instance): Handler {
  return (query, next) => instance.answer!(query, next);
}

function link(handler: Handler, next: Next): Next {
  return (query) => handler(query, next);
}
