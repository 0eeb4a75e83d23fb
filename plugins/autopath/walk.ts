import { serverFailure, type Answer, type Failure, type Message } from "../../src/dns/message.ts";
import { fits, join, lower, ROOT, type Name } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import { rdata, record } from "../../src/dns/records.ts";
import { RCODE, TYPE } from "../../src/dns/types.ts";
import type { MaybePromise, Next } from "../../src/plugin.ts";

/** What CoreDNS answers to the first search domain itself, which has nothing in front that could be searched for. */
export const FIRST_ELEMENT: Failure = serverFailure("the query is for the first search domain itself");

/**
 * Asks for the name under each domain of a list, in order; the query's own name lies below the first. The first answer other than NXDOMAIN
 * counts, errors too; where there is none, the first domain's, so that the client goes on by itself. Whatever is in memory is
 * answered at once. `onSuccess` is told of the former.
 */
export function createWalk(
  onSuccess: (query: Query) => void,
): (query: Query, list: readonly Name[], next: Next) => MaybePromise<Answer> {
  return (query, list, next) => {
    const base = (query.rawName.slice(0, -list[0]!.length) + ROOT) as Name;
    let first: Answer | undefined;

    const settle = (answer: Answer): Answer | undefined => {
      first ??= answer;
      if (answer.kind === "message") {
        if (answer.rcode === RCODE.NXDOMAIN) return undefined;
        onSuccess(query);
        return forQuestion(answer, query);
      }
      // A refusal without a word is no answer; a failure that has a cause ends the walk.
      return answer.kind === "failure" && answer.error === undefined ? undefined : answer;
    };

    const walk = (from: number): MaybePromise<Answer> => {
      for (let i = from; i < list.length; i++) {
        const name = join(base, list[i]!);
        if (!fits(name)) continue;
        const result = next(name === query.rawName ? query : query.with({ name }));
        if (result instanceof Promise) return result.then((answer) => settle(answer) ?? walk(i + 1));
        const settled = settle(result);
        if (settled !== undefined) return settled;
      }
      return first!;
    };
    return walk(0);
  };
}

/** The answer to another name as one to the client's: behind a CNAME, where there is something to be an alias of. */
function forQuestion(message: Message, { name, rawName }: Query): Message {
  const { answer, authority, additional } = message.sections;
  const target = answer.find((rr) => lower(rr.name) !== name);
  if (target === undefined)
    return message.question === rawName ? message : message.with({ question: rawName });
  const alias = record(rawName, TYPE.CNAME, target.ttl, rdata.cname(target.name));
  return message.with({ question: rawName, sections: { answer: [alias, ...answer], authority, additional } });
}
