/** `clusterdns -conf Corefile`: the server as a process, with CoreDNS's flags, banner and signals. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { normalize } from "node:path";
import type { Source } from "../server/configuration.ts";
import { createOutput, type Output } from "../log/output.ts";
import type { Registry } from "../server/registry.ts";
import { ConfigurationFailure, createServerCore, type Server } from "../server/server.ts";
import { parseFlags, usage, type FlagSpec } from "./flags.ts";
import { COREDNS_VERSION, versionLines } from "../version.ts";

const FLAGS: readonly FlagSpec[] = [
  {
    name: "conf",
    key: "conf",
    type: "string",
    doc: "Corefile to load: a file, or stdin (default ./Corefile)",
  },
  { name: "dns.port", key: "port", type: "string", doc: "Port of zones that name none", default: "53" },
  { name: "p", key: "port", type: "string", doc: "The same as -dns.port", default: "53" },
  { name: "pidfile", key: "pidfile", type: "string", doc: "File to write the process id to" },
  { name: "plugins", key: "plugins", type: "boolean", doc: "List the plugins" },
  { name: "quiet", key: "quiet", type: "boolean", doc: "Print no banner" },
  { name: "version", key: "version", type: "boolean", doc: "Show the version" },
  {
    name: "log.format",
    key: "format",
    type: "string",
    doc: "Form of the log: text (CoreDNS's lines) or json",
    default: "text",
  },
];

export async function serve(argv: readonly string[], registry: Registry): Promise<number> {
  const flags = parseFlags(argv, FLAGS);
  if (flags.kind === "help") return complain(usage("clusterdns", FLAGS), 0);
  if (flags.kind === "error") return complain(`${flags.message}\n${usage("clusterdns", FLAGS)}`, 2);
  const { values, rest } = flags;
  if (rest.length > 0) return complain(`extra command line arguments: [${rest.join(" ")}]\n`, 1);
  if (values["version"] === "true") return say(versionLines());
  if (values["plugins"] === "true") return say([...pluginNames(registry), ""]);
  const port = values["port"] ?? "53";
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535)
    return complain(`unknown port: ${port}: write a number from 0 to 65535\n`, 1);
  const format = values["format"] ?? "text";
  if (format !== "text" && format !== "json")
    return complain(`unknown log format: ${format}: write text or json\n`, 1);

  const output = await createOutput(format);
  let source: () => Source;
  try {
    source = sourceOf(values["conf"] ?? "");
    source();
  } catch (error) {
    return complain(`${(error as Error).message}\n`, 1);
  }
  return run({
    source,
    registry,
    output,
    port: Number(port),
    pidfile: values["pidfile"],
    quiet: values["quiet"] === "true",
  });
}

interface RunOptions {
  readonly source: () => Source;
  readonly registry: Registry;
  readonly output: Output;
  readonly port: number;
  readonly pidfile: string | undefined;
  readonly quiet: boolean;
}

async function run({ source, registry, output, port, pidfile, quiet }: RunOptions): Promise<number> {
  const exit = (code: number): void => {
    if (pidfile !== undefined) rmSync(pidfile, { force: true });
    output.flush();
    process.exit(code);
  };
  const server = createServerCore({
    source,
    registry,
    output,
    port,
    version: COREDNS_VERSION,
    onFatal: () => exit(1),
  });
  handleSignals(server, output, exit);
  try {
    await server.listen();
  } catch (error) {
    if (!(error instanceof ConfigurationFailure)) throw error;
    output.flush();
    process.stderr.write(`${error.message}\n`, () => process.exit(1));
    return 1;
  }
  if (!quiet) for (const line of [...bannerLines(server), ...versionLines()]) output.print(line);
  if (server.addresses().length === 0) {
    exit(0);
    return 0;
  }
  if (pidfile !== undefined) writePidfile(pidfile, output);
  return 0;
}

/** The Corefile's reader. Standard input can be read once; a reload finds it empty, as in CoreDNS. */
function sourceOf(conf: string): () => Source {
  if (conf === "stdin") {
    let text: string | undefined;
    return () => {
      text = text === undefined ? readFileSync(0, "utf8") : text;
      return { text, file: "/dev/stdin" };
    };
  }
  const file = conf === "" ? "Corefile" : conf;
  return () => {
    try {
      // As a shell would not: `./sub/../file` is a name before it is a path.
      return { text: readFileSync(normalize(file), "utf8"), file };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (conf === "" && code === "ENOENT") return { text: "", file };
      const why =
        code === "ENOENT"
          ? "no such file or directory"
          : code === "EISDIR"
            ? "is a directory"
            : (error as Error).message;
      throw new Error(`loading Corefile: open ${file}: ${why}`);
    }
  };
}

