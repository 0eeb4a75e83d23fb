/** Command lines: what a command is, its help, its options. */
import { parseArgs } from "node:util";
import type { ParseArgsConfig } from "node:util";

export interface Command {
  /** What follows the command's name on the command line. */
  readonly usage: string;
  readonly summary: string;
  load(): Promise<{ run(args: readonly string[]): number | Promise<number> }>;
}

/** A command line or an input that cannot be used; the message is shown after the command's name. */
export class UsageError extends Error {}

export function help(commands: Readonly<Record<string, Command>>, name?: string): string {
  const command = name === undefined ? undefined : commands[name];
  if (command !== undefined) return `netsim ${name} ${command.usage}\n\n  ${command.summary}\n`;
  const width = Math.max(...Object.keys(commands).map((n) => n.length));
  const lines = Object.entries(commands).map(([n, c]) => `  ${n.padEnd(width)}  ${c.summary}`);
  return `netsim COMMAND ...: what happens to a connection in a Kubernetes cluster, from its manifests\n\n${lines.join("\n")}\n\nnetsim help COMMAND shows its options. FILES are YAML or JSON files, directories, patterns, - for standard input, or kube:[CONTEXT] for a live cluster.\n`;
}

type Options = NonNullable<ParseArgsConfig["options"]>;
type Parsed<T extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: T; allowPositionals: true; strict: true }>
>;

/** Options and positionals of a command line; throws UsageError for an option that is not known. */
export function readArgs<const T extends Options>(args: readonly string[], options: T): Parsed<T> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message.split(". ")[0] ?? "bad command line");
  }
}

/** One of several words given to an option. */
export function choice<const T extends string>(
  option: string,
  value: string | undefined,
  words: readonly T[],
): T | undefined {
  if (value === undefined || words.includes(value as T)) return value as T | undefined;
  throw new UsageError(`--${option} must be ${words.join(", ")}, not ${value}`);
}
