/** What a finding is known by from one run to the next, for tools that tell new findings from old ones. */
import type { Draft } from "./types.ts";

/**
 * Gives 16 hexadecimal digits made of the check, the object and the cause: neither of lines, so that it stays when text is put
 * above, nor of files or of what the message counts. Of several findings without a cause in one object each has its own.
 */
export function createFingerprints(): (id: string, draft: Pick<Draft, "at" | "cause">) => string {
  const seen = new Map<string, number>();
  return (id, { at, cause = "" }) => {
    const text = [id, at.object ?? "", cause].join("\n");
    const before = seen.get(text) ?? 0;
    seen.set(text, before + 1);
    const whole = before === 0 ? text : `${text}\n${before}`;
    return hash(whole, 0x811c9dc5) + hash(whole, 0x01234567);
  };
}

/** FNV-1a, 32 bits, with a beginning of its own. */
function hash(text: string, start: number): string {
  let value = start;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return value.toString(16).padStart(8, "0");
}
