/** RE2, the syntax of every expression in Cilium's policies; compiled once. */
import { RE2JS } from "re2js";

const MAX_KEPT = 10_000;
const kept = new Map<string, RE2JS | undefined>();

/** Undefined for what is no expression. */
export function compileRegex(text: string): RE2JS | undefined {
  if (kept.has(text)) return kept.get(text);
  if (kept.size >= MAX_KEPT) kept.clear();
  let compiled: RE2JS | undefined;
  try {
    compiled = RE2JS.compile(text);
  } catch {
    compiled = undefined;
  }
  kept.set(text, compiled);
  return compiled;
}
