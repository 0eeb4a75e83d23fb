/**
 * Cilium's identities: the labels, with their sources, that its selectors see. A pod has its own labels (but for those the
 * agent leaves out), its namespace's under a prefix, and a few that Cilium adds; nodes and the outside have `reserved:` ones.
 */
import type { LabelRequirement, LabelSelector, Labels } from "../../model/types.ts";
import type { Endpoint } from "../endpoint.ts";
import { isWorkload } from "../peers.ts";
import type { PeerTest } from "../rule.ts";

export const POD_NAMESPACE = "io.kubernetes.pod.namespace";
export const NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels.";
export const CLUSTER = "io.cilium.k8s.policy.cluster";
const ACCOUNT = "io.cilium.k8s.policy.serviceaccount";
/** The cluster's name unless somebody gives it one. */
export const CLUSTER_NAME = "default";

export interface Identity {
  readonly k8s: Labels;
  readonly reserved: ReadonlySet<string>;
}

/** Pod labels that never become part of an identity (the agent's default label filter). */
const LEFT_OUT =
  /^(?:io\.kubernetes|kubernetes\.io|statefulset\.kubernetes\.io\/pod-name|apps\.kubernetes\.io\/pod-index|batch\.kubernetes\.io\/(?:job-completion-index|controller-uid)|.*beta\.kubernetes\.io|k8s\.io|pod-template-generation|pod-template-hash|controller-revision-hash|controller-uid|annotation|etcd_node|topology\.kubernetes\.io)/;

function podIdentity(e: Endpoint): Identity {
  const k8s: Record<string, string> = {};
  for (const [key, value] of Object.entries(e.labels)) if (!LEFT_OUT.test(key)) k8s[key] = value;
  for (const [key, value] of Object.entries(e.namespaceLabels)) k8s[NAMESPACE_LABELS + key] = value;
  k8s[POD_NAMESPACE] = e.namespace;
  k8s[CLUSTER] = e.cluster ?? CLUSTER_NAME;
  k8s[ACCOUNT] = e.serviceAccount;
  return { k8s, reserved: NONE };
}

const NONE: ReadonlySet<string> = new Set();

function hostIdentity(e: Endpoint, local: boolean): Identity {
  const reserved = new Set([local ? "host" : "remote-node", ...(e.apiServer ? ["kube-apiserver"] : [])]);
  return { k8s: local && e.kind === "node" ? e.labels : {}, reserved };
}

function worldIdentity(e: Endpoint): Identity {
  if (e.ingressProxy === true) return { k8s: {}, reserved: new Set(["ingress"]) };
  return {
    k8s: {},
    reserved: new Set([
      e.address.v6 ? "world-ipv6" : "world-ipv4",
      ...(e.apiServer ? ["kube-apiserver"] : []),
    ]),
  };
}

const known = new WeakMap<Endpoint, [remote: Identity, local: Identity]>();

/** `local`: seen from a pod on that node. */
export function identityOf(e: Endpoint, local: boolean): Identity {
  let both = known.get(e);
  if (both === undefined) {
    if (isWorkload(e)) both = twice(podIdentity(e));
    else both = e.onHost ? [hostIdentity(e, false), hostIdentity(e, true)] : twice(worldIdentity(e));
    known.set(e, both);
  }
  return both[local ? 1 : 0];
}

const twice = (i: Identity): [Identity, Identity] => [i, i];

/** Pods with the same identity share their named ports. */
export const identityKey = (e: Endpoint): string =>
  JSON.stringify(Object.entries(identityOf(e, false).k8s).sort());

/** A label key as selectors write it: `app` (any source), `k8s:app`, `reserved:host`, `$host`. */
export function parseKey(text: string): { source: string; key: string } {
  if (text.startsWith("$")) return { source: "reserved", key: text.slice(1) };
  const colon = text.indexOf(":");
  return colon < 0
    ? { source: "any", key: text }
    : { source: text.slice(0, colon), key: text.slice(colon + 1) };
}

