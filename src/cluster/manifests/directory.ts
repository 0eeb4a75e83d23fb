import { watch as watchFiles, type FSWatcher } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ClusterSink, ClusterSource, ClusterWatch, KindHealth, Wanted } from "../source.ts";
import { keyOf, parseKey, readManifest, type ManifestFile } from "./file.ts";

export interface DirectoryOptions {
  readonly directory: string;
  readonly warn: (line: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds to wait after a change for more of them (20). */
  readonly settle?: number;
  /** Milliseconds between looks at the directory without any word of a change (5000): not every file system gives one. */
  readonly poll?: number;
}

interface FileState {
  /** Tells one content from another without reading it. */
  readonly stamp: string;
  readonly keys: ReadonlySet<string>;
}

/** Longest stretch of work without giving way, in milliseconds. */
const STRETCH = 2;

/**
 * The manifests of a directory: its files (not those of directories in it) that end in `.yaml`, `.yml` or `.json`. Where two of them have one
 * object, the one that is later in the alphabet counts. Followed while running: files written, replaced and removed, and
 * the `..data` link of a mounted ConfigMap. A file with a document that can't be read takes away nothing that it had before.
 */
export function manifestsSource(options: DirectoryOptions): ClusterSource {
  return { watch: (wanted, sink) => follow(options, wanted, sink) };
}

function follow(
  { directory, warn, now, settle = 20, poll = 5000 }: DirectoryOptions,
  wanted: Wanted,
  sink: ClusterSink,
): ClusterWatch {
  let files: ReadonlyMap<string, FileState> | undefined;
  let watcher: FSWatcher | undefined;
  let watched = "";
  let timer: NodeJS.Timeout | undefined;
  let scanning: Promise<void> | undefined;
  let isClosed = false;
  let heardAt: number | undefined;
  let failure: string | undefined;

  let worked = performance.now();
  const pause = async (): Promise<void> => {
    if (performance.now() - worked < STRETCH) return;
    await nextTurn();
    worked = performance.now();
  };

  const read = async (name: string): Promise<ManifestFile> => {
    const file = await readManifest(join(directory, name), wanted, pause);
    if (!isClosed) file.problems.forEach(warn);
    return file;
  };

  const scan = async (): Promise<void> => {
    try {
      const stamps = await stampsOf(directory);
      if (isClosed) return;
      rewatch(stamps.directory);
      if (files === undefined) await first(stamps.files);
      else await next(files, stamps.files);
      failure = undefined;
      heardAt = now();
    } catch (error) {
      const line = `${directory}: ${(error as Error).message}`;
      // Once, not at every look.
      if (failure !== line && !isClosed) warn(line);
      failure = line;
    }
  };

  const first = async (stamps: ReadonlyMap<string, string>): Promise<void> => {
    const lists = new Map(wanted.kinds.map((kind) => [kind, sink.list(kind)]));
    const state = new Map<string, FileState>();
    for (const [name, stamp] of stamps) {
      const { objects } = await read(name);
      if (isClosed) return;
      for (const object of objects.values()) lists.get(object.kind)!.put(object);
      state.set(name, { stamp, keys: new Set(objects.keys()) });
    }
    files = state;
    for (const list of lists.values()) list.end();
  };

  const next = async (
    old: ReadonlyMap<string, FileState>,
    stamps: ReadonlyMap<string, string>,
  ): Promise<void> => {
    const state = new Map<string, FileState>();
    const contents = new Map<string, ManifestFile>();
    for (const [name, stamp] of stamps) {
      const before = old.get(name);
      if (before?.stamp === stamp) {
        state.set(name, before);
        continue;
      }
      const file = await read(name);
      if (isClosed) return;
      contents.set(name, file);
      const kept = file.problems.length > 0 ? (before?.keys ?? []) : [];
      state.set(name, { stamp, keys: new Set([...kept, ...file.objects.keys()]) });
    }
    const touched = [...old.keys()].filter((name) => !state.has(name) || contents.has(name));
    if (contents.size + touched.length === 0) return;
    files = state;

    const owner = new Map<string, string>();
    for (const [name, { keys }] of state) for (const key of keys) owner.set(key, name);
    // What a touched file had may now be what another one says, which was hidden until now.
    const hidden = new Set<string>();
    for (const name of touched) {
      for (const key of old.get(name)!.keys) {
        const heir = owner.get(key);
        if (heir === undefined) sink.remove(...parseKey(key));
        else if (!contents.has(heir)) hidden.add(heir);
      }
    }
    for (const name of hidden) contents.set(name, await read(name));
    if (isClosed) return;
    for (const [name, { objects }] of contents) {
      for (const object of objects.values()) if (owner.get(keyOf(object)) === name) sink.put(object);
    }
  };

  /** The directory may have been replaced by another of its name. */
  const rewatch = (identity: string): void => {
    if (watched === identity && watcher !== undefined) return;
    watcher?.close();
    watched = identity;
    try {
      watcher = watchFiles(directory, { persistent: false }, () => schedule(settle));
      watcher.on("error", () => (watcher = undefined));
    } catch {
      // No more watches to be had, or none on this file system: then `poll` is what is left.
      watcher = undefined;
    }
  };

  let isDirty = false;
  const schedule = (delay: number): void => {
    if (isClosed) return;
    if (scanning !== undefined) {
      isDirty ||= delay < poll;
      return;
    }
    clearTimeout(timer);
    timer = setTimeout(run, delay).unref();
  };
  const run = (): void => {
    isDirty = false;
    scanning = scan().finally(() => {
      scanning = undefined;
      schedule(isDirty ? settle : poll);
    });
  };
  run();

  return {
    health: () =>
      wanted.kinds.map((kind): KindHealth => {
        const listed = files !== undefined;
        return {
          kind,
          listed,
          resourceVersion: undefined,
          heardAt,
          staleSince: failure === undefined ? undefined : heardAt,
          error: failure,
        };
      }),
    async close() {
      isClosed = true;
      clearTimeout(timer);
      watcher?.close();
      await scanning;
    },
  };
}

/** The manifests of a directory in alphabetical order, and what tells each, and the directory, from what it was before. */
async function stampsOf(directory: string): Promise<{ directory: string; files: Map<string, string> }> {
  const identity = await stat(directory);
  const files = new Map<string, string>();
  for (const name of (await readdir(directory)).sort()) {
    if (name.startsWith(".") || !/\.(ya?ml|json)$/.test(name)) continue;
    const found = await stat(join(directory, name)).catch(() => undefined);
    if (found?.isFile() !== true) continue;
    files.set(name, [found.dev, found.ino, found.size, found.mtimeMs, found.ctimeMs].join());
  }
  return { directory: `${String(identity.dev)},${String(identity.ino)}`, files };
}
