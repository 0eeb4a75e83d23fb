/** Kubernetes objects, parsed or as text -> one `Cluster`. What is wrong is reported; the rest is still read. */
import { bytesOfText, textOf } from "./bytes.ts";
import { complete } from "./complete.ts";
import { groupOf, isConfiguration, kindOf } from "./kinds.ts";
import type { Slot } from "./kinds.ts";
import { meta } from "./meta.ts";
import { parsePiece } from "./parse.ts";
import { fieldName, typeName } from "./read.ts";
import type { At, Path } from "./read.ts";
import { keepInput, lineOf } from "./source.ts";
import { split } from "./split.ts";
import type { Piece } from "./split.ts";
import type { Cluster, KubeObject, Problem, Source } from "./types.ts";

/** Beyond so many, further problems are counted and not kept. */
const MAX_PROBLEMS = 1000;

/** What has been read so far, by slot and by `Kind namespace/name`. */
export interface Draft {
  readonly objects: ReadonlyMap<Slot, Map<string, KubeObject>>;
  readonly problems: Problem[];
}

export type Report = (problem: Problem) => void;

/** Takes manifests one after the other, then makes the cluster. */
export interface Reader {
  /** A file's bytes: YAML or JSON. */
  add(file: string, bytes: Uint8Array): void;
  /** An object that is parsed already; `of`: the list it came out of. */
  take(value: unknown, source: Source, of?: Piece["of"]): void;
  readonly report: Report;
  finish(): Cluster;
}

/** Reads manifests given as text, for tests and for callers that have them in memory. */
export function loadText(text: string, file = "(text)"): Cluster {
  const bytes = bytesOfText(text);
  keepInput(file, bytes);
  const reader = createReader();
  reader.add(file, bytes);
  return reader.finish();
}

/** Makes a cluster of objects that are parsed already (an API server's answers); `from` stands where the file would. */
export function loadObjects(objects: Iterable<unknown>, from = "(objects)"): Cluster {
  const reader = createReader();
  for (const object of objects) reader.take(object, { file: from, line: 0 });
  return reader.finish();
}