/** A requirement on one label of an identity; `k8s:a In [b]` in canonical form. */
export interface Requirement extends LabelRequirement {
  readonly source: string;
}

export const requirement = (
  source: string,
  key: string,
  operator: Requirement["operator"],
  values: readonly string[] = [],
): Requirement => ({ source, key, operator, values });

/** A selector's requirements, as the agent reads them: a key without a source is of any. */
export function requirementsOf(selector: LabelSelector): Requirement[] {
  const labels = Object.entries(selector.matchLabels ?? {}).map(([text, value]) => {
    const { source, key } = parseKey(text);
    return requirement(source, key, "In", [value]);
  });
  const expressions = (selector.matchExpressions ?? []).map((e) => {
    const { source, key } = parseKey(e.key);
    return requirement(source, key, e.operator, e.values);
  });
  return [...labels, ...expressions];
}

function valueOf({ k8s, reserved }: Identity, source: string, key: string): string | undefined {
  if ((source === "any" || source === "k8s") && Object.hasOwn(k8s, key)) return k8s[key];
  if ((source === "any" || source === "reserved") && reserved.has(key)) return "";
  return undefined;
}

export function holds(r: Requirement, identity: Identity): boolean {
  const value = valueOf(identity, r.source, r.key);
  if (r.operator === "Exists") return value !== undefined;
  if (r.operator === "DoesNotExist") return value === undefined;
  const among = value !== undefined && (r.values ?? []).includes(value);
  return r.operator === "In" ? among : !among;
}

/** Endpoints whose identity meets all requirements. */
export function identityTest(requirements: readonly Requirement[]): PeerTest {
  const canonical = requirements.map((r) =>
    JSON.stringify([r.source, r.key, r.operator, [...(r.values ?? [])].sort()]),
  );
  return {
    key: `identity ${canonical.sort().join(" ")}`,
    uses: {
      labels: requirements.map((r) => r.key),
      account: requirements.some((r) => r.key === ACCOUNT),
    },
    test: (e, local) => {
      const identity = identityOf(e, local);
      for (const r of requirements) if (!holds(r, identity)) return false;
      return true;
    },
  };
}

const isKey = (r: Requirement, key: string) => r.key === key && (r.source === "any" || r.source === "k8s");

/**
 * The peers that a selector means in a policy of `namespace` ("" for a clusterwide one): its own namespace, unless the
 * selector speaks of namespaces; only pods, in a clusterwide policy; only this cluster. A selector of reserved labels
 * stays as it is.
 */
export function peerRequirements(selector: LabelSelector, namespace: string): Requirement[] {
  const out = requirementsOf(selector);
  if (out.some((r) => r.source === "reserved")) return out;
  if (!out.some((r) => isKey(r, POD_NAMESPACE))) {
    const byLabels = out.some(
      (r) => r.key.startsWith(NAMESPACE_LABELS) && (r.source === "any" || r.source === "k8s"),
    );
    if (namespace === "") out.push(requirement("k8s", POD_NAMESPACE, "Exists"));
    else if (!byLabels) out.push(requirement("k8s", POD_NAMESPACE, "In", [namespace]));
  }
  if (!out.some((r) => isKey(r, CLUSTER))) out.push(requirement("k8s", CLUSTER, "In", [CLUSTER_NAME]));
  return out;
}

/** The pods that a policy is about; in a namespaced one never those of another namespace. */
export function subjectRequirements(selector: LabelSelector, namespace: string): Requirement[] {
  const own = (r: Requirement) => r.source === "k8s" && r.key === POD_NAMESPACE && r.operator === "In";
  const out = requirementsOf(selector);
  if (namespace === "") return out;
  // A `k8s:` key of matchLabels is replaced by the own namespace, any other mention stays and selects nobody.
  const replaced = out.filter(
    (r) => !(own(r) && Object.hasOwn(selector.matchLabels ?? {}, `k8s:${POD_NAMESPACE}`)),
  );
  return [...replaced, requirement("k8s", POD_NAMESPACE, "In", [namespace])];
}
