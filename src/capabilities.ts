/** What plugins offer one another, within a server block: the keys that `provide` and `find` of the contract take. */
import type { ClusterIndex } from "./cluster/cluster-index.ts";
import type { Settings } from "./cluster/settings.ts";
import { capability, type Capability } from "./plugin.ts";

/** What `kubernetes` knows and how it shows it: for autopath, k8s_external, searchpath. */
export interface ClusterView {
  readonly index: ClusterIndex;
  readonly settings: Settings;
}

export const CLUSTER: Capability<ClusterView> = capability("cluster");
