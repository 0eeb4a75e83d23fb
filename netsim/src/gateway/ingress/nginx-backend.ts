/** What annotations of ingress-nginx say of the way to backends: protocol, checked TLS, mirrors. */
import type { Cluster, OtherObject } from "../../model/types.ts";
import { upstreamOf } from "../backends.ts";
import type { Upstream } from "../backends.ts";
import type { Answer, Target } from "../request.ts";
import { annotationsOf } from "./annotations.ts";

const annotation = annotationsOf("nginx.ingress.kubernetes.io");

/** `backend-protocol`, and `proxy-ssl-*` for checked certificates. nginx does not look at a port's appProtocol. */
export function nginxUpstream(cluster: Cluster, ingress: OtherObject, backend: Target): Upstream {
  const word = (annotation(ingress, "backend-protocol") ?? "HTTP").toUpperCase();
  const isTls = word === "HTTPS" || word === "GRPCS";
  const tls = isTls ? checkedTls(ingress) : undefined;
  return {
    ...upstreamOf(cluster, backend),
    protocol: word === "GRPC" || word === "GRPCS" ? "h2c" : "http",
    isUncheckedTls: isTls && tls === undefined,
    tls,
  };
}

/** Certificates are looked at with `proxy-ssl-verify: "on"` alone, by the `ca.crt` of `proxy-ssl-secret`. */
function checkedTls(ingress: OtherObject): Upstream["tls"] {
  const [namespace = "", name = ""] = (annotation(ingress, "proxy-ssl-secret") ?? "").split("/");
  if (annotation(ingress, "proxy-ssl-verify") !== "on" || name === "") return undefined;
  return {
    policy: ingress,
    hostname: annotation(ingress, "proxy-ssl-name") ?? "",
    subjectAltNames: [],
    authorities: [{ group: "", kind: "Secret", namespace, name }],
    isSystem: false,
    isBroken: false,
  };
}

/** `mirror-target`: a URL; only Services of the cluster can be mirrored to here. */
export function nginxMirrors(cluster: Cluster, ingress: OtherObject): Answer["mirrors"] {
  const url = annotation(ingress, "mirror-target")?.replace(/\$.*$/, "");
  if (url === undefined || !URL.canParse(url)) return [];
  const { hostname, port, protocol } = new URL(url);
  const [service = "", namespace = ingress.metadata.namespace] = hostname.split(".");
  const isService = cluster.services.some(
    ({ metadata }) => metadata.namespace === namespace && metadata.name === service,
  );
  const standard = protocol === "https:" ? 443 : 80;
  return isService ? [{ namespace, service, port: port === "" ? standard : Number(port), percent: 100 }] : [];
}
