/** Whether a reference into another namespace is granted there (ReferenceGrant). */
import type { Cluster } from "../model/types.ts";
import { fields, list, text } from "./fields.ts";
import { GROUP } from "./objects.ts";
import type { Ref } from "./objects.ts";

export function isGranted(
  cluster: Cluster,
  from: { readonly kind: string; readonly namespace: string; readonly group?: string },
  to: Ref,
): boolean {
  if (from.namespace === to.namespace) return true;
  return cluster.gatewayObjects.some((grant) => {
    if (grant.kind !== "ReferenceGrant" || grant.metadata.namespace !== to.namespace) return false;
    const spec = fields(grant.spec);
    const isFrom = list(spec["from"])
      .map(fields)
      .some(
        (f) =>
          (text(f["group"]) ?? "") === (from.group ?? GROUP) &&
          f["kind"] === from.kind &&
          f["namespace"] === from.namespace,
      );
    const isTo = list(spec["to"])
      .map(fields)
      .some(
        (t) =>
          (text(t["group"]) ?? "") === to.group &&
          t["kind"] === to.kind &&
          (t["name"] === undefined || t["name"] === "" || t["name"] === to.name),
      );
    return isFrom && isTo;
  });
}
