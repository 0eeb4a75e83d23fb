/** Selectors that find nobody: in the wrong namespace, or misspelt. */
import type { LabelSelector, NetworkPolicy, NetworkPolicyPeer, Pod } from "../../model/types.ts";
import { compileSelector, selectorText } from "../../select/labels.ts";
import type { Path } from "../../model/read.ts";
import { isDump, type Context } from "../context.ts";
import { fix, patch, set } from "../fix.ts";
import { nearest } from "../nearest.ts";
import { count, evidence, listText, placeOf, uniqueBy } from "../place.ts";
import { NETWORK_POLICIES } from "../sources.ts";
import type { Change, Check, Draft, Fix } from "../types.ts";

interface Peer {
  readonly policy: NetworkPolicy;
  readonly peer: NetworkPolicyPeer;
  /** The others of the same rule. */
  readonly beside: readonly NetworkPolicyPeer[];
  readonly path: Path;
}

function peersOf({ given }: Context): readonly Peer[] {
  return given.networkPolicies.flatMap((policy) => [
    ...(policy.spec.ingress ?? []).flatMap(({ from = [] }, i) =>
      from.map((peer, j) => ({ policy, peer, beside: from, path: ["spec", "ingress", i, "from", j] })),
    ),
    ...(policy.spec.egress ?? []).flatMap(({ to = [] }, i) =>
      to.map((peer, j) => ({ policy, peer, beside: to, path: ["spec", "egress", i, "to", j] })),
    ),
  ]);
}

const isEmpty = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector): boolean =>
  Object.keys(matchLabels).length + matchExpressions.length === 0;

const podId = ({ metadata }: Pod): string => `${metadata.namespace}/${metadata.name}`;

/** Labels that workloads would give to pods that are not there just now. */
const templateLabels = ({ given }: Context, namespace?: string) =>
  given.workloads
    .filter((w) => namespace === undefined || w.metadata.namespace === namespace)
    .map((w) => w.spec.template.metadata.labels);

export const podSelectorAlone: Check = {
  id: "NS/policy-pod-selector-alone",
  title: "podSelector without namespaceSelector",
  severity: "error",
  why: "A podSelector alone looks among the pods of the policy's own namespace. Pods of other namespaces, whatever their labels, need a namespaceSelector in the same list entry.",
  sources: [NETWORK_POLICIES],
  run: (context) => {
    const { podsIn } = context;
    return peersOf(context).flatMap(({ policy, peer, beside, path }): Draft[] => {
      const { podSelector, namespaceSelector } = peer;
      if (podSelector === undefined || namespaceSelector !== undefined || isEmpty(podSelector)) return [];
      const selector = compileSelector(podSelector);
      const { namespace } = policy.metadata;
      const here = [
        ...podsIn(namespace).map((p) => p.metadata.labels),
        ...templateLabels(context, namespace),
      ];
      const some = here.some((labels) => selector.matches(labels));
      const others = some ? strangers(context, policy) : context.pods;
      const elsewhere = others.filter(
        (p) => selector.matches(p.metadata.labels) && !beside.some((b) => selects(context, b, p)),
      );
      if (elsewhere.length === 0) return [];
      const namespaces = [...new Set(elsewhere.map((p) => p.metadata.namespace))].sort();
      const meant = namespacesSelector(namespaces);
      const have = `${count(elsewhere.length, "pod")} of ${listText(namespaces)} ${elsewhere.length === 1 ? "has" : "have"} it`;
      const what = selectorText(podSelector);
      return [
        {
          severity: some ? "note" : "error",
          message: some
            ? `${what} means pods of ${namespace} alone; ${have} too`
            : `no pod of ${namespace} has ${what}; ${have}`,
          at: placeOf(policy, path),
          subjects: uniqueBy(
            elsewhere.map((p) => placeOf(p)),
            (p) => `${p.object}`,
          ),
          evidence: elsewhere
            .slice(0, 3)
            .map((p) => evidence(`${podId(p)} has the labels, and is in another namespace`, placeOf(p))),
          fix: some
            ? fix(
                `where they are meant too, add a peer with a namespaceSelector for ${listText(namespaces)}`,
                patch(policy, set([...path.slice(0, -1), "-"], { namespaceSelector: meant, podSelector })),
              )
            : fix(
                `add a namespaceSelector for ${listText(namespaces)} to the same peer`,
                patch(policy, set([...path, "namespaceSelector"], meant)),
              ),
          cause: path.join("."),
        },
      ];
    });
  },
};

