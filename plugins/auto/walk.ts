import { readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import type { ZonePath } from "../../src/zone/file.ts";

/** Folders within folders, at most: links may lead in a circle where the system lets them. */
const DEEPEST = 64;

export interface WalkedFile extends ZonePath {
  /** Without its folders. */
  readonly name: string;
}

/**
 * All files below a folder, in the order of their names; folders among them where they come. The folder itself may be a link (a
 * ConfigMap's volume), one below it is not entered by a link. What can't be read is told to `warn`.
 */
export async function* walk(
  folder: ZonePath,
  warn: (text: string) => void,
  depth = 0,
): AsyncGenerator<WalkedFile> {
  let entries;
  try {
    const path = depth === 0 ? await realpath(folder.path) : folder.path;
    entries = await readdir(path, { withFileTypes: true });
  } catch (error) {
    warn(`error reading ${folder.shown}: ${(error as Error).message}`);
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const { name } = entry;
    const below = { path: join(folder.path, name), shown: join(folder.shown, name), name };
    if (!entry.isDirectory()) yield below;
    else if (depth < DEEPEST) yield* walk(below, warn, depth + 1);
  }
}
