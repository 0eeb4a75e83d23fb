/** What a workload's dnsConfig should say, by what its pods look up. */
import { dump } from "js-yaml";
import type { Summary, WorkloadWaste } from "../walk/summary.ts";
import { templatePath, type DnsOption, type Workloads } from "../workloads.ts";

export interface Patch {
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  readonly ndots: { readonly now: number; readonly then: number };
  /** A name that its search list finds, and with a lower ndots would not find first; null where there is none. */
  readonly because: string | null;
  /** Needless questions of the audit's time, how many of them go away, and names for which some are left. */
  readonly wasted: number;
  readonly saves: number;
  readonly left: readonly string[];
  /** To be merged into the object: `kubectl patch --patch-file`. */
  readonly body: object;
}

/** The kubelet's, and what no pod goes below here: SERVICE.NAMESPACE has one dot, and musl finds it in no other way. */
const USUAL_NDOTS = 5;
const LEAST_NDOTS = 2;
/** Less than this part of the needless questions is not worth a change. */
const LEAST_GAIN = 0.05;

/** For each workload that has a pod template and gains by it. */
export function patches({ workloads: wastes }: Summary, workloads: Workloads): Patch[] {
  return wastes.flatMap((waste) => {
    const patch = patchOf(waste, workloads);
    return patch === undefined ? [] : [patch];
  });
}

function patchOf(waste: WorkloadWaste, workloads: Workloads): Patch | undefined {
  const { namespace, kind, name, wasted, wasted_by_dots, found_by_dots } = waste;
  const path = templatePath(kind);
  if (path === undefined || !workloads.searches(waste)) return undefined;
  const options = workloads.optionsOf(waste);
  const now = Number(options.findLast((option) => option.name === "ndots")?.value ?? USUAL_NDOTS);
  // What its search list finds must go on being searched for first.
  const found = found_by_dots.findLastIndex((count, dots) => count > 0 && dots < now);
  const then = Math.max(LEAST_NDOTS, found + 1);
  const saves = wasted_by_dots.slice(then).reduce((sum, count) => sum + count, 0);
  if (!(then < now) || saves < wasted * LEAST_GAIN || saves === 0) return undefined;
  const left = waste.names.map((one) => one.name).filter((one) => one.split(".").length - 1 < then);
  return {
    namespace,
    kind,
    name,
    ndots: { now, then },
    because: found + 1 === then ? (waste.found_examples[found] ?? null) : null,
    wasted,
    saves,
    left,
    body: body(waste, path, withNdots(options, then)),
  };
}

/** The list is atomic in the API: whoever sets one option must repeat the others. */
function withNdots(options: readonly DnsOption[], ndots: number): DnsOption[] {
  return [...options.filter(({ name }) => name !== "ndots"), { name: "ndots", value: String(ndots) }];
}

const API_VERSIONS: Readonly<Record<string, string>> = {
  Job: "batch/v1",
  CronJob: "batch/v1",
  ReplicationController: "v1",
};

function body(
  { namespace, kind, name }: WorkloadWaste,
  path: readonly string[],
  options: readonly DnsOption[],
): object {
  const pod = { spec: { dnsConfig: { options } } };
  const patched = path.toReversed().reduce<object>((inner, key) => ({ [key]: inner }), pod);
  return { apiVersion: API_VERSIONS[kind] ?? "apps/v1", kind, metadata: { name, namespace }, ...patched };
}

/** A stream of YAML documents, each with what it is good for. */
export function patchText(patches: readonly Patch[]): string {
  return patches
    .map(({ namespace, kind, name, ndots, because, wasted, saves, left, body }) => {
      const lines = [
        `# ${kind} ${namespace}/${name}: ndots ${String(ndots.now)} to ${String(ndots.then)} saves ${String(saves)} of ${String(wasted)} needless queries`,
        ...(because === null ? [] : [`# not less, for its search list finds ${because}`]),
        ...(left.length === 0
          ? []
          : [`# still searched for: ${left.join(", ")}: a final dot helps those outside`]),
      ];
      return `${lines.join("\n")}\n${dump(body)}`;
    })
    .join("---\n");
}