/** Whether a peer with a namespaceSelector takes the pod. */
function selects({ given }: Context, peer: NetworkPolicyPeer, { metadata }: Pod): boolean {
  const { namespaceSelector, podSelector = {} } = peer;
  const home = given.namespaces.find((n) => n.metadata.name === metadata.namespace);
  return (
    namespaceSelector !== undefined &&
    compileSelector(namespaceSelector).matches(home?.metadata.labels ?? {}) &&
    compileSelector(podSelector).matches(metadata.labels)
  );
}

/** Pods of other namespaces, but of those that have such pods as the policy is about themselves: they talk among each other. */
function strangers({ pods }: Context, { metadata, spec }: NetworkPolicy): readonly Pod[] {
  const subject = compileSelector(spec.podSelector);
  const served = new Set(
    pods.filter((p) => subject.matches(p.metadata.labels)).map((p) => p.metadata.namespace),
  );
  return pods.filter((p) => p.metadata.namespace !== metadata.namespace && !served.has(p.metadata.namespace));
}

function namespacesSelector(names: readonly string[]): LabelSelector {
  const key = "kubernetes.io/metadata.name";
  const [only] = names;
  if (names.length === 1 && only !== undefined) return { matchLabels: { [key]: only } };
  return { matchExpressions: [{ key, operator: "In", values: [...names] }] };
}