export function createReader(): Reader {
  const objects = new Map<Slot, Map<string, KubeObject>>();
  const problems: Problem[] = [];
  const unknown = new Map<string, { count: number; source: Source; apiVersion: string; kind: string }>();
  let dropped = 0;

  const report: Report = (problem) => {
    if (problems.length < MAX_PROBLEMS) problems.push(problem);
    else dropped++;
  };

  function add(file: string, bytes: Uint8Array): void {
    for (const piece of split(bytes)) {
      const parsed = parsePiece(bytes, piece);
      if ("error" in parsed) {
        const template = textOf(bytes, piece.start, piece.end).includes("{{");
        const hint = template ? " (a Helm template? Render it with `helm template` first)" : "";
        const line = piece.line + parsed.error.line;
        report({ severity: "error", file, line, message: `${parsed.error.message}${hint}` });
      } else if (parsed.value !== null && parsed.value !== undefined) {
        take(parsed.value, { file, line: piece.line, span: [piece.start, piece.end] }, piece.of);
      }
    }
  }

  function take(value: unknown, source: Source, of?: Piece["of"]): void {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      report({
        severity: "error",
        ...place(source),
        message: `is not a Kubernetes object but ${typeName(value)}`,
      });
      return;
    }
    const object = value as Record<string, unknown>;
    const kind = object["kind"] ?? of?.kind.replace(/List$/, "");
    const apiVersion = object["apiVersion"] ?? of?.apiVersion;
    if (typeof kind === "string" && kind.endsWith("List") && Array.isArray(object["items"])) {
      const list = { kind, apiVersion: String(apiVersion) };
      for (const [i, item] of (object["items"] as unknown[]).entries()) {
        const path = [...(source.path ?? []), "items", i];
        take(item, { ...source, line: lineOf(source, ["items", i]), path }, list);
      }
      return;
    }
    if (typeof kind !== "string" || kind === "" || typeof apiVersion !== "string") {
      if (/^kustomization\.ya?ml$/i.test(source.file.slice(source.file.search(/[^/\\]*$/)))) return;
      const missing = typeof kind === "string" && kind !== "" ? "apiVersion" : "kind";
      report({
        severity: "error",
        ...place(source),
        message: `is not a Kubernetes object: it has no ${missing}`,
      });
      return;
    }
    readObject(object, apiVersion, kind, source);
  }

  function readObject(
    object: Record<string, unknown>,
    apiVersion: string,
    kind: string,
    source: Source,
  ): void {
    const known = kindOf(apiVersion, kind);
    if (known === "silent") return;
    if (known === "unknown") {
      const id = `${groupOf(apiVersion)}/${kind}`;
      const seen = unknown.get(id);
      if (seen === undefined) unknown.set(id, { count: 1, source, apiVersion, kind });
      else seen.count++;
    }
    const { slot, namespaced, read } = known === "unknown" ? UNKNOWN : known;
    const defaultNamespace = known === "unknown" ? "" : "default";
    let failed = false;
    let name = nameOf(kind, object["metadata"]);
    const path: (string | number)[] = [];
    const tell = (severity: Problem["severity"], message: string) => {
      const line = problems.length < MAX_PROBLEMS ? lineOf(source, path) : source.line;
      const field = path.length === 0 ? {} : { field: fieldName(path as Path) };
      report({ severity, file: source.file, line, ...field, object: name, message });
    };
    const at: At = {
      path,
      error: (message) => {
        failed = true;
        tell("error", message);
      },
      warn: (message) => tell("warning", message),
    };
    path.push("metadata");
    const given = object["metadata"] ?? (isConfiguration(apiVersion) ? { name: kind } : undefined);
    const metadata = given === undefined ? undefined : meta(given, at);
    if (given === undefined) at.error("is missing");
    path.pop();
    if (metadata === undefined) return;
    const namespace = namespaced ? metadata.namespace || defaultNamespace : "";
    name = namespace === "" ? `${kind} ${metadata.name}` : `${kind} ${namespace}/${metadata.name}`;
    const body = read(object, at);
    if (failed || body === undefined) return;
    put(slot, name, { ...body, apiVersion, kind, metadata: { ...metadata, namespace }, source });
  }

  function put(slot: Slot, name: string, object: KubeObject): void {
    let all = objects.get(slot);
    if (all === undefined) objects.set(slot, (all = new Map<string, KubeObject>()));
    const key = `${groupOf(object.apiVersion)} ${name}`;
    const before = all.get(key);
    if (before !== undefined) {
      const message = `is defined again: this one counts, not ${before.source.file}:${before.source.line}`;
      report({ severity: "warning", ...place(object.source), object: name, message });
    }
    all.set(key, object);
  }

  function finish(): Cluster {
    for (const { count, source, apiVersion, kind } of unknown.values()) {
      const times = count === 1 ? "" : ` (${count} objects)`;
      const message = `unknown kind ${kind} of ${apiVersion}${times}: netsim does not know what it does to the network`;
      report({ severity: "warning", ...place(source), message });
    }
    if (dropped > 0)
      report({
        severity: "warning",
        file: "",
        line: 0,
        message: `${dropped} further problems are not shown`,
      });
    return complete({ objects, problems });
  }

  return { add, take, report, finish };
}

const UNKNOWN = { slot: "others", namespaced: true, read: (value: unknown) => value as object } as const;

const place = (source: Source) => ({ file: source.file, line: source.line });

/** What can be said of an object before it is read. */
function nameOf(kind: string, metadata: unknown): string {
  const { name, namespace } = (metadata ?? {}) as { name?: unknown; namespace?: unknown };
  if (typeof name !== "string") return kind;
  return typeof namespace === "string" ? `${kind} ${namespace}/${name}` : `${kind} ${name}`;
}
