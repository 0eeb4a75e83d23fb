/** Values as Go's fmt package prints them. */
import { TemplateError } from "./lex.ts";

/** As `%v`; nothing is `<no value>`. */
export function formatValue(value: unknown): string {
  if (value === undefined) return "<no value>";
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(formatValue).join(" ")}]`;
  if (value instanceof Map) {
    const entries = [...(value as Map<string, unknown>)].sort(([a], [b]) => (a < b ? -1 : 1));
    return `map[${entries.map(([key, each]) => `${key}:${formatValue(each)}`).join(" ")}]`;
  }
  if (typeof value === "object" && "String" in value)
    return String((value as { String: () => string }).String());
  if (typeof value === "object")
    return `{${Object.values(value)
      .filter((each) => typeof each !== "function")
      .map(formatValue)
      .join(" ")}}`;
  return String(value);
}

/** `printf`: the verbs that text and numbers have. */
export function sprintf(format: string, args: readonly unknown[]): string {
  let next = 0;
  const out = format.replace(
    /%([-+# 0]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])/g,
    (_all, flags: string, width = "", precision: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      if (next >= args.length) return `%!${verb}(MISSING)`;
      return pad(formatVerb(verb, args[next++], flags, precision), flags, Number(width));
    },
  );
  const extra = args.slice(next);
  return extra.length === 0
    ? out
    : `${out}%!(EXTRA ${extra.map((each) => `${goType(each)}=${formatValue(each)}`).join(", ")})`;
}

function pad(text: string, flags: string, width: number): string {
  if (flags.includes("-")) return text.padEnd(width);
  if (!flags.includes("0")) return text.padStart(width);
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}

function formatVerb(verb: string, value: unknown, flags: string, precision: string | undefined): string {
  const isNumber = typeof value === "number" || typeof value === "bigint";
  const signed = (text: string): string => (flags.includes("+") && !text.startsWith("-") ? `+${text}` : text);
  const radix = (base: number, prefix: string): string => {
    const text = (value as number | bigint).toString(base);
    return signed(flags.includes("#") ? text.replace(/^-?/, (sign) => sign + prefix) : text);
  };
  switch (verb) {
    case "v":
      return isNumber ? signed(formatValue(value)) : formatValue(value);
    case "s":
      if (typeof value === "string")
        return precision === undefined ? value : [...value].slice(0, Number(precision)).join("");
      return isNumber || typeof value === "boolean"
        ? `%!s(${goType(value)}=${formatValue(value)})`
        : formatValue(value);
    case "q":
      return typeof value === "string" ? JSON.stringify(value) : formatValue(value);
    case "x":
    case "X": {
      const text = isNumber ? radix(16, "0x") : Buffer.from(String(value)).toString("hex");
      return verb === "X" ? text.toUpperCase() : text;
    }
    case "d":
      if (isNumber) return signed(String(value));
      break;
    case "b":
      if (isNumber) return radix(2, "0b");
      break;
    case "o":
      if (isNumber) return radix(8, "0");
      break;
    case "c":
      if (isNumber) return String.fromCodePoint(Number(value));
      break;
    case "f":
    case "e":
    case "g":
      if (!isNumber) break;
      if (verb === "e") return signed(Number(value).toExponential(Number(precision ?? 6)));
      return signed(verb === "f" ? Number(value).toFixed(Number(precision ?? 6)) : String(value));
    case "t":
      if (typeof value === "boolean") return String(value);
      break;
    case "T":
      return goType(value);
  }
  return `%!${verb}(${goType(value)}=${formatValue(value)})`;
}

function goType(value: unknown): string {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "uint64";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  if (value instanceof TemplateError) return "error";
  return Array.isArray(value) ? "[]interface {}" : "map[string]interface {}";
}