/** Label values by key, of pods and namespaces that a selector could have meant. */
function valuesOf(
  labelSets: readonly Readonly<Record<string, string>>[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const out = new Map<string, Set<string>>();
  for (const labels of labelSets) {
    for (const [key, value] of Object.entries(labels)) {
      const values = out.get(key);
      if (values === undefined) out.set(key, new Set([value]));
      else values.add(value);
    }
  }
  return out;
}

interface Correction {
  readonly from: string;
  readonly to: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The selector with its one misspelt key or value put right, where that finds something. */
function correction(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  candidates: readonly Readonly<Record<string, string>>[],
): Correction | undefined {
  const values = valuesOf(candidates);
  for (const [key, value] of Object.entries(matchLabels)) {
    const meant = nearest(value, values.get(key) ?? []);
    const otherKey = values.has(key) ? undefined : nearest(key, values.keys());
    const rest = Object.fromEntries(Object.entries(matchLabels).filter(([k]) => k !== key));
    const tries: [string, string][] = [];
    if (meant !== undefined) tries.push([key, meant]);
    if (otherKey !== undefined) tries.push([otherKey, value]);
    for (const [k, v] of tries) {
      const labels = { ...rest, [k]: v };
      const selector = compileSelector({ matchLabels: labels, matchExpressions });
      if (candidates.some((c) => selector.matches(c)))
        return { from: `${key}=${value}`, to: `${k}=${v}`, labels };
    }
  }
  return undefined;
}

const corrected = (policy: NetworkPolicy, path: Path, { from, to, labels }: Correction): Fix => {
  const change: Change = patch(policy, set([...path, "matchLabels"], labels));
  return fix(`write ${to} in the place of ${from}`, change);
};

export const selectsNothing: Check = {
  id: "NS/policy-selects-nothing",
  title: "A policy selects no pod",
  severity: "warning",
  why: "A policy whose podSelector finds nobody restricts nobody: what it was to protect is open. Most often a label is misspelt, or the policy is in the wrong namespace.",
  sources: [NETWORK_POLICIES],
  run: (context) =>
    context.given.networkPolicies.flatMap((policy): Draft[] => {
      const { podSelector } = policy.spec;
      const { namespace } = policy.metadata;
      if (isEmpty(podSelector)) return [];
      const selector = compileSelector(podSelector);
      const here = [
        ...context.podsIn(namespace).map((p) => p.metadata.labels),
        ...templateLabels(context, namespace),
      ];
      // Without a pod in the namespace the input is only a part of the cluster.
      if (here.length === 0 || here.some((labels) => selector.matches(labels))) return [];
      const meant = correction(podSelector, here);
      const elsewhere = context.pods.find((p) => selector.matches(p.metadata.labels));
      return [
        {
          severity: meant === undefined && elsewhere === undefined && !isDump(context) ? "note" : "warning",
          message: `none of the ${count(here.length, "pod")} of ${namespace} has ${selectorText(podSelector)}`,
          at: placeOf(policy, ["spec", "podSelector"]),
          evidence: [
            ...(meant === undefined ? [] : [evidence(`there are pods with ${meant.to}`)]),
            ...(elsewhere === undefined
              ? []
              : [evidence(`${podId(elsewhere)} has these labels, in another namespace`, placeOf(elsewhere))]),
          ],
          fix:
            meant !== undefined
              ? corrected(policy, ["spec", "podSelector"], meant)
              : fix(
                  elsewhere === undefined
                    ? "correct the labels, or delete the policy"
                    : `a policy selects pods of its own namespace: put it into ${elsewhere.metadata.namespace}`,
                ),
        },
      ];
    }),
};

export const peerSelectsNothing: Check = {
  id: "NS/policy-peer-selects-nothing",
  title: "A rule's selector finds nobody",
  severity: "warning",
  why: "A peer that selects no pod allows nobody. It is reported where another label is so near that a slip of the pen is likely.",
  sources: [NETWORK_POLICIES],
  run: (context) =>
    peersOf(context).flatMap(({ policy, peer, path }): Draft[] => {
      const { podSelector, namespaceSelector } = peer;
      const namespaces =
        namespaceSelector === undefined
          ? context.given.namespaces.filter((n) => n.metadata.name === policy.metadata.namespace)
          : context.given.namespaces.filter((n) =>
              compileSelector(namespaceSelector).matches(n.metadata.labels),
            );
      const found = (message: string, at: Path, meant: Correction): Draft[] => [
        {
          message,
          at: placeOf(policy, at),
          evidence: [evidence(`there are some with ${meant.to}`)],
          fix: corrected(policy, at, meant),
          cause: at.join("."),
        },
      ];
      if (namespaces.length === 0 && namespaceSelector !== undefined) {
        const meant = correction(
          namespaceSelector,
          context.given.namespaces.map((n) => n.metadata.labels),
        );
        if (meant === undefined) return [];
        return found(
          `no namespace has ${selectorText(namespaceSelector)}`,
          [...path, "namespaceSelector"],
          meant,
        );
      }
      if (podSelector === undefined || isEmpty(podSelector)) return [];
      const selector = compileSelector(podSelector);
      if (context.pods.some((p) => selector.matches(p.metadata.labels))) return [];
      const names = new Set(namespaces.map((n) => n.metadata.name));
      const inside = context.pods
        .filter((p) => names.has(p.metadata.namespace))
        .map((p) => p.metadata.labels);
      const planned = [...names].flatMap((n) => templateLabels(context, n));
      if (planned.some((labels) => selector.matches(labels))) return [];
      const meant = correction(podSelector, [...inside, ...planned]);
      if (meant === undefined) return [];
      return found(`no pod there has ${selectorText(podSelector)}`, [...path, "podSelector"], meant);
    }),
};
