/** Notices that input files have changed, come or gone: by looking at them, which also sees links that are turned over. */
import { statSync } from "node:fs";
import { expand } from "../model/files.ts";

const EVERY = 500;
/** Looking at very many files takes its time. */
const MOST = 5000;

/** Calls `changed` when the files look the same twice in a row after they looked different. Gives the function that ends it. */
export function watchFiles(inputs: readonly string[], changed: () => void): () => void {
  const files = inputs.filter((input) => input !== "-" && !input.startsWith("kube:"));
  if (files.length === 0) return () => undefined;
  let [known, last] = [stateOf(files), ""];
  const timer = setInterval(() => {
    const now = stateOf(files);
    // A file that is being written is left alone until it is not.
    if (now !== known && now === last) {
      known = now;
      changed();
    }
    last = now;
  }, EVERY);
  return () => clearInterval(timer);
}

function stateOf(inputs: readonly string[]): string {
  const parts: string[] = [];
  for (const input of inputs)
    try {
      for (const file of expand(input).slice(0, MOST)) {
        const { mtimeMs, size, ino } = statSync(file);
        parts.push(`${file} ${mtimeMs} ${size} ${ino}`);
      }
    } catch {
      parts.push(`${input} is gone`);
    }
  return parts.join("\n");
}
