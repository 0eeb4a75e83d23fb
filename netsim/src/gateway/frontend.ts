/** Client certificates that a Gateway asks for on its HTTPS listeners: `spec.tls.frontend` (GEP-91). */
import type { Cluster, OtherObject } from "../model/types.ts";
import { authorityState } from "./certificates.ts";
import { fields, list, number } from "./fields.ts";
import { readRef } from "./objects.ts";
import type { Listener, Ref } from "./objects.ts";

export interface ClientValidation {
  /** Authorities of which a client must have a certificate; none when nobody asks for one. */
  readonly authorities: readonly Ref[];
  /** Clients without a good certificate are let in as well. */
  readonly isInsecure: boolean;
  /** All that is referred to is unusable: the listener cannot be accepted. */
  readonly isUseless: boolean;
  readonly fault: "InvalidCACertificateRef" | "InvalidCACertificateKind" | "RefNotPermitted" | undefined;
}

const NONE: ClientValidation = { authorities: [], isInsecure: false, isUseless: false, fault: undefined };

/** What is asked of clients of a listener: by its port, else the Gateway's default; only HTTPS asks. */
export function clientValidation(
  cluster: Cluster,
  gateway: OtherObject,
  { protocol, port }: Pick<Listener, "protocol" | "port">,
): ClientValidation {
  const frontend = fields(fields(fields(gateway.spec)["tls"])["frontend"]);
  if (protocol !== "HTTPS") return NONE;
  const own = list(frontend["perPort"])
    .map(fields)
    .find((entry) => number(entry["port"]) === port);
  const validation = fields(fields(own === undefined ? frontend["default"] : own["tls"])["validation"]);
  const { namespace } = gateway.metadata;
  const refs = list(validation["caCertificateRefs"]).map((ref) => readRef(ref, namespace, "ConfigMap"));
  const states = refs.map((ref) => authorityState(cluster, { kind: "Gateway", namespace }, ref));
  const bad = states.find((state) => state !== "resolved");
  return {
    authorities: refs.filter((_, i) => states[i] === "resolved"),
    isInsecure: validation["mode"] === "AllowInsecureFallback",
    isUseless: refs.length > 0 && states.every((state) => state !== "resolved"),
    fault:
      bad === undefined
        ? undefined
        : bad === "not-permitted"
          ? "RefNotPermitted"
          : bad === "wrong-kind"
            ? "InvalidCACertificateKind"
            : "InvalidCACertificateRef",
  };
}
