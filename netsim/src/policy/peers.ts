/** The tests that several kinds of policy share. */
import type { LabelSelector } from "../model/types.ts";
import { contains, parsePrefix } from "../select/cidr.ts";
import { compileSelector } from "../select/labels.ts";
import type { Endpoint } from "./endpoint.ts";
import type { PeerTest, Scope, Uses } from "./rule.ts";

/** A pod with an address of its own: label selectors select no others. */
export const isWorkload = (e: Endpoint): boolean => e.kind === "pod" && !e.onHost;

/** Pods of this cluster by their labels and their namespace: a name, a selector of namespaces, or any (undefined). */
export function pods(
  namespace: string | LabelSelector | undefined,
  podSelector: LabelSelector | undefined,
): PeerTest {
  const pod = podSelector === undefined ? undefined : compileSelector(podSelector);
  const scope = namespace === undefined ? undefined : scopeOf(namespace);
  return {
    key: `pods ${scope?.key ?? "*"} ${pod?.key ?? ""}`,
    uses: pod === undefined ? NOTHING : { labels: pod.uses },
    ...(scope !== undefined && { scope }),
    test: (e) =>
      isWorkload(e) &&
      e.cluster === undefined &&
      (scope === undefined || scope.holds(e)) &&
      (pod === undefined || pod.matches(e.labels)),
  };
}

const NOTHING: Uses = {};

function scopeOf(namespace: string | LabelSelector): Scope {
  if (typeof namespace === "string")
    return { key: `name ${namespace}`, holds: (e) => e.namespace === namespace };
  const wanted = compileSelector(namespace);
  return { key: `in ${wanted.key}`, holds: (e) => wanted.matches(e.namespaceLabels) };
}

/** Addresses of a prefix, without some parts of it. Whoever has such an address. */
export function addresses(cidr: string, except: readonly string[] = []): PeerTest {
  const prefix = parsePrefix(cidr);
  const holes = except.flatMap((text) => parsePrefix(text) ?? []);
  return {
    key: `cidr ${cidr} ${except.join()}`,
    uses: { prefixes: prefix === undefined ? [] : [prefix, ...holes] },
    test: (e) =>
      prefix !== undefined && contains(prefix, e.address) && !holes.some((h) => contains(h, e.address)),
  };
}

export const nodesBy = (selector: LabelSelector): PeerTest => {
  const node = compileSelector(selector);
  return { key: `nodes ${node.key}`, uses: {}, test: (e) => e.kind === "node" && node.matches(e.labels) };
};

export const EVERY_WORKLOAD: PeerTest = { key: "workloads", uses: {}, test: isWorkload };
export const OWN_HOST: PeerTest = { key: "own host", uses: {}, test: (e, local) => local && e.onHost };
