/** CPU profiles of ours: where the time of a workload goes. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The functions that take most time by themselves, as lines; the directory's last profile. */
export function hottest(directory: string, count = 30): string[] {
  const file = readdirSync(directory)
    .filter((name) => name.endsWith(".cpuprofile"))
    .sort()
    .at(-1);
  if (file === undefined) return [`no profile in ${directory}`];
  const { nodes, samples, timeDeltas } = JSON.parse(
    readFileSync(join(directory, file), "utf8"),
  ) as CpuProfile;
  const labels = new Map(nodes.map(({ id, callFrame }) => [id, labelOf(callFrame)]));
  const own = new Map<string, number>();
  samples.forEach((id, i) => {
    const label = labels.get(id)!;
    own.set(label, (own.get(label) ?? 0) + timeDeltas[i]!);
  });
  // The thread that waits for packets is no cost.
  own.delete("(idle)");
  const total = [...own.values()].reduce((sum, time) => sum + time, 0);
  const top = [...own].sort(([, a], [, b]) => b - a).slice(0, count);
  return [
    `${join(directory, file)} (open it in https://www.speedscope.app, or in Chrome's DevTools: Performance, Load profile)`,
    ...top.map(([label, time]) => `${((time / total) * 100).toFixed(1).padStart(6)} %  ${label}`),
  ];
}

function labelOf({ functionName, url, lineNumber }: CpuProfile["nodes"][number]["callFrame"]): string {
  const name = functionName === "" ? "(anonymous)" : functionName;
  const place = url.replace(/^file:\/\/.*?\/(dist|node_modules)\//, "");
  return place === "" ? name : `${name}  ${place}:${lineNumber + 1}`;
}
