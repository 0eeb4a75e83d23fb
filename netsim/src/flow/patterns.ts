/** Patterns of names with `*` (pkg/hubble/filters/patterns.go): `*` crosses dots; case and a final dot do not count. */

/** A pattern or a filter that cannot be used; the message is Hubble's. */
export class FilterError extends Error {}

const ANY_NAME = "(?:[-0-9_a-z]+(?:\\.[-0-9_a-z]+)*)";

function expression(pattern: string): string {
  const canonical = pattern.trim().replace(/\.$/, "").toLowerCase();
  if (canonical === "") throw new FilterError("empty pattern");
  if (canonical.endsWith(".")) throw new FilterError("multiple trailing dots in pattern");
  return [...canonical]
    .map((c) => {
      if (c === ".") return "\\.";
      if (c === "*") return "[-.0-9a-z]*";
      if (/[-_0-9a-z]/.test(c)) return c;
      throw new FilterError(`'${c}': invalid rune in pattern`);
    })
    .join("");
}

export function fqdnPattern(patterns: readonly string[]): RegExp {
  return new RegExp(`^(?:${patterns.map(expression).join("|")})$`);
}

/** `cluster/node`, `node` in any cluster, `cluster/` for all of its nodes. */
export function nodePattern(patterns: readonly string[]): RegExp {
  const one = (pattern: string): string => {
    if (pattern === "") throw new FilterError("empty pattern");
    const parts = pattern.split("/");
    if (parts.length > 2) throw new FilterError("too many slashes in pattern");
    const [cluster = "", node = ""] = parts.length === 1 ? ["", ...parts] : parts;
    return `${cluster === "" ? ANY_NAME : expression(cluster)}/${node === "" ? ANY_NAME : expression(node)}`;
  };
  return new RegExp(`^(?:${patterns.map(one).join("|")})$`);
}
