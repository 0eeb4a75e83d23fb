import type { ClusterSource } from "./source.ts";
import { kindOf, trim } from "./trim.ts";

/** A cluster of these objects (in the API's form) that never changes: for programs that embed the server. */
export function objectsSource(objects: readonly unknown[], now: () => number): ClusterSource {
  return {
    watch(wanted, sink) {
      for (const kind of wanted.kinds) {
        const list = sink.list(kind);
        for (const object of objects) {
          const trimmed = kindOf(object) === kind ? trim(kind, object, wanted) : undefined;
          if (trimmed !== undefined) list.put(trimmed);
        }
        list.end();
      }
      const health = {
        listed: true,
        resourceVersion: undefined,
        heardAt: now(),
        staleSince: undefined,
        error: undefined,
      };
      return { health: () => wanted.kinds.map((kind) => ({ kind, ...health })), close: async () => {} };
    },
  };
}
