/** Conditions in the status of objects. */

export interface Condition {
  readonly type:
    | "Accepted"
    | "ResolvedRefs"
    | "Programmed"
    | "Conflicted"
    | "OverlappingTLSConfig"
    | "PartiallyInvalid"
    | "InsecureFrontendValidationMode";
  readonly status: "True" | "False";
  readonly reason: string;
}

/** True with the reason when all is well, else False with it. */
export const condition = (type: Condition["type"], ok: boolean, reason: string): Condition => ({
  type,
  status: ok ? "True" : "False",
  reason,
});
