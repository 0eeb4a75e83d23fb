/** NodeLocal DNSCache as it stands in the input: its DaemonSet, its Corefile, the addresses that it serves. */
import type { Container, OtherObject, Workload } from "../../model/types.ts";
import { configText, LINK_LOCAL } from "../../trace/settings.ts";
import type { Context } from "../context.ts";

export interface NodeLocal {
  readonly workload: Workload | undefined;
  readonly container: Container | undefined;
  readonly configMap: OtherObject | undefined;
  readonly corefile: string | undefined;
  /** `-localip`, one by one; placeholders of the manifest left out. */
  readonly localips: readonly string[];
}

const IMAGE = /k8s-dns-node-cache|node-cache/;

/** Undefined where there is no NodeLocal cache. */
export function nodeLocal({ given }: Context): NodeLocal | undefined {
  const configMap = (given.others.get("ConfigMap") ?? []).find((m) => m.metadata.name === "node-local-dns");
  const runs = (w: Workload): Container | undefined =>
    w.spec.template.spec.containers.find((c) => IMAGE.test(c.image ?? "") || c.name === "node-cache");
  const workload = given.workloads.find((w) => w.kind === "DaemonSet" && runs(w) !== undefined);
  if (configMap === undefined && workload === undefined) return undefined;
  const container = workload && runs(workload);
  const localips = (optionOf(container, "localip") ?? "").split(",").filter((a) => /^[0-9a-f.:]+$/.test(a));
  return {
    workload,
    container,
    configMap,
    corefile: configText(given, "node-local-dns", "Corefile"),
    localips,
  };
}

/** The value of `-name`, written as one word or two. */
export function optionOf(container: Container | undefined, name: string): string | undefined {
  const words = [...(container?.command ?? []), ...(container?.args ?? [])];
  for (const [i, word] of words.entries()) {
    const match = /^--?([a-z-]+)(?:=(.*))?$/.exec(word);
    if (match?.[1] === name) return match[2] ?? words[i + 1];
  }
  return undefined;
}

/**
 * Addresses by which pods reach the cache on their node. With iptables and nftables it takes the cluster DNS's own address too, so
 * whatever pods' resolv.conf names.
 */
export function localAddresses(context: Context): readonly string[] {
  const found = nodeLocal(context);
  if (found === undefined) return [];
  const { nameserver } = context.kubelet;
  const { mode } = context.site;
  const taken = mode === "iptables" || mode === "nftables";
  const own = found.localips.length > 0 ? found.localips : [LINK_LOCAL];
  return nameserver !== undefined && (taken || own.includes(nameserver)) ? [nameserver] : [];
}
