import { EMPTY_SECTIONS, type Answer, type Message } from "../dns/message.ts";
import type { Name } from "../dns/name.ts";
import type { Query } from "../dns/query.ts";
import { FLAG } from "../dns/types.ts";

/** Where in an answer belongs what somebody else has to be asked for: what `target` has of a type. */
export interface Outside {
  readonly section: "answer" | "additional";
  /** Before which of the section's records. */
  readonly at: number;
  readonly target: Name;
  readonly type: number;
}

/** Asks the whole server for what is outside and puts it in its place in `message`; at once, where all of it is in memory. */
export function withOutside(
  query: Query,
  message: Message,
  outside: readonly Outside[],
): Message | Promise<Message> {
  const answers = outside.map(({ target, type }) => query.lookup(target, type));
  const complete = (found: readonly Answer[]): Message => {
    const answer = [...message.answer];
    const additional = [...message.additional];
    let { flags } = message;
    // From the end, so that the places before stay what they are.
    for (let i = outside.length - 1; i >= 0; i--) {
      const one = found[i]!;
      // Whatever became of the target, what leads to it is there.
      if (one.kind !== "message") continue;
      const { section, at } = outside[i]!;
      if (section === "answer") {
        answer.splice(at, 0, ...one.answer);
        flags |= one.flags & FLAG.TC;
      } else {
        additional.splice(at, 0, ...one.answer);
      }
    }
    return message.with({ flags, sections: { ...EMPTY_SECTIONS, answer, additional } });
  };
  return answers.some((answer) => answer instanceof Promise)
    ? Promise.all(answers).then(complete)
    : complete(answers as Answer[]);
}
