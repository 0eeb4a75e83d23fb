/** What a watch sends: JSON objects, one a line. */
import type { IncomingMessage } from "node:http";

export type WatchEvent =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: ApiObject }
  | { readonly type: "BOOKMARK"; readonly object: ApiObject }
  | { readonly type: "ERROR"; readonly object: { readonly code?: number; readonly message?: string } };

export interface ApiObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** A bookmark with this annotation ends the objects that there were (KEP-3157). */
export const INITIAL_EVENTS_END = "k8s.io/initial-events-end";

/** The events of a response, those of one chunk at a time: nothing but the last unfinished line is kept. */
export async function* eventsOf(response: IncomingMessage): AsyncGenerator<WatchEvent[]> {
  let rest: Buffer[] = [];
  for await (const data of response) {
    const chunk = data as Buffer;
    const events: WatchEvent[] = [];
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      rest.push(chunk.subarray(from, end));
      const line = rest.length === 1 ? rest[0]! : Buffer.concat(rest);
      rest = [];
      from = end + 1;
      if (line.length > 0) events.push(JSON.parse(line.toString()) as WatchEvent);
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
    if (events.length > 0) yield events;
  }
}
