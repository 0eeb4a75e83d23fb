/** Rules `{from: All | Same | Selector | None, selector}` about the namespaces that something may come from. */
import type { Cluster, LabelSelector } from "../model/types.ts";
import { compileSelector } from "../select/labels.ts";
import { fields, list, text, texts } from "./fields.ts";
import type { Fields } from "./fields.ts";

/** Whether a rule of an object in namespace `own` takes what is in namespace `other`. */
export function takesNamespace(
  cluster: Cluster,
  { from, selector }: { readonly from: string; readonly selector: Fields },
  own: string,
  other: string,
): boolean {
  if (from === "All") return true;
  if (from === "Same") return own === other;
  if (from !== "Selector") return false;
  const labels = cluster.namespaces.find(({ metadata }) => metadata.name === other)?.metadata.labels ?? {};
  return compileSelector(readSelector(selector)).matches(labels);
}

const OPERATORS = ["In", "NotIn", "Exists", "DoesNotExist"] as const;

function readSelector(selector: Fields): LabelSelector {
  const labels = Object.entries(fields(selector["matchLabels"]));
  return {
    matchLabels: Object.fromEntries(labels.map(([key, value]) => [key, String(value)])),
    matchExpressions: list(selector["matchExpressions"]).map((value) => {
      const { key, operator, values } = fields(value);
      return {
        key: text(key) ?? "",
        operator: OPERATORS.find((o) => o === operator) ?? "In",
        values: texts(values),
      };
    }),
  };
}
