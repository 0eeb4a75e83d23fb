/** Where traffic is told of: the cluster, its policies, and what its agents are set to tell. */
import type { Cluster } from "../../model/types.ts";
import type { Engine } from "../../policy/engine.ts";
import type { Mode } from "../../service/index.ts";
import type { Identities } from "./identities.ts";
import type { Workload } from "./workload.ts";

export interface Scene {
  readonly cluster: Cluster;
  readonly engine: Engine;
  readonly identities: Identities;
  readonly mode: Mode;
  readonly visibility: Workload["visibility"];
  /** Without aggregation: also where packets come from. */
  readonly everything: boolean;
  /** Cilium's policy audit mode: what would be denied is said, and let through. */
  readonly audit: boolean;
}
