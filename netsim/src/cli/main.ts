/** `netsim COMMAND ...`: finds the command, loads only its file, and turns what goes wrong into one line and an exit code. */
import { COMMANDS } from "./commands.ts";
import { UsageError, help } from "./usage.ts";

/** Exit codes: 0 done (whatever the verdicts), 1 an expectation was not met, 2 unusable input or command line. */
export async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    process.stdout.write(help(COMMANDS, rest[0]));
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    process.stderr.write(`netsim: there is no command ${JSON.stringify(name)}: see \`netsim help\`\n`);
    return 2;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    process.stdout.write(help(COMMANDS, name));
    return 0;
  }
  // A reader that closes the pipe (`| head`) is no fault of ours.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
  });
  try {
    await readLiveInputs(rest);
    const { run } = await command.load();
    return await run(rest);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`netsim ${name}: ${error.message}\n`);
      return 2;
    }
    throw error;
  }
}

/** `kube:` or `kube:CONTEXT` among the files stands for a live cluster; it is read before the command begins. */
async function readLiveInputs(args: readonly string[]): Promise<void> {
  for (const arg of args.filter((a) => a.startsWith("kube:"))) {
    const { readLive } = await import("../model/live.ts");
    const { keepInput } = await import("../model/source.ts");
    try {
      keepInput(arg, await readLive(arg.slice("kube:".length)));
    } catch (error) {
      throw new UsageError(`${arg}: ${(error as Error).message}`);
    }
  }
}
