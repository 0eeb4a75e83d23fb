/** Rules that the agent takes, and that hardly mean what their author thinks. */
import type { Path } from "../../model/read.ts";
import type { CiliumRule, CiliumSpec } from "../../model/types.ts";
import type { PeerTest } from "../rule.ts";

export interface Surprise {
  readonly path: Path;
  readonly message: string;
}

/** `peersOf` is what the rule's peers come to in this cluster. */
export function surprises(
  spec: CiliumSpec,
  at: Path,
  peersOf: (rule: CiliumRule) => readonly PeerTest[] | "everybody" | "nobody",
): Surprise[] {
  const out: Surprise[] = [];
  for (const direction of ["ingress", "egress"] as const) {
    for (const [i, rule] of (spec[direction] ?? []).entries()) {
      const path = [...at, direction, i];
      const everybody = peersOf(rule) === "everybody";
      const ports = (rule.toPorts ?? []).length + (rule.icmps ?? []).length > 0;
      const all = direction === "ingress" ? "fromEntities: [all]" : "toEntities: [all]";
      if (everybody && (rule.toServices ?? []).length > 0) {
        const effect = ports ? "its ports are open to everybody" : "it allows nothing";
        out.push({ path, message: `names no Service that there is: ${effect}` });
      } else if (everybody && !ports) {
        out.push({
          path,
          message: `names neither peers nor ports: it isolates, and allows nothing (for everything, write ${all})`,
        });
      }
    }
  }
  return out;
}
