import { capability, type Capability } from "../plugin.ts";
import type { ClusterIndex } from "./cluster-index.ts";
import type { Settings } from "./settings.ts";

/** What `kubernetes` lets other plugins of its block see: what there is, and how it is shown. */
export interface ClusterView {
  readonly index: ClusterIndex;
  readonly settings: Settings;
}

export const CLUSTER: Capability<ClusterView> = capability("cluster");
