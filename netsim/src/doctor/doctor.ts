/** Runs the checks over a cluster. Pure: no file is read and nothing is printed. */
import type { Cluster } from "../model/types.ts";
import { CHECKS } from "./checks.ts";
import { createContext } from "./context.ts";
import { createFingerprints } from "./fingerprint.ts";
import {
  SEVERITIES,
  type Check,
  type Diagnosis,
  type DoctorOptions,
  type Draft,
  type Failure,
  type Finding,
} from "./types.ts";

/**
 * What is wrong with a cluster, by the checks of netsim/docs/doctor.md. Ids in `options` may be given with or without `NS/`; ones that
 * there are not select nothing. Never rejects: a check that cannot be run is in `failures`.
 */
export async function doctor(cluster: Cluster, options: DoctorOptions = {}): Promise<Diagnosis> {
  const checks = selectChecks(options);
  const context = createContext(cluster, options);
  const fingerprint = createFingerprints();
  const found: Finding[] = [];
  const failures: Failure[] = [];
  for (const check of checks) {
    try {
      const drafts = await check.run(context);
      found.push(...drafts.map((draft) => finish(check, draft, fingerprint(check.id, draft))));
    } catch (error) {
      failures.push({ id: check.id, message: error instanceof Error ? error.message : String(error) });
    }
  }
  const least = SEVERITIES.indexOf(options.severity ?? "note");
  const findings = found.filter((f) => SEVERITIES.indexOf(f.severity) <= least).sort(worstFirst);
  const counts = { error: 0, warning: 0, note: 0 };
  for (const { severity } of findings) counts[severity]++;
  return { findings, failures, checks, counts };
}

/** The checks that `only` and `skip` leave. */
export function selectChecks({ only, skip = [] }: Pick<DoctorOptions, "only" | "skip">): readonly Check[] {
  const named = (list: readonly string[]) => new Set(list.map(fullId));
  const [wanted, unwanted] = [only === undefined ? undefined : named(only), named(skip)];
  return CHECKS.filter(({ id }) => (wanted === undefined || wanted.has(id)) && !unwanted.has(id));
}

/** `NS/mtu` for `mtu`. */
export const fullId = (id: string): string => (id.startsWith("NS/") ? id : `NS/${id}`);

function finish(check: Check, draft: Draft, fingerprint: string): Finding {
  return {
    id: check.id,
    title: check.title,
    ...draft,
    severity: draft.severity ?? check.severity,
    subjects: draft.subjects ?? [draft.at],
    fingerprint,
  };
}

function worstFirst(a: Finding, b: Finding): number {
  return (
    SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
    compare(a.at.file ?? "", b.at.file ?? "") ||
    (a.at.line ?? 0) - (b.at.line ?? 0) ||
    compare(a.id, b.id)
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
