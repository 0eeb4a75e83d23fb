/** `clusterdns -conf Corefile`: the server as a process, with CoreDNS's flags. */
import { readFileSync } from "node:fs";
import { normalize } from "node:path";
import type { Source } from "../server/configuration.ts";
import { createOutput } from "../log/output.ts";
import type { Registry } from "../server/registry.ts";
import { parseFlags, usage, type FlagSpec } from "./flags.ts";
import { runProcess } from "./process.ts";
import { versionLines } from "../version.ts";

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
  return runProcess({
    source,
    registry,
    output,
    port: Number(port),
    pidfile: values["pidfile"],
    quiet: values["quiet"] === "true",
  });
}

/** The Corefile's reader. Standard input can be read once; a reload finds it empty, as in CoreDNS. */
export function sourceOf(conf: string): () => Source {
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
      throw new Error(`loading Corefile: open ${file}: ${why}`, { cause: error });
    }
  };
}

export function pluginNames(registry: Registry): string[] {
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
