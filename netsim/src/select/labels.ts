/** Kubernetes label selectors, compiled once (apimachinery's LabelSelectorAsSelector). */
import type { LabelSelector, Labels } from "../model/types.ts";

/** A compiled selector. Equal selectors have the same `key`; `uses` names the label keys it looks at. */
export interface Selector {
  readonly key: string;
  readonly uses: readonly string[];
  matches(labels: Labels): boolean;
}

const has = (labels: Labels, key: string): boolean => Object.hasOwn(labels, key);

/** `{}` matches everything; In needs the key, NotIn is true without it; a `matchLabels` value of "" needs the key too. */
export function compileSelector(selector: LabelSelector): Selector {
  const tests: ((labels: Labels) => boolean)[] = [];
  const uses = new Set<string>();
  const parts: string[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    uses.add(key);
    parts.push(JSON.stringify([key, "In", [value]]));
    tests.push((labels) => has(labels, key) && labels[key] === value);
  }
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    uses.add(key);
    const among = new Set(values);
    const withValues = operator === "In" || operator === "NotIn";
    parts.push(JSON.stringify([key, operator, withValues ? [...among].sort() : []]));
    if (operator === "In") tests.push((labels) => has(labels, key) && among.has(labels[key] as string));
    else if (operator === "NotIn")
      tests.push((labels) => !has(labels, key) || !among.has(labels[key] as string));
    else if (operator === "Exists") tests.push((labels) => has(labels, key));
    else tests.push((labels) => !has(labels, key));
  }
  return {
    key: parts.sort().join("&"),
    uses: [...uses],
    matches: (labels) => {
      for (const test of tests) if (!test(labels)) return false;
      return true;
    },
  };
}

/** For people: `app=web,tier in (mid,data),!canary`; "all" when it selects everything. */
export function selectorText(selector: LabelSelector): string {
  const parts = Object.entries(selector.matchLabels ?? {}).map(([k, v]) => `${k}=${v}`);
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    if (operator === "Exists") parts.push(key);
    else if (operator === "DoesNotExist") parts.push(`!${key}`);
    else parts.push(`${key} ${operator === "In" ? "in" : "notin"} (${values.join(",")})`);
  }
  return parts.length === 0 ? "all" : parts.join(",");
}
