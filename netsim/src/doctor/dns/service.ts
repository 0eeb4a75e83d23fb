/** The DNS Service and the pods behind it. */
import type { Pod, Workload } from "../../model/types.ts";
import type { Context } from "../context.ts";
import { create, fix, patch, set } from "../fix.ts";
import { meant } from "../service/selector.ts";
import { selectorText } from "../service/shared.ts";
import { count, evidence, listText, placeOf } from "../place.ts";
import { DEBUG_DNS, KUBELET, NODELOCAL, POD_DNS } from "../sources.ts";
import type { Check, Draft, Fix } from "../types.ts";
import { LINK_LOCAL } from "../../trace/settings.ts";
import { nodeLocal } from "./nodelocal-parts.ts";

const isReady = ({ status }: Pod): boolean =>
  status.conditions?.find((c) => c.type === "Ready")?.status !== "False" &&
  (status.phase ?? "Running") === "Running";

const podId = ({ metadata }: Pod): string => `Pod ${metadata.namespace}/${metadata.name}`;

/** The workload whose pods the DNS Service selects. */
function dnsWorkload({ given, dns }: Context): Workload | undefined {
  const wanted = Object.entries(dns?.spec.selector ?? {});
  if (dns === undefined || wanted.length === 0) return undefined;
  return given.workloads.find(
    (w) =>
      w.metadata.namespace === dns.metadata.namespace &&
      w.kind !== "ReplicaSet" &&
      wanted.every(([k, v]) => w.spec.template.metadata.labels[k] === v),
  );
}

export const dnsEndpoints: Check = {
  id: "NS/dns-endpoints",
  title: "The DNS Service has no ready endpoint",
  severity: "error",
  why: "Every lookup of every pod goes to this Service. Without a ready endpoint it is refused or times out, and the cluster stands still though all else runs.",
  sources: [DEBUG_DNS],
  run: (context) => {
    const { dns } = context;
    if (dns === undefined) return serviceMissing(context);
    const ends = context.slicesOf(dns).flatMap((s) => s.endpoints);
    if (ends.some((e) => e.conditions?.ready !== false)) return [];
    const pods = context.selected(dns);
    const workload = dnsWorkload(context);
    const scaled = workload?.spec.replicas === 0;
    const slices = context.slicesOf(dns);
    // Neither slices nor pods: the input is a part of the cluster only.
    if (
      slices.every((s) => s.derived !== undefined) &&
      pods.length === 0 &&
      workload === undefined &&
      context.podsIn(dns.metadata.namespace).length === 0
    )
      return [];
    const { namespace, name } = dns.metadata;
    const around = context.podsIn(namespace).map((p) => p.metadata.labels);
    const corrected =
      pods.length > 0 || workload !== undefined ? undefined : meant(dns.spec.selector ?? {}, around);
    return [
      {
        message: `${namespace}/${name} has ${ends.length === 0 ? "no endpoints" : `${count(ends.length, "endpoint")}, none of them ready`}: no pod can look up a name`,
        at: placeOf(dns),
        evidence: [
          ...pods
            .slice(0, 3)
            .map((p) =>
              evidence(
                `${podId(p)}: ${isReady(p) ? "ready" : "not ready"}, phase ${p.status.phase ?? "unknown"}`,
                placeOf(p),
              ),
            ),
          ...(workload === undefined
            ? []
            : [
                evidence(
                  `${workload.kind} ${workload.metadata.name}: ${workload.spec.replicas ?? 1} replicas`,
                  placeOf(workload, ["spec", "replicas"]),
                ),
              ]),
        ],
        fix:
          corrected !== undefined
            ? fix(`select ${selectorText(corrected)}`, patch(dns, set(["spec", "selector"], corrected)))
            : scaled && workload !== undefined
              ? fix("run two replicas", patch(workload, set(["spec", "replicas"], 2)))
              : fix(
                  `see why: kubectl -n ${namespace} describe pods -l ${Object.entries(dns.spec.selector ?? {})
                    .map(([k, v]) => `${k}=${v}`)
                    .join(",")}; kubectl -n ${namespace} logs -l ... --previous`,
                ),
      },
    ];
  },
};

