/** One connection through a cluster written as YAML: what exhibits look at in its trace. */
import { trace, type TraceOptions } from "../../trace/trace.ts";
import type { Trace } from "../../trace/types.ts";
import { manifests, NODES, pod, service } from "./cluster.ts";

export interface Followed {
  readonly verdict: Trace["verdict"];
  readonly reason: Trace["reason"];
  /** Questions that the pod's resolver sent, and those that were answered. */
  readonly queries: number;
  readonly answered: number;
  /** How long the lookup took, in ms; 0 without one. */
  readonly ms: number;
  readonly addresses: readonly string[];
  /** What the trace says is to be changed. */
  readonly remedy: string;
  readonly trace: Trace;
}

export async function follow(
  yaml: string,
  from: string,
  to: string,
  options: TraceOptions = {},
): Promise<Followed> {
  const seen = await trace(manifests(NODES + yaml), from, to, options);
  const queries = seen.lookup?.queries ?? [];
  return {
    verdict: seen.verdict,
    reason: seen.reason,
    queries: queries.length,
    answered: queries.filter(({ answer }) => answer !== "drop").length,
    ms: seen.lookup?.result.ms ?? 0,
    addresses: seen.lookup?.result.addresses ?? [],
    remedy: seen.remedy?.change ?? seen.remedy?.text ?? "",
    trace: seen,
  };
}

/** Namespaces as every API server labels them. */
export const namespaces = (...names: string[]): string =>
  names
    .map(
      (name) => `
apiVersion: v1
kind: Namespace
metadata: { name: ${name}, labels: { kubernetes.io/metadata.name: ${name} } }
---`,
    )
    .join("");

/** The DNS Service and its pod. */
export const KUBE_DNS =
  namespaces("kube-system") +
  pod("kube-system/coredns", "10.244.2.53", { labels: "k8s-app: kube-dns", port: 53 }) +
  `
apiVersion: v1
kind: Service
metadata: { name: kube-dns, namespace: kube-system, labels: { k8s-app: kube-dns } }
spec:
  clusterIP: 10.96.0.10
  selector: { k8s-app: kube-dns }
  ports:
  - { name: dns, port: 53, targetPort: 53, protocol: UDP }
  - { name: dns-tcp, port: 53, targetPort: 53, protocol: TCP }
---`;

/** shop/web, and shop/db behind a Service. */
export const SHOP =
  namespaces("shop") +
  KUBE_DNS +
  pod("shop/web", "10.244.1.7") +
  pod("shop/db", "10.244.2.8", { port: 5432 }) +
  service("shop/db", "10.96.3.4", { port: 5432, targetPort: 5432 });

/** A NetworkPolicy for the egress of all pods of `shop`; `rules` are list items. */
export const egress = (rules: string): string => `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: egress, namespace: shop }
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress: ${rules === "" ? "[]" : `\n${rules}`}
---`;

export const TO_DB = "  - to: [{ podSelector: { matchLabels: { app: db } } }]";
export const TO_DNS = (ports = "[{ port: 53, protocol: UDP }, { port: 53, protocol: TCP }]"): string => `
  - to:
    - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: kube-system } }
      podSelector: { matchLabels: { k8s-app: kube-dns } }
    ports: ${ports}`;
