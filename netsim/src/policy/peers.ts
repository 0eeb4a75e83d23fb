/** The tests that several kinds of policy share. */
import type { LabelSelector } from "../model/types.ts";
import { contains, parsePrefix } from "../select/cidr.ts";
import { compileSelector } from "../select/labels.ts";
import type { Selector } from "../select/labels.ts";
import type { Endpoint } from "./endpoint.ts";
import type { PeerTest } from "./rule.ts";

/** A pod with an address of its own: label selectors select no others. */
export const isWorkload = (e: Endpoint): boolean => e.kind === "pod" && !e.onHost;

const selectors = new WeakMap<LabelSelector, Selector>();

function compiled(selector: LabelSelector): Selector {
  let known = selectors.get(selector);
  if (known === undefined) selectors.set(selector, (known = compileSelector(selector)));
  return known;
}

/** Pods by their labels and their namespace: a name, a selector of namespaces, or any (undefined). */
export function pods(
  namespace: string | LabelSelector | undefined,
  podSelector: LabelSelector | undefined,
): PeerTest {
  const pod = podSelector === undefined ? undefined : compiled(podSelector);
  const inNamespace = typeof namespace === "object" ? compiled(namespace) : undefined;
  const where =
    inNamespace === undefined ? `name ${typeof namespace === "string" ? namespace : "*"}` : inNamespace.key;
  return {
    key: `pods ${where} ${pod?.key ?? ""}`,
    uses: { labels: pod?.uses ?? [] },
    test: (e) => {
      if (!isWorkload(e)) return false;
      if (typeof namespace === "string" && e.namespace !== namespace) return false;
      if (inNamespace !== undefined && !inNamespace.matches(e.namespaceLabels)) return false;
      return pod === undefined || pod.matches(e.labels);
    },
  };
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
  const node = compiled(selector);
  return { key: `nodes ${node.key}`, uses: {}, test: (e) => e.kind === "node" && node.matches(e.labels) };
};

export const EVERY_WORKLOAD: PeerTest = { key: "workloads", uses: {}, test: isWorkload };
export const OWN_HOST: PeerTest = { key: "own host", uses: {}, test: (e, local) => local && e.onHost };