function bannerLines(server: Server): string[] {
  return server
    .banner()
    .flatMap(({ zone, text }) =>
      isPreferred(zone)
        ? [text]
        : [`Warning: Domain ${quoted(zone)} does not follow RFC1035 preferred syntax`, text],
    );
}

/** As Go's %q: what can't be printed is escaped. */
const quoted = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\u00a0\u200b-\u200f\u2028-\u202f\ufeff]/g,
    (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"),
  );

/** Labels that begin with a letter, end with a letter or digit, and have only these and hyphens inside (RFC 1035 §2.3.1); numbers in reverse zones. */
function isPreferred(zone: string): boolean {
  if (zone === "." || /(^|\.)(in-addr|ip6)\.arpa\.$/.test(zone)) return true;
  return zone
    .replace(/\.$/, "")
    .split(".")
    .every((label) => /^[a-z]([a-z0-9-]*[a-z0-9])?$/i.test(label));
}

function writePidfile(file: string, output: Output): void {
  try {
    writeFileSync(file, `${process.pid}\n`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "no such file or directory" : (error as Error).message;
    output.write("error", `Could not write pidfile: open ${file}: ${why}`);
  }
}

function handleSignals(server: Server, output: Output, exit: (code: number) => void): void {
  let interrupted = false;
  let terminating = false;
  process.on("SIGTERM", () => {
    if (terminating || interrupted) return;
    terminating = true;
    output.write("info", "SIGTERM: Shutting down servers then terminating");
    void stop(server, true).finally(() => exit(0));
  });
  process.on("SIGINT", () => {
    if (interrupted) {
      output.write("info", "SIGINT: Force quit");
      exit(2);
      return;
    }
    interrupted = true;
    output.write("info", "SIGINT: Shutting down");
    void stop(server, false).finally(() => exit(0));
  });
  process.on("SIGQUIT", () => {
    output.write("info", "SIGQUIT: Quitting process immediately");
    exit(0);
  });
  process.on("SIGHUP", () => undefined);
  process.on("SIGUSR1", () => {
    output.write("info", "SIGUSR1: Reloading");
    output.write("info", "Reloading");
    void server.reload().then((outcome) => {
      if (outcome.kind === "reloaded") {
        output.write("info", "Reloading complete");
      } else if (outcome.kind !== "unchanged") {
        output.write("error", `Restart failed: ${outcome.error}`);
        output.write("error", `SIGUSR1: starting with listener file descriptors: ${outcome.error}`);
      }
    });
  });
}

async function stop(server: Server, graceful: boolean): Promise<void> {
  await server.prepareShutdown();
  await server.close(graceful);
}

function pluginNames(registry: Registry): string[] {
  // `on` is not one of CoreDNS's own and stands last there.
  const names = registry.order.flatMap(({ name, load }) => (load === undefined ? [] : [name])).sort();
  return names.includes("on") ? [...names.filter((name) => name !== "on"), "on"] : names;
}

function say(lines: readonly string[]): number {
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

function complain(text: string, code: number): number {
  process.stderr.write(text);
  return code;
}
