/** An index that follows an API server, as the kubernetes plugin has one, and what tests ask of it. */
import { setTimeout as sleep } from "node:timers/promises";
import { apiServerSource, type ApiServerOptions } from "../../src/cluster/apiserver/source.ts";
import { ClusterIndex } from "../../src/cluster/cluster-index.ts";
import type { Kind } from "../../src/cluster/objects.ts";
import { parseSelector, type Selector } from "../../src/cluster/selector.ts";
import type { ClusterWatch, KindHealth } from "../../src/cluster/source.ts";

export interface ClusterFollower {
  readonly index: ClusterIndex;
  readonly watch: ClusterWatch;
  readonly logs: string[];
  health(kind: Kind): KindHealth;
  synced(): Promise<void>;
}

export const DNS_KINDS: readonly Kind[] = ["Namespace", "Service", "EndpointSlice"];

export function follow(
  options: ApiServerOptions,
  kinds: readonly Kind[] = DNS_KINDS,
  labels?: string,
): ClusterFollower {
  const logs: string[] = [];
  const index = new ClusterIndex({ kinds, now: Date.now });
  const source = apiServerSource({ ...options, log: (_level, text) => logs.push(text) });
  const watch = source.watch(
    {
      kinds,
      labels: labels === undefined ? undefined : (parseSelector(labels) as Selector),
      namespaceLabels: undefined,
      fields: { podNames: false, zones: false, podLabels: false },
    },
    index,
  );
  return {
    index,
    watch,
    logs,
    health: (kind) => watch.health().find((health) => health.kind === kind)!,
    synced: () =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`not synchronised: ${logs.join("; ")}`)), 20_000);
        index.whenSynced(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}

/** Milliseconds until `condition` holds, looked at every half; rejects after `limit`. */
export async function until(condition: () => boolean, limit: number, what: string): Promise<number> {
  const started = performance.now();
  while (!condition()) {
    if (performance.now() - started > limit) throw new Error(`not within ${limit} ms: ${what}`);
    await sleep(0.5);
  }
  return performance.now() - started;
}
