import { CORE_SCHEMA, load, YAMLException } from "js-yaml";

/** An API object as a manifest has it, and where its document begins. */
export interface Found {
  readonly object: unknown;
  /** From 1. */
  readonly line: number;
}

export interface Problem {
  readonly line: number;
  /** One line. */
  readonly text: string;
}

export interface Documents {
  readonly found: readonly Found[];
  /** Strings in the objects may be slices of the text, which they keep in memory as long as they are there. */
  readonly isSliced: boolean;
  readonly problems: readonly Problem[];
}

/**
 * The objects of a manifest: YAML with any number of documents, or JSON; `List` kinds are taken apart. What can't be read is
 * told, and does not keep the rest from being read. Gives way to others (`pause`) between documents.
 */
export async function readDocuments(text: string, pause: () => Promise<void>): Promise<Documents> {
  const found: Found[] = [];
  const problems: Problem[] = [];
  let isSliced = false;
  for (const { source, line } of split(text)) {
    await pause();
    try {
      const json = parseJson(source);
      isSliced ||= json === undefined;
      // The core schema has no dates: a timestamp stays text, as in the API.
      const document = json ?? load(source, { schema: CORE_SCHEMA, json: true });
      if (document === null || document === undefined) continue;
      if (typeof document !== "object" || Array.isArray(document)) {
        problems.push({
          line,
          text: "not a Kubernetes object: a mapping with apiVersion, kind and metadata is expected",
        });
        continue;
      }
      const { kind, items } = document as { kind?: unknown; items?: unknown };
      const isList = typeof kind === "string" && kind.endsWith("List") && Array.isArray(items);
      for (const object of isList ? items : [document])
        found.push({ object: isList ? typed(object, document) : object, line });
    } catch (error) {
      problems.push({ line: line + lineOf(error), text: reasonOf(error) });
    }
  }
  return { found, isSliced, problems };
}

/** An item of a `ServiceList` need not say itself what it is. */
function typed(item: unknown, list: object): unknown {
  const { kind, apiVersion } = list as { kind: string; apiVersion?: unknown };
  return kind === "List" ? item : { apiVersion, kind: kind.slice(0, -"List".length), ...(item as object) };
}

/** The documents of a stream (YAML 1.2 §9.2), each to be read by itself, so that a bad one leaves the others readable. */
function* split(text: string): Iterable<{ source: string; line: number }> {
  if (!/^---/m.test(text)) {
    yield { source: text, line: 1 };
    return;
  }
  const lines = text.split("\n");
  let start = 0;
  for (let i = 0; i <= lines.length; i++) {
    if (i < lines.length && !/^---(\s|$)/.test(lines[i]!)) continue;
    const part = lines.slice(start, i);
    // Directives and comments in front of the first marker are no document.
    if (!part.every((one) => /^\s*($|#|%)/.test(one))) yield { source: part.join("\n"), line: start + 1 };
    start = i;
    // The marker belongs to what follows, which may begin on its line.
    if (i < lines.length) lines[i] = lines[i]!.replace(/^---/, "   ");
  }
}

/** Undefined where it is no JSON: then the YAML parser takes it, or knows the line. */
function parseJson(source: string): unknown {
  if (!/^\s*[{[]/.test(source)) return undefined;
  try {
    return JSON.parse(source);
  } catch {
    return undefined;
  }
}

const lineOf = (error: unknown): number => (error instanceof YAMLException ? (error.mark?.line ?? 0) : 0);

const reasonOf = (error: unknown): string =>
  error instanceof YAMLException
    ? `not YAML: ${error.reason}`
    : String((error as Error).message).split("\n")[0]!;
