/** Command lines, run as `netsim` runs them but in a process of their own, so that both output streams can be read. */
import { spawnSync } from "node:child_process";

const self = import.meta.url;
const main = new URL(`../../src/cli/main${self.slice(self.lastIndexOf("."))}`, self).href;

export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function netsim(args: readonly string[], input = ""): Result {
  const script = `const { main } = await import(${JSON.stringify(main)}); process.exitCode = await main(process.argv.slice(1));`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", script, "--", ...args],
    {
      encoding: "utf8",
      input,
      maxBuffer: 64 << 20,
      timeout: 60_000,
    },
  );
  return { status, stdout, stderr };
}
