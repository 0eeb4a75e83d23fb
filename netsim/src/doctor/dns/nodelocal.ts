/** NodeLocal DNSCache: what must fit together for pods to be served by the cache on their node. */
import { checkCorefile } from "clusterdns";
import type { Workload } from "../../model/types.ts";
import { LINK_LOCAL } from "../../trace/settings.ts";
import { fix, patch, set } from "../fix.ts";
import { evidence, listText, placeInText, placeOf } from "../place.ts";
import { NODELOCAL } from "../sources.ts";
import type { Check } from "../types.ts";
import { argumentsOf } from "./corefile.ts";
import { nodeLocal, optionOf } from "./nodelocal-parts.ts";

const SPEC = ["spec", "template", "spec"];
const containerIndex = ({ spec }: Workload, name: string): number =>
  Math.max(
    0,
    spec.template.spec.containers.findIndex((c) => c.name === name),
  );

export const nodeLocalNetwork: Check = {
  id: "NS/nodelocal-network",
  title: "NodeLocal DNSCache outside of its node's network",
  severity: "error",
  why: "The cache binds an address of the node and changes its firewall: it must be in the node's network (hostNetwork), and have the node's resolver as its own (dnsPolicy Default), or it asks itself.",
  sources: [NODELOCAL],
  run: (context) => {
    const { workload } = nodeLocal(context) ?? {};
    if (workload === undefined) return [];
    const { hostNetwork, dnsPolicy } = workload.spec.template.spec;
    const wrong = [
      ...(hostNetwork === true ? [] : ["hostNetwork is not true"]),
      // ClusterFirst in the node's network is the node's resolver too.
      ...(dnsPolicy === "ClusterFirstWithHostNet" ? ["dnsPolicy is ClusterFirstWithHostNet"] : []),
    ];
    if (wrong.length === 0) return [];
    return [
      {
        message: wrong.join(", and "),
        at: placeOf(workload, SPEC),
        evidence: wrong.map((w) => evidence(w, placeOf(workload, SPEC))),
        fix: fix(
          "set hostNetwork: true and dnsPolicy: Default",
          patch(workload, set([...SPEC, "hostNetwork"], true), set([...SPEC, "dnsPolicy"], "Default")),
        ),
      },
    ];
  },
};

export const nodeLocalAddress: Check = {
  id: "NS/nodelocal-address",
  title: "NodeLocal DNSCache does not bind the address that it has",
  severity: "error",
  why: "`-localip` puts addresses on the node, `bind` in the Corefile listens on them. Where they differ nobody answers at the address that pods ask.",
  sources: [NODELOCAL],
  run: async (context) => {
    const cache = nodeLocal(context);
    const { corefile, configMap, localips = [], workload, container } = cache ?? {};
    if (corefile === undefined || configMap === undefined || workload === undefined || localips.length === 0)
      return [];
    if (/__PILLAR__LOCAL__DNS__/.test(corefile)) return [];
    const { blocks } = await checkCorefile(corefile);
    const binds = blocks.flatMap((b) => b.lines.filter((l) => l.name === "bind"));
    const bound = [...new Set(binds.flatMap(argumentsOf))].filter((a) => /^[0-9a-f.:]+$/.test(a));
    const missing = localips.filter((ip) => !bound.includes(ip));
    const extra = bound.filter((ip) => !localips.includes(ip));
    if (binds.length === 0 || (missing.length === 0 && extra.length === 0)) return [];
    const words = container?.args !== undefined ? "args" : "command";
    const list = container?.[words] ?? [];
    const index = list.indexOf(optionOf(container, "localip") ?? "");
    const path = [
      ...SPEC,
      "containers",
      containerIndex(workload, container?.name ?? ""),
      words,
      Math.max(0, index),
    ];
    const line = binds[0]?.tokens[0]?.line ?? 1;
    return [
      {
        message: `-localip is ${listText(localips)}, and the Corefile binds ${listText(bound)}`,
        at: placeOf(workload, path),
        evidence: [
          evidence(`bind ${bound.join(" ")}`, placeInText(configMap, ["data", "Corefile"], line)),
          evidence(`-localip ${localips.join(",")}`, placeOf(workload, path)),
        ],
        fix:
          index < 0 || bound.length === 0
            ? fix("write the same addresses in both")
            : fix(`set -localip to what is bound`, patch(workload, set(path, bound.join(",")))),
      },
    ];
  },
};

