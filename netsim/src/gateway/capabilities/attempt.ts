/** Experiments: a thing said in manifests, and what shows that it was understood. */
import type { Cluster } from "../../model/types.ts";
import type { Controller } from "../ingress/table.ts";
import type { Answer, GatewayRequest } from "../request.ts";

/** A way to say something in manifests, and how to see that it was understood. */
export interface Attempt {
  readonly objects: readonly object[];
  /** Whether the answers show it. */
  shows(
    ask: (request?: Partial<GatewayRequest> & { readonly port?: number }) => Answer,
    cluster: Cluster,
  ): boolean;
}

export interface Experiment {
  readonly name: string;
  readonly gateway: Attempt;
  /** How it is said there, in the names of fields. */
  readonly how: string;
  /** The nearest that the fields of an Ingress come to it. */
  readonly ingress: Attempt;
  /** The same with annotations. */
  readonly annotated: Partial<Readonly<Record<Controller, Attempt>>>;
}
