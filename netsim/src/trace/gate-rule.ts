/** The rule of an Ingress or a route that takes a request, found again in its object and put into words. */
import type { Entrance } from "../gateway/index.ts";

export type Fields = Readonly<Record<string, unknown>>;
export const fields = (value: unknown): Fields =>
  typeof value === "object" && value !== null ? (value as Fields) : {};
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

type Rule = NonNullable<Entrance["answer"]["rule"]>;

export function ruleOf({ object, path }: Rule): Fields {
  let at: unknown = object;
  for (const key of path)
    at = typeof at === "object" && at !== null ? (at as Record<string | number, unknown>)[key] : undefined;
  return fields(at);
}

/** The rule as people would say it: its path, or its matches. */
export function ruleText({ answer }: Entrance): string | null {
  if (answer.rule === null) return null;
  const rule = ruleOf(answer.rule);
  if (typeof rule["path"] === "string") return `${String(rule["pathType"] ?? "")} ${rule["path"]}`.trim();
  const matches = list(rule["matches"]).map((m) => matchText(fields(m)));
  return matches.length === 0 ? "every request" : matches.join(" or ");
}

function matchText(match: Fields): string {
  const path = fields(match["path"]);
  const named = (key: string, sign: string) =>
    list(match[key]).map(
      (m) => `${key.slice(0, -1)} ${String(fields(m)["name"])}${sign}${String(fields(m)["value"])}`,
    );
  const method = fields(match["method"]);
  return [
    ...(path["value"] === undefined
      ? []
      : [`${String(path["type"] ?? "PathPrefix")} ${String(path["value"])}`]),
    ...(typeof match["method"] === "string" ? [match["method"]] : []),
    ...(method["service"] === undefined
      ? []
      : [`${String(method["service"])}/${String(method["method"] ?? "*")}`]),
    ...named("headers", ": "),
    ...named("queryParams", "="),
  ].join(", ");
}
