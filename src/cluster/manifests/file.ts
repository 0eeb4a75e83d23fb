import { readFile } from "node:fs/promises";
import type { ClusterObject, Kind } from "../objects.ts";
import type { Wanted } from "../source.ts";
import { kindOf, trim } from "../trim.ts";
import { readDocuments } from "./documents.ts";

/** What one file says. */
export interface ManifestFile {
  /** By `keyOf`; the last of two objects of one name counts. */
  readonly objects: ReadonlyMap<string, ClusterObject>;
  /** `FILE:LINE: what is wrong`. What it had before may be in what could not be read. */
  readonly problems: readonly string[];
}

export const keyOf = (object: ClusterObject): string =>
  object.kind === "Namespace"
    ? `Namespace//${object.name}`
    : `${object.kind}/${object.namespace}/${object.name}`;

/** The inverse of `keyOf`. */
export function parseKey(key: string): readonly [kind: Kind, namespace: string, name: string] {
  const [kind, namespace, name] = key.split("/") as [Kind, string, string];
  return [kind, namespace, name];
}

/** Reads a manifest and keeps what is wanted of it. Gives way (`pause`) between documents. */
export async function readManifest(
  path: string,
  wanted: Wanted,
  pause: () => Promise<void>,
): Promise<ManifestFile> {
  const objects = new Map<string, ClusterObject>();
  const problems: string[] = [];
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    return { objects, problems: [`${path}: ${(error as Error).message}`] };
  }
  const documents = await readDocuments(text, pause);
  for (const { line, text: what } of documents.problems) problems.push(`${path}:${String(line)}: ${what}`);
  for (const { object, line } of documents.found) {
    await pause();
    const kind = kindOf(object);
    if (kind === undefined || !wanted.kinds.includes(kind)) continue;
    const name = (object as { metadata?: { name?: unknown } }).metadata?.name;
    if (typeof name !== "string" || name === "") {
      problems.push(`${path}:${String(line)}: ${kind} without metadata.name, which must be text`);
      continue;
    }
    const trimmed = trim(kind, object, wanted);
    if (trimmed !== undefined) objects.set(keyOf(trimmed), trimmed);
  }
  // A clone has strings of its own.
  return { objects: documents.isSliced ? structuredClone(objects) : objects, problems };
}
