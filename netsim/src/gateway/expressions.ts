/** Regular expressions of manifests: in linear time where RE2 knows them, so that no path of a client can stall a proxy. */
import { RE2JS } from "re2js";

export interface Expression {
  /** Whether all of the text matches. */
  matches(text: string): boolean;
  /** The first match with its groups (absent ones empty) and where it stands; undefined without one. */
  find(
    text: string,
  ): { readonly groups: readonly string[]; readonly start: number; readonly end: number } | undefined;
}

const NOTHING: Expression = { matches: () => false, find: () => undefined };
const compiled = new Map<string, Expression>();

/** An expression in RE2's or else Perl's syntax as JavaScript has it; what is none matches nothing. */
export function expression(text: string, options: { readonly ignoreCase?: boolean } = {}): Expression {
  const key = `${options.ignoreCase === true ? "i" : "-"}${text}`;
  const known = compiled.get(key);
  if (known !== undefined) return known;
  if (compiled.size > 1000) compiled.clear();
  const made = re2(text, options.ignoreCase === true) ?? native(text, options.ignoreCase === true) ?? NOTHING;
  compiled.set(key, made);
  return made;
}

function re2(text: string, ignoreCase: boolean): Expression | undefined {
  try {
    const pattern = RE2JS.compile(text, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
    return {
      matches: (whole) => pattern.matcher(whole).matches(),
      find(within) {
        const matcher = pattern.matcher(within);
        if (!matcher.find()) return undefined;
        const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, i) => matcher.group(i) ?? "");
        return { groups, start: matcher.start(), end: matcher.end() };
      },
    };
  } catch {
    return undefined;
  }
}

/** Look-around and back-references, which RE2 leaves out. */
function native(text: string, ignoreCase: boolean): Expression | undefined {
  try {
    const flags = ignoreCase ? "i" : "";
    const [part, whole] = [new RegExp(text, flags), new RegExp(`^(?:${text})$`, flags)];
    return {
      matches: (all) => whole.test(all),
      find(within) {
        const found = part.exec(within);
        if (found === null) return undefined;
        const groups = [...found].map((group) => (group as string | undefined) ?? "");
        return { groups, start: found.index, end: found.index + (groups[0]?.length ?? 0) };
      },
    };
  } catch {
    return undefined;
  }
}
