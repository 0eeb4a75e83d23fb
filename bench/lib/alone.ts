/** The further measurements: each runs by itself (`node dist/bench/NAME.js`) and as a part of `npm run bench`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isMet, type Verdict } from "../report/bounds.ts";
import { verdictTable } from "../report/text.ts";

export interface Extra {
  /** Markdown. */
  readonly lines: readonly string[];
  readonly verdicts: readonly Verdict[];
}

/** `directory` is emptied afterwards; `say` is for progress. */
export type Measurement = (directory: string, say: (line: string) => void) => Promise<Extra>;

export async function measured(
  name: string,
  measure: Measurement,
  say: (line: string) => void,
): Promise<Extra> {
  const directory = mkdtempSync(join(tmpdir(), `bench-${name}-`));
  try {
    return await measure(directory, say);
  } catch (error) {
    // One that can't be made must not cost the others.
    return {
      lines: [`**${name}**: not measured: ${(error as Error).message.split("\n")[0]!}`],
      verdicts: [],
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Whether the module of this URL is what was started. */
export const isProgram = (url: string): boolean => process.argv[1] === fileURLToPath(url);

/** Where the module is the program: runs it, prints, and exits 1 where a bound does not hold. */
export async function runAlone(url: string, measure: Measurement): Promise<void> {
  if (!isProgram(url)) return;
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const { lines, verdicts } = await measured("alone", measure, say);
  process.stdout.write(
    `${[...lines, "", ...(verdicts.length > 0 ? [verdictTable(verdicts)] : [])].join("\n")}\n`,
  );
  if (verdicts.some((verdict) => verdict.value !== undefined && !isMet(verdict))) process.exitCode = 1;
}
