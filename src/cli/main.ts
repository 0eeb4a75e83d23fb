/** The command line: CoreDNS's flags, or a command of ours. One file a command, loaded when it is asked for. */
import { registry } from "../../plugins/index.ts";

const commands: Readonly<Record<string, () => Promise<(argv: string[]) => Promise<number>>>> = {
  check: () => import("./check.ts").then((m) => (argv: string[]) => m.run(argv, registry)),
  "node-cache": () => import("./node-cache.ts").then((m) => (argv: string[]) => m.run(argv, registry)),
  ndots: () => import("./ndots.ts").then((m) => m.run),
};

export async function main(argv: string[]): Promise<number> {
  const command = Object.hasOwn(commands, argv[0] ?? "") ? commands[argv[0]!] : undefined;
  if (command !== undefined) return (await command())(argv.slice(1));
  const { serve } = await import("./serve.ts");
  return serve(argv, registry);
}