export const nodeLocalUpstream: Check = {
  id: "NS/nodelocal-upstream",
  title: "NodeLocal DNSCache asks a Service that is not there",
  severity: "error",
  why: "`-upstreamsvc` names the Service in kube-system behind which the cluster's DNS is. Its cluster IP is what the cache forwards to; without the Service it cannot answer for the cluster.",
  sources: [NODELOCAL],
  run: (context) => {
    const { workload, container } = nodeLocal(context) ?? {};
    const name = optionOf(container, "upstreamsvc");
    const { dns } = context;
    if (workload === undefined || name === undefined || dns === undefined) return [];
    const { namespace } = workload.metadata;
    if (context.service(namespace, name) !== undefined || name === dns.metadata.name) return [];
    // The manifest's own kube-dns-upstream is a Service that comes with it.
    const words = container?.args !== undefined ? "args" : "command";
    const list = container?.[words] ?? [];
    const index = list.indexOf(name);
    const path = [
      ...SPEC,
      "containers",
      containerIndex(workload, container?.name ?? ""),
      words,
      Math.max(0, index),
    ];
    return [
      {
        message: `-upstreamsvc is ${name}, and there is no Service ${namespace}/${name}`,
        at: placeOf(workload, path),
        evidence: [
          evidence(`the DNS Service is ${dns.metadata.namespace}/${dns.metadata.name}`, placeOf(dns)),
        ],
        fix: fix(
          `name ${dns.metadata.name}`,
          ...(index < 0 ? [] : [patch(workload, set(path, dns.metadata.name))]),
        ),
      },
    ];
  },
};

export const nodeLocalUnused: Check = {
  id: "NS/nodelocal-unused",
  title: "Nobody asks the NodeLocal DNSCache",
  severity: "warning",
  why: "With kube-proxy in IPVS mode, or Cilium in its place, the cache cannot take packets for the DNS Service's address: pods must have the cache's own address in resolv.conf (clusterDNS of the kubelets).",
  sources: [NODELOCAL],
  run: (context) => {
    const cache = nodeLocal(context);
    const { mode } = context.site;
    const { nameserver } = context.kubelet;
    if (cache === undefined || mode === "iptables" || mode === "nftables") return [];
    const own = cache.localips.filter((ip) => !(context.dns?.spec.clusterIPs ?? []).includes(ip));
    const address = own[0] ?? LINK_LOCAL;
    if (nameserver === undefined || nameserver === address || own.includes(nameserver)) return [];
    // Cilium's redirect of the Service to the pod on the node.
    if (context.others("CiliumLocalRedirectPolicy").length > 0) return [];
    const [config] = context.others("KubeletConfiguration");
    const place = cache.workload ?? cache.configMap;
    return [
      {
        message: `pods ask ${nameserver}, and in ${mode} mode the cache is at ${address} only`,
        at: config === undefined ? placeOf(place!) : placeOf(config, ["clusterDNS"]),
        evidence: [
          evidence(`the service proxy's mode is ${mode}`),
          evidence(`pods' resolv.conf: nameserver ${nameserver}`),
        ],
        fix:
          config === undefined
            ? fix(`set clusterDNS: [${address}] in the kubelets' configuration`)
            : fix(`set clusterDNS to ${address}`, patch(config, set(["clusterDNS"], [address]))),
      },
    ];
  },
};

export const nodeLocalChecks: readonly Check[] = [
  nodeLocalNetwork,
  nodeLocalAddress,
  nodeLocalUpstream,
  nodeLocalUnused,
];