const IMAGE = /(^|\/)(coredns|clusterdns)(:|@|$)/;

/** DNS pods without the Service that pods ask. */
function serviceMissing(context: Context): readonly Draft[] {
  const pods = context.pods.filter(
    (p) =>
      p.metadata.namespace === "kube-system" &&
      p.metadata.labels["k8s-app"] === "kube-dns" &&
      p.spec.containers.some((c) => IMAGE.test(c.image ?? "")),
  );
  const [pod] = pods;
  if (pod === undefined) return [];
  const selector = { "k8s-app": "kube-dns" };
  const clusterIP = context.kubelet.nameserver ?? "10.96.0.10";
  return [
    {
      message:
        "there are DNS pods, and no Service kube-system/kube-dns that leads to them: no pod can look up a name",
      at: placeOf(pod),
      subjects: pods.map((p) => placeOf(p)),
      evidence: [evidence(`pods' resolv.conf names ${clusterIP}, which no Service has`, placeOf(pod))],
      fix: fix(
        "create the Service",
        create(pod, {
          apiVersion: "v1",
          kind: "Service",
          metadata: { name: "kube-dns", namespace: "kube-system", labels: selector },
          spec: {
            clusterIP,
            selector,
            ports: [
              { name: "dns", port: 53, protocol: "UDP" },
              { name: "dns-tcp", port: 53, protocol: "TCP" },
            ],
          },
        }),
      ),
    },
  ];
}

export const dnsOneReplica: Check = {
  id: "NS/dns-one-replica",
  title: "One replica serves the cluster's DNS",
  severity: "warning",
  why: "While that pod is restarted, moved or drained, no pod of the cluster can look up a name.",
  sources: [DEBUG_DNS],
  run: (context) => {
    const { dns, cluster } = context;
    if (dns === undefined || cluster.nodes.length < 2) return [];
    const ready = context
      .slicesOf(dns)
      .flatMap((s) => s.endpoints)
      .filter((e) => e.conditions?.ready !== false);
    const addresses = new Set(ready.map((e) => e.targetRef?.name ?? e.addresses[0]));
    if (addresses.size !== 1) return [];
    const workload = dnsWorkload(context);
    const replicas = workload?.spec.replicas ?? 1;
    return [
      {
        message: `one ready endpoint serves DNS for ${count(context.pods.length, "pod")}`,
        at: workload === undefined ? placeOf(dns) : placeOf(workload, ["spec", "replicas"]),
        evidence: [
          evidence(`the only ready endpoint is ${listText([...ready[0]!.addresses])}`, placeOf(dns)),
        ],
        fix:
          workload !== undefined && replicas < 2 && workload.kind === "Deployment"
            ? fix("run two replicas at least", patch(workload, set(["spec", "replicas"], 2)))
            : fix("make the other replicas ready"),
      },
    ];
  },
};

export const dnsOneNode: Check = {
  id: "NS/dns-one-node",
  title: "All DNS pods on one node",
  severity: "warning",
  why: "When that node goes, the DNS of the whole cluster goes, however many replicas there are.",
  sources: [DEBUG_DNS],
  run: (context) => {
    const { dns, given } = context;
    if (dns === undefined || given.nodes.length < 2) return [];
    const pods = context.selected(dns).filter(isReady);
    // Where only a Deployment is given, nobody knows yet where its pods will be.
    if (pods.length < 2 || pods.some((p) => p.derived !== undefined)) return [];
    const nodes = new Set(pods.map((p) => p.spec.nodeName ?? ""));
    const [node] = [...nodes];
    if (nodes.size > 1 || node === undefined || node === "") return [];
    const workload = dnsWorkload(context);
    const spread = [
      {
        maxSkew: 1,
        topologyKey: "kubernetes.io/hostname",
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels: dns.spec.selector ?? {} },
      },
    ];
    const text = `spread them over nodes, then delete one so that it is placed anew: kubectl -n ${dns.metadata.namespace} delete pod ${pods[0]?.metadata.name ?? ""}`;
    return [
      {
        message: `${count(pods.length, "DNS pod")} run on ${node}, none on the other ${given.nodes.length - 1}`,
        at: placeOf(workload ?? dns),
        subjects: pods.map((p) => placeOf(p)),
        evidence: pods
          .slice(0, 3)
          .map((p) => evidence(`${podId(p)} is on ${p.spec.nodeName ?? ""}`, placeOf(p))),
        fix:
          workload === undefined
            ? fix(text)
            : fix(
                text,
                patch(workload, set(["spec", "template", "spec", "topologySpreadConstraints"], spread)),
              ),
      },
    ];
  },
};

