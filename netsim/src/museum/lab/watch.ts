/** What a client of the API server knows that lists once and then watches: its store, as events with versions come in or do not. */

export interface Change {
  readonly version: number;
  readonly object: object;
}

export interface WatchOptions {
  /** Versions that never arrive: what happened while the server restarted and the watch was taken up again behind it. */
  readonly lost: readonly number[];
  /** Whether the client lists anew when its watch was interrupted. */
  readonly relists: boolean;
}

/** The objects in the client's store, and the version that it has reached. */
export function watched(
  changes: readonly Change[],
  { lost, relists }: WatchOptions,
): { readonly objects: readonly object[]; readonly version: number } {
  const objects: object[] = [];
  let version = 0;
  let interrupted = false;
  for (const change of changes) {
    if (lost.includes(change.version)) {
      interrupted = true;
      continue;
    }
    if (interrupted && relists) {
      // A list has everything up to its version.
      objects.length = 0;
      objects.push(...changes.filter((one) => one.version <= change.version).map((one) => one.object));
    } else objects.push(change.object);
    interrupted = false;
    version = change.version;
  }
  return { objects, version };
}
