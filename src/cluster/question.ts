import { labelsBefore, labelText, type Name } from "../dns/name.ts";

/**
 * What a name below a cluster's zone asks for: the schema of the Kubernetes DNS specification 1.1.0, read from the right.
 * Lower case; empty where the name does not say it.
 *
 *     SERVICE.NAMESPACE.svc                      ENDPOINT.SERVICE.NAMESPACE.svc        _PORT._PROTOCOL.SERVICE.NAMESPACE.svc
 *     ADDRESS.NAMESPACE.pod                      ENDPOINT.CLUSTER.SERVICE.NAMESPACE.svc (multi-cluster zones)
 *     TOPOLOGY.pin._zone.SERVICE.NAMESPACE.svc   (or `prefer`, where zonal names are on)
 */
export interface Question {
  /** Empty: the zone itself, `svc` or `pod`, which are always there. */
  readonly kind: "" | "svc" | "pod";
  readonly namespace: string;
  /** A pod's address for the kind `pod`. */
  readonly service: string;
  readonly endpoint: string;
  readonly cluster: string;
  /** Without their underscore. */
  readonly port: string;
  readonly protocol: string;
  /** Topology zone; may have dots. */
  readonly topology: string;
  /** All endpoints rather than none, where the topology zone has none. */
  readonly prefer: boolean;
}

export interface Schema {
  readonly multicluster: boolean;
  readonly zonal: boolean;
}

const ZONE_ITSELF: Question = {
  kind: "",
  namespace: "",
  service: "",
  endpoint: "",
  cluster: "",
  port: "",
  protocol: "",
  topology: "",
  prefer: false,
};

/** Reads `name`, which is within `zone` (both in lower case); undefined where the schema has no such name. */
export function readQuestion(name: Name, zone: Name, { multicluster, zonal }: Schema): Question | undefined {
  // As text, so that a label with a dot in it is never taken for a name with dots.
  const labels = (labelsBefore(name, zone) ?? []).map(labelText);
  const kind = labels.pop();
  if (kind === undefined) return ZONE_ITSELF;
  if (kind !== "svc" && kind !== "pod") return undefined;
  const namespace = labels.pop();
  if (namespace === undefined) return ZONE_ITSELF;
  const whole = { ...ZONE_ITSELF, kind, namespace, service: labels.pop() ?? "" } as const;
  const [first = "", second = ""] = labels;
  switch (labels.length) {
    case 0:
      return whole;
    case 1:
      return { ...whole, endpoint: first };
    case 2:
      return multicluster && !first.startsWith("_") && !second.startsWith("_")
        ? { ...whole, endpoint: first, cluster: second }
        : { ...whole, port: withoutUnderscore(first), protocol: withoutUnderscore(second) };
  }
  const [how, anchor] = labels.splice(-2);
  if (!zonal || multicluster || kind !== "svc" || anchor !== "_zone" || (how !== "pin" && how !== "prefer"))
    return undefined;
  return { ...whole, topology: labels.join("."), prefer: how === "prefer" };
}

const withoutUnderscore = (label: string): string => (label.startsWith("_") ? label.slice(1) : label);
