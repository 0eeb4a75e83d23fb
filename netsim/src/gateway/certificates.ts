/** What certificates that Gateways and policies refer to are good for: the Secret or ConfigMap is there, allowed, and holds PEM. */
import type { Cluster } from "../model/types.ts";
import { fields, text } from "./fields.ts";
import { isGranted } from "./grants.ts";
import type { Ref } from "./objects.ts";

interface From {
  readonly kind: string;
  readonly namespace: string;
}

/** `InvalidCertificateRef` and the like: each object has its own word for what cannot be used. */
export type RefState = "resolved" | "not-permitted" | "wrong-kind" | "unusable";

/** A certificate with its key, in a Secret of type kubernetes.io/tls. */
export function certificateState(cluster: Cluster, from: From, ref: Ref): RefState {
  if (ref.group !== "" || ref.kind !== "Secret") return "wrong-kind";
  if (!isGranted(cluster, from, ref)) return "not-permitted";
  // Input without any Secret leaves them out on purpose: then each is taken to be there.
  if (cluster.secrets.length === 0) return "resolved";
  const secret = cluster.secrets.find(
    ({ metadata }) => metadata.namespace === ref.namespace && metadata.name === ref.name,
  );
  return secret?.certificate !== undefined && secret.hasKey === true ? "resolved" : "unusable";
}

/** Certificates of authorities, below `ca.crt` of a ConfigMap or a Secret; input that has none at all leaves them out on purpose. */
export function authorityState(cluster: Cluster, from: From, ref: Ref): RefState {
  if (ref.group !== "" || (ref.kind !== "ConfigMap" && ref.kind !== "Secret")) return "wrong-kind";
  if (!isGranted(cluster, from, ref)) return "not-permitted";
  const isLeftOut =
    ref.kind === "Secret" ? cluster.secrets.length === 0 : authorityMaps(cluster).length === 0;
  return isLeftOut || authority(cluster, ref) !== undefined ? "resolved" : "unusable";
}

/** ConfigMaps that were made to hold an authority, well or badly. */
const authorityMaps = (cluster: Cluster) =>
  (cluster.others.get("ConfigMap") ?? []).filter(({ data }) => Object.hasOwn(fields(data), "ca.crt"));

/** PEM text of the authorities that a reference leads to; undefined where there is none. */
export function authority(cluster: Cluster, ref: Ref): string | undefined {
  const isNamed = ({ metadata }: { metadata: { namespace: string; name: string } }): boolean =>
    metadata.namespace === ref.namespace && metadata.name === ref.name;
  if (ref.kind === "Secret") return cluster.secrets.find(isNamed)?.authority;
  const found = text(fields(authorityMaps(cluster).find(isNamed)?.data)["ca.crt"]);
  return found !== undefined && isCertificate(found) ? found : undefined;
}

/** One block of base64 between the lines of a certificate at least (RFC 7468). */
const isCertificate = (pem: string): boolean =>
  /-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/.test(pem);
