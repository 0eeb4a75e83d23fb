/** Certificates that the conformance suite makes before its tests (conformance/utils/suite/suite.go), made anew. */
import { createAuthority } from "../../src/proxy/certificates.ts";
import type { KeyPair } from "../../src/proxy/certificates.ts";

const INFRA = "gateway-conformance-infra";
const APP = "gateway-conformance-app-backend";
const WEB = "gateway-conformance-web-backend";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const secret = (namespace: string, name: string, { certificate, key }: KeyPair): object => ({
  apiVersion: "v1",
  kind: "Secret",
  type: "kubernetes.io/tls",
  metadata: { namespace, name },
  data: { "tls.crt": base64(certificate), "tls.key": base64(key) },
});
const bundle = (namespace: string, name: string, certificate: string): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { namespace, name },
  data: { "ca.crt": certificate },
});

/** The objects, the certificate of the TLS backends, and those of clients by the port that wants them. */
export function makeSuite() {
  const [client, perPort, checks, passed, ended, other] = ["a", "b", "c", "d", "e", "f"].map((name) =>
    createAuthority(name),
  ) as [Authority, Authority, Authority, Authority, Authority, Authority];
  const backend = checks.issue([
    "abc.example.com",
    "spiffe://abc.example.com/test-identity",
    "other.example.com",
  ]);
  const clients = { 443: client.issue(["client"]), 8443: perPort.issue(["client"]) } as const;
  const passthrough = passed.issue(["abc.example.com"]);
  const objects = [
    secret(WEB, "certificate", other.issue(["*.example"])),
    secret(INFRA, "tls-validity-checks-certificate", other.issue(["*.org", "*.wildcard.org", "example.org"])),
    bundle(WEB, "web-backend-cm", other.certificate),
    bundle(INFRA, "tls-validity-checks-ca-certificate", client.certificate),
    secret(INFRA, "tls-validity-checks-client-certificate", clients[443]),
    bundle(INFRA, "tls-validity-checks-per-port-ca-certificate", perPort.certificate),
    secret(INFRA, "tls-validity-checks-per-port-client-certificate", clients[8443]),
    bundle(INFRA, "tls-checks-ca-certificate", checks.certificate),
    secret(INFRA, "tls-checks-certificate", backend),
    secret(INFRA, "tls-checks-client-certificate", checks.issue(["gateway"])),
    secret(INFRA, "tls-passthrough-checks-certificate", passthrough),
    secret(APP, "tls-passthrough-checks-certificate", passthrough),
    secret(INFRA, "tls-terminate-checks-certificate", ended.issue(["tls.example.com"])),
    bundle(INFRA, "mismatch-ca-certificate", other.certificate),
    { ...bundle(INFRA, "malformed-ca-certificate", ""), data: { "ca.crt": "no certificate" } },
  ];
  return { objects, backend, clients };
}

type Authority = ReturnType<typeof createAuthority>;
