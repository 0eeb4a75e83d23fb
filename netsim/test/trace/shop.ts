/** A small cluster for traces: a client, a database behind a Service, DNS; and what a trace of it must say. */
import type { TraceOptions } from "../../src/trace/trace.ts";
import type { Reason, Trace } from "../../src/trace/types.ts";
import { node, pod, service } from "../policy/make.ts";
import { through } from "./support.ts";

export const dns = [
  pod("kube-system/coredns-0", { "k8s-app": "kube-dns" }, "10.244.1.53", {
    ports: [{ containerPort: 53, protocol: "UDP" }],
  }),
  {
    ...service("kube-system/kube-dns", {
      clusterIP: "10.96.0.10",
      selector: { "k8s-app": "kube-dns" },
      ports: [
        { name: "dns", port: 53, protocol: "UDP" },
        { name: "dns-tcp", port: 53, protocol: "TCP" },
      ],
    }),
  },
];
const nodes = [1, 2].map((i) => ({
  ...node(`node-${i}`, `172.18.0.${i}`),
  spec: { podCIDR: `10.244.${i}.0/24` },
}));
export const base = [
  ...nodes,
  pod("shop/web", { app: "web" }, "10.244.1.2"),
  pod("data/db", { app: "db" }, "10.244.2.2", { node: "node-2", ports: [{ containerPort: 5432 }] }),
  service("data/db-svc", {
    clusterIP: "10.96.0.20",
    selector: { app: "db" },
    ports: [{ port: 80, targetPort: 5432 }],
  }),
];
export const usual = [...base, ...dns];
export const ask = (
  to: string,
  more: readonly object[] = [],
  options?: TraceOptions,
  from = "shop/web",
): Promise<Trace> => through([...usual, ...more], from, to, options);

export const is = (
  t: { match(found: unknown, wanted: unknown, message: string): unknown },
  trace: Trace,
  verdict: Trace["verdict"],
  reason: Reason,
  message?: string,
): void => {
  t.match({ verdict: trace.verdict, reason: trace.reason }, { verdict, reason }, message ?? reason);
};
