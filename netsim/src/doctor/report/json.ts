/** A diagnosis for programs. */
import type { Diagnosis } from "../types.ts";
import { manualPath } from "./markdown.ts";

/**
 * `{"findings": [{"id", "severity", "title", "message", "at", "subjects", "evidence", "why", "sources", "help", "fix": {"text",
 * "changes"}, "fingerprint"}], "counts": {"error", "warning", "note"}, "failures", "checks"}`.
 */
export function doctorJson({ findings, failures, counts, checks }: Diagnosis): object {
  const byId = new Map(checks.map((c) => [c.id, c]));
  return {
    findings: findings.map((finding) => {
      const { id, severity, title, message, at, subjects, evidence, fix, fingerprint } = finding;
      const check = byId.get(id);
      const why = check?.why ?? "";
      const help = manualPath(id);
      return {
        id,
        severity,
        title,
        message,
        at,
        subjects,
        evidence,
        why,
        sources: check?.sources ?? [],
        help,
        fix,
        fingerprint,
      };
    }),
    counts,
    failures,
    checks: checks.map(({ id }) => id),
  };
}
