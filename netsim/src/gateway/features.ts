/** What a GatewayClass says that its controller can do. */
import type { Cluster, OtherObject } from "../model/types.ts";
import { fields, list, text } from "./fields.ts";

/** Names as in `status.supportedFeatures` of GatewayClass (GEP-2162). */
export type Feature = "TLSRouteModeTerminate" | "TLSRouteModeMixed";

/** Whether the Gateway's class has a feature; a class that is not in the input, or lists none, has all. */
export function supports(cluster: Cluster, gateway: OtherObject, feature: Feature): boolean {
  const name = text(fields(gateway.spec)["gatewayClassName"]);
  const found = cluster.gatewayObjects.find(
    ({ kind, metadata }) => kind === "GatewayClass" && metadata.name === name,
  );
  const listed = list(fields(found?.status)["supportedFeatures"]);
  // The first version of the field was a list of strings.
  return listed.length === 0 || listed.some((f) => (text(f) ?? text(fields(f)["name"])) === feature);
}
