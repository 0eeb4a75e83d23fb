/** Kubernetes label selectors, compiled once (apimachinery's LabelSelectorAsSelector). */
import type { LabelRequirement, LabelSelector, Labels } from "../model/types.ts";

/** A compiled selector. Equal selectors have the same `key`; `uses` names the label keys it looks at. */
export interface Selector {
  readonly key: string;
  readonly uses: readonly string[];
  matches(labels: Labels): boolean;
}

const has = (labels: Labels, key: string): boolean => Object.hasOwn(labels, key);

type Test = (labels: Labels) => boolean;

const equals = (key: string, value: string): Test => {
  return (labels) => has(labels, key) && labels[key] === value;
};

function requirement({ key, operator, values = [] }: LabelRequirement): Test {
  if (operator === "Exists") return (labels) => has(labels, key);
  if (operator === "DoesNotExist") return (labels) => !has(labels, key);
  const among: Test = (labels) => has(labels, key) && values.includes(labels[key] as string);
  return operator === "In" ? among : (labels) => !among(labels);
}

/** Neither keys nor values have control characters. */
const canonical = ({ key, operator, values = [] }: LabelRequirement): string =>
  `${key}\u0001${operator}\u0001${[...new Set(values)].sort().join("\u0002")}`;

const EVERYTHING: Selector = { key: "", uses: [], matches: () => true };

/** `{}` matches everything; In needs the key, NotIn is true without it; a `matchLabels` value of "" needs the key too. */
export function compileSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): Selector {
  const labels = Object.entries(matchLabels);
  const [first] = labels;
  if (matchExpressions.length === 0) {
    if (first === undefined) return EVERYTHING;
    const [key, value] = first;
    if (labels.length === 1)
      return { key: `${key}\u0001In\u0001${value}`, uses: [key], matches: equals(key, value) };
  }
  const tests = [...labels.map(([key, value]) => equals(key, value)), ...matchExpressions.map(requirement)];
  const parts = [
    ...labels.map(([key, value]) => `${key}\u0001In\u0001${value}`),
    ...matchExpressions.map(canonical),
  ];
  return {
    key: parts.sort().join("\u0003"),
    uses: [...labels.map(([key]) => key), ...matchExpressions.map((e) => e.key)],
    matches: (of) => {
      for (const test of tests) if (!test(of)) return false;
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
