/** Flags as Go's `flag` package reads them: one or two dashes, `-f v` or `-f=v`, the last of a repeated one, until the first word that is none. */
export interface FlagSpec {
  readonly name: string;
  /** Several names may set one value. */
  readonly key: string;
  readonly type: "string" | "boolean";
  readonly doc: string;
  readonly default?: string;
}

export type Flags =
  | {
      readonly kind: "flags";
      readonly values: Readonly<Record<string, string>>;
      readonly rest: readonly string[];
    }
  | { readonly kind: "help" }
  | { readonly kind: "error"; readonly message: string };

const BOOLEAN: Readonly<Record<string, string>> = Object.fromEntries([
  ...["1", "t", "T", "true", "TRUE", "True"].map((word) => [word, "true"]),
  ...["0", "f", "F", "false", "FALSE", "False"].map((word) => [word, "false"]),
]);

/** The value of a boolean is "true" or "false"; what is not given is missing. */
export function parseFlags(argv: readonly string[], specs: readonly FlagSpec[]): Flags {
  const values: Record<string, string> = {};
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === "--") return { kind: "flags", values, rest: argv.slice(i + 1) };
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(word);
    if (match === null) {
      if (word.startsWith("-") && word.length > 1)
        return { kind: "error", message: `bad flag syntax: ${word}` };
      return { kind: "flags", values, rest: argv.slice(i) };
    }
    const [, name, given] = match;
    const spec = specs.find((one) => one.name === name);
    if (spec === undefined) {
      if (name === "help" || name === "h") return { kind: "help" };
      return { kind: "error", message: `flag provided but not defined: -${name}` };
    }
    if (spec.type === "boolean") {
      const value = BOOLEAN[given ?? "true"];
      if (value === undefined)
        return { kind: "error", message: `invalid boolean value "${given}" for -${name}: parse error` };
      values[spec.key] = value;
      continue;
    }
    const value = given ?? argv[++i];
    if (value === undefined) return { kind: "error", message: `flag needs an argument: -${name}` };
    values[spec.key] = value;
  }
  return { kind: "flags", values, rest: [] };
}

export function usage(program: string, specs: readonly FlagSpec[]): string {
  const lines = [...specs]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, doc, default: fallback }) => {
      const suffix = fallback === undefined ? "" : ` (default "${fallback}")`;
      return `  -${name}${type === "string" ? " string" : ""}\n    \t${doc}${suffix}`;
    });
  return [`Usage of ${program}:`, ...lines, ""].join("\n");
}
