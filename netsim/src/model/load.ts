/** Files, directories, `List`s, standard input -> one `Cluster`. What is wrong is reported; the rest is still read. */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { expand } from "./files.ts";
import { createReader } from "./reader.ts";
import type { Report } from "./reader.ts";
import { keepInput, keptInput, readSpansBy } from "./source.ts";
import type { Cluster } from "./types.ts";

export { loadObjects, loadText } from "./reader.ts";

export interface LoadOptions {
  /** What `-` stands for; without it, standard input is read. */
  readonly stdin?: Buffer;
}

/**
 * Reads what `inputs` name (files, directories, patterns, `-`, or a live cluster's `kube:` that was read beforehand), in that
 * order. Never throws: see `problems`.
 */
export function loadFiles(inputs: readonly string[], options: LoadOptions = {}): Cluster {
  const reader = createReader();
  for (const input of inputs) {
    for (const file of filesOf(input, reader.report)) {
      const bytes = bytesOf(file, options, reader.report);
      if (bytes !== undefined) reader.add(file === "-" ? STDIN : file, bytes);
    }
  }
  return reader.finish();
}

const STDIN = "(standard input)";
/** Read beforehand (live.ts): an API server's answers take their time. */
const isLive = (input: string): boolean => input.startsWith("kube:") && keptInput(input) !== undefined;

function filesOf(input: string, report: Report): string[] {
  if (isLive(input)) return [input];
  try {
    const files = expand(input);
    if (files.length === 0)
      report({ severity: "error", file: input, line: 0, message: "no YAML or JSON files there" });
    return files;
  } catch {
    report({ severity: "error", file: input, line: 0, message: "no such file or directory" });
    return [];
  }
}

function bytesOf(file: string, options: LoadOptions, report: Report): Uint8Array | undefined {
  if (isLive(file)) return keptInput(file);
  try {
    if (file !== "-") return readFileSync(file);
    const bytes = options.stdin ?? readFileSync(0);
    keepInput(STDIN, bytes);
    return bytes;
  } catch (error) {
    report({ severity: "error", file, line: 0, message: `cannot be read: ${(error as Error).message}` });
    return undefined;
  }
}

readSpansBy((file, start, end) => {
  const bytes = Buffer.alloc(end - start);
  try {
    const fd = openSync(file, "r");
    const length = readSync(fd, bytes, 0, bytes.length, start);
    closeSync(fd);
    return length < bytes.length ? undefined : bytes;
  } catch {
    return undefined;
  }
});
