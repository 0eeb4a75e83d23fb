/** Verdicts in words: which rule, in which object, file and line. */
import { lineOf, objectName } from "../model/source.ts";
import type { KubeObject } from "../model/types.ts";
import type { Side } from "./judge.ts";
import type { Direction, RuleRef } from "./rule.ts";

/** Where a rule is written; file and line are absent for rules that are in no file (a pod's own node may reach it). */
export interface Place {
  readonly rule: string;
  readonly object: string;
  readonly file?: string;
  readonly line?: number;
}

export function placeOf({ object, path, text }: RuleRef): Place {
  const { file } = object.source;
  return {
    rule: text,
    object: objectName(object),
    ...(file !== "" && { file, line: lineOf(object.source, path) }),
  };
}

const at = (o: KubeObject): string => `${objectName(o)} (${o.source.file}:${o.source.line})`;

/** The rule's place, or the first policy's that isolates the end. */
export function sidePlace(side: Side): Place | undefined {
  if (side.rule !== undefined) return placeOf(side.rule);
  const [policy] = side.policies;
  if (policy === undefined) return undefined;
  return {
    rule: "no rule matches",
    object: objectName(policy),
    file: policy.source.file,
    line: policy.source.line,
  };
}

const SHOWN = 3;

/** One sentence for one end. */
export function sideText(side: Side, direction: Direction): string {
  const what = `${direction} ${side.action === "deny" ? "denied" : side.action === "redirect" ? "through a proxy" : "allowed"}`;
  if (side.rule !== undefined) {
    const { rule, object, file, line } = placeOf(side.rule);
    return `${what} by ${file === undefined ? rule : `${object} (${file}:${line}): ${rule}`}`;
  }
  if (side.reason === "no-policy") return `${what}: no policy selects the pod`;
  if (side.reason === "not-enforced") return `${what}: policy does not apply there`;
  if (side.reason === "default-allow") return `${what}: no rule matches, and nothing denies by default`;
  const more = side.policies.length > SHOWN ? ` and ${side.policies.length - SHOWN} more` : "";
  const isolating = side.policies.slice(0, SHOWN).map(at).join(", ") + more;
  return `${what}: ${side.policies.length === 1 ? "only the rules" : "only rules"} of ${isolating} allow, and none matches`;
}
