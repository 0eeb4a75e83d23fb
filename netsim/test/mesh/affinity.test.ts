import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { readSharing, selectBackends } from "../../src/mesh/affinity.ts";
import type { BackendState } from "../../src/mesh/affinity.ts";

interface Recorded {
  readonly id: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly backends: readonly {
    ip: string;
    state: BackendState | "unhealthy";
    cluster: "local" | "remote";
  }[];
  readonly selected: readonly string[];
  readonly global: boolean;
  readonly shared: boolean;
  readonly affinity: "none" | "local" | "remote";
  readonly warning?: string;
}

const find = (dir: string): string => (existsSync(join(dir, "test/mesh/data")) ? dir : find(dirname(dir)));
const DATA = join(find(dirname(fileURLToPath(import.meta.url))), "test/mesh/data");

t.test("annotations and the choice of backends, as Cilium has them", async (t) => {
  const cases = readFileSync(join(DATA, "affinity.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Recorded);
  t.ok(cases.length > 300);
  for (const { id, annotations, backends, selected, global, shared, affinity, warning } of cases) {
    const sharing = readSharing(annotations);
    t.same(sharing, { global, shared, affinity, warning }, id);
    const known = backends.map(({ ip, cluster, state }) => {
      const unhealthy = state === "unhealthy";
      return { ip, cluster, unhealthy, state: unhealthy ? ("active" as const) : state };
    });
    const chosen = selectBackends(sharing, known).map(({ ip }) => ip);
    t.same(chosen.toSorted(), selected.toSorted(), `${id}: ${JSON.stringify(backends)}`);
  }
});