export const dnsTcp: Check = {
  id: "NS/dns-tcp",
  title: "The DNS Service has no TCP port",
  severity: "error",
  why: "Answers that do not fit a datagram are asked for again over TCP. Without port 53/TCP on the Service these lookups fail, and only these.",
  sources: [POD_DNS],
  run: ({ dns }) => {
    if (dns === undefined) return [];
    const { ports } = dns.spec;
    const udp = ports.find((p) => p.port === 53 && p.protocol === "UDP");
    if (ports.some((p) => p.port === 53 && p.protocol === "TCP")) return [];
    const unnamed = ports.flatMap((p, i) =>
      (p.name ?? "") === "" ? [set(["spec", "ports", i, "name"], i === 0 ? "dns" : `dns-${i}`)] : [],
    );
    const target = udp === undefined || udp.targetPort === 53 ? {} : { targetPort: udp.targetPort };
    const added = { name: "dns-tcp", port: 53, protocol: "TCP", ...target };
    return [
      {
        message: `${dns.metadata.namespace}/${dns.metadata.name} serves port 53 over UDP only`,
        at: placeOf(dns, ["spec", "ports"]),
        evidence: [
          evidence(
            `its ports: ${listText(
              ports.map((p) => `${p.port}/${p.protocol}`),
              5,
            )}`,
            placeOf(dns, ["spec", "ports"]),
          ),
        ],
        fix: fix("add port 53/TCP", patch(dns, ...unnamed, set(["spec", "ports", "-"], added))),
      },
    ];
  },
};

export const kubeletDnsAddress: Check = {
  id: "NS/kubelet-dns",
  title: "Kubelets give pods a nameserver that nobody serves",
  severity: "error",
  why: "clusterDNS of the kubelet's configuration is what pods find in resolv.conf. Where it is neither the DNS Service's address nor that of a NodeLocal cache, lookups time out.",
  sources: [KUBELET, NODELOCAL],
  run: (context) => {
    const { dns } = context;
    const [config] = context.others("KubeletConfiguration");
    const given = config?.["clusterDNS"];
    const ips = (dns?.spec.clusterIPs ?? []).filter((ip) => ip !== "None");
    if (config === undefined || !Array.isArray(given) || ips.length === 0) return [];
    const cache = nodeLocal(context);
    const near = cache === undefined ? [] : cache.localips.length > 0 ? cache.localips : [LINK_LOCAL];
    const wrong = given.filter((ip) => !ips.includes(ip as string) && !near.includes(ip as string));
    if (wrong.length === 0) return [];
    const name = `${dns?.metadata.namespace ?? ""}/${dns?.metadata.name ?? ""}`;
    const remedy: Fix = fix(`name ${listText(ips)}`, patch(config, set(["clusterDNS"], ips)));
    const found: Draft = {
      message: `clusterDNS is ${listText(wrong.map(String))}, and Service ${name} has ${listText(ips)}`,
      at: placeOf(config, ["clusterDNS"]),
      evidence:
        dns === undefined
          ? []
          : [evidence(`Service ${name} has ${listText(ips)}`, placeOf(dns, ["spec", "clusterIP"]))],
      fix: remedy,
    };
    return [found];
  },
};
