/** Kubernetes objects from manifests, as far as lookups and their costs are concerned. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { readDocuments } from "../cluster/manifests/documents.ts";

/** An object in the API's form; nothing in it is certain but that it has a kind and a name. */
export interface KubeObject {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly ownerReferences?: readonly { readonly kind?: string; readonly name?: string }[];
  };
  readonly [key: string]: unknown;
}

export interface Objects {
  readonly objects: readonly KubeObject[];
  /** `FILE:LINE: what is wrong`. */
  readonly problems: readonly string[];
}

/**
 * The objects of a manifest, or of a directory's files that end in `.yaml`, `.yml` or `.json`. Of two with one name the later one
 * counts. Rejects where the path can't be read.
 */
export async function readObjects(path: string): Promise<Objects> {
  const isDirectory = (await stat(path)).isDirectory();
  const files = isDirectory
    ? (await readdir(path))
        .filter((name) => !name.startsWith(".") && /\.(ya?ml|json)$/.test(name))
        .sort()
        .map((name) => join(path, name))
    : [path];
  const objects = new Map<string, KubeObject>();
  const problems: string[] = [];
  for (const file of files) {
    const documents = await readDocuments(await readFile(file, "utf8"), async () => {});
    for (const { line, text } of documents.problems) problems.push(`${file}:${String(line)}: ${text}`);
    for (const { object } of documents.found) {
      if (isObject(object)) objects.set(keyOf(object), object);
    }
  }
  return { objects: [...objects.values()], problems };
}

export const namespaceOf = ({ metadata }: KubeObject): string => metadata.namespace ?? "default";

const keyOf = (object: KubeObject): string => `${object.kind}/${namespaceOf(object)}/${object.metadata.name}`;

function isObject(value: unknown): value is KubeObject {
  const { kind, metadata } = (value ?? {}) as Partial<KubeObject>;
  return typeof kind === "string" && typeof metadata?.name === "string";
}

/** What stands at `path` in an object, if everything on the way there is a mapping. */
export function at(object: unknown, ...path: readonly string[]): unknown {
  let here: unknown = object;
  for (const key of path) {
    if (typeof here !== "object" || here === null) return undefined;
    here = (here as Readonly<Record<string, unknown>>)[key];
  }
  return here;
}
