import { registry } from "../../plugins/index.ts";
import { checkCorefile as check } from "../cli/check.ts";
import { parseCorefile, type CorefileError, type ServerBlock } from "../corefile/index.ts";

export interface CorefileReport {
  /** Each with its line in the text. Empty where the Corefile is right. */
  readonly errors: readonly CorefileError[];
  readonly warnings: readonly string[];
  /** What it says, directive by directive; empty where the language itself is broken. */
  readonly blocks: readonly ServerBlock[];
}

/**
 * Whether a Corefile is right, without running it: what `clusterdns check` says. `file` is the name in messages; `env` stands for
 * the environment that `{$NAME}` refers to, by default an empty one. Never rejects for what is in the text.
 */
export async function checkCorefile(
  text: string,
  { file = "Corefile", env = {} }: { readonly file?: string; readonly env?: Record<string, string> } = {},
): Promise<CorefileReport> {
  const { errors, warnings } = await check({ text, file, env }, registry);
  const directives = new Set(registry.order.map(({ name }) => name));
  const parsed = parseCorefile({ text, file, env, directives });
  return { errors, warnings, blocks: parsed.error === undefined ? parsed.blocks : [] };
}
