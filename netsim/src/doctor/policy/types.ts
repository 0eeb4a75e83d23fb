/** Rules that a policy has and nobody reads, lists that mean the opposite of what they look like. */
import type { NetworkPolicy } from "../../model/types.ts";
import { compileSelector } from "../../select/labels.ts";
import type { Context } from "../context.ts";
import { fix, patch, remove, set } from "../fix.ts";
import { count, evidence, placeOf } from "../place.ts";
import { NETWORK_POLICIES } from "../sources.ts";
import type { Check, Draft, Place } from "../types.ts";

const selectedBy = (context: Context, { metadata, spec }: NetworkPolicy) => {
  const selector = compileSelector(spec.podSelector);
  return context
    .podsIn(metadata.namespace)
    .filter((p) => p.spec.hostNetwork !== true && selector.matches(p.metadata.labels));
};

const subjectsOf = (
  policy: NetworkPolicy,
  pods: readonly Parameters<typeof placeOf>[0][],
): readonly Place[] => (pods.length === 0 ? [placeOf(policy)] : pods.map((p) => placeOf(p)));

/** A direction whose rules the policy's own `policyTypes` leave out. */
function unread(type: "Ingress" | "Egress") {
  const direction = type === "Egress" ? "egress" : "ingress";
  return (context: Context): Draft[] =>
    context.given.networkPolicies.flatMap((policy) => {
      const { policyTypes, [direction]: rules = [] } = policy.spec;
      if (policyTypes.includes(type) || rules.length === 0) return [];
      const pods = selectedBy(context, policy);
      const first = pods.flatMap((p) => context.endpointOf(p) ?? [])[0];
      const stages = first === undefined ? [] : context.engine.judge.stages(first, direction);
      const open = first !== undefined && !stages.some((s) => s.otherwise === "deny");
      return [
        {
          message: `${count(rules.length, `${direction} rule`)} ${rules.length === 1 ? "restricts" : "restrict"} nothing: policyTypes is [${policyTypes.join(", ")}]`,
          at: placeOf(policy, ["spec", "policyTypes"]),
          subjects: subjectsOf(policy, pods),
          evidence: [
            evidence(`the rules that nobody reads`, placeOf(policy, ["spec", direction])),
            ...(open
              ? [
                  evidence(
                    `${first.id}: no policy isolates its ${direction}, so all of it is allowed`,
                    placeOf(pods[0]!),
                  ),
                ]
              : []),
          ],
          fix: fix(
            `name ${type} in policyTypes`,
            patch(policy, set(["spec", "policyTypes"], [...policyTypes, type])),
          ),
        },
      ];
    });
}

export const egressTypeMissing: Check = {
  id: "NS/policy-types-egress",
  title: "Egress rules without Egress in policyTypes",
  severity: "error",
  why: "policyTypes says which directions a policy is about. Egress rules of a policy that does not name Egress are ignored: what it was to stop goes out as before.",
  sources: [NETWORK_POLICIES],
  run: unread("Egress"),
};

export const ingressTypeMissing: Check = {
  id: "NS/policy-types-ingress",
  title: "Ingress rules without Ingress in policyTypes",
  severity: "error",
  why: "policyTypes says which directions a policy is about. Ingress rules of a policy that names only Egress are ignored: everybody still comes in.",
  sources: [NETWORK_POLICIES],
  run: unread("Ingress"),
};

/** Each rule with the lists that it has. */
function* rulesOf({ spec }: NetworkPolicy) {
  for (const [i, { from, ports }] of (spec.ingress ?? []).entries())
    yield {
      direction: "ingress" as const,
      key: "from" as const,
      peers: from,
      ports,
      path: ["spec", "ingress", i],
    };
  for (const [i, { to, ports }] of (spec.egress ?? []).entries())
    yield { direction: "egress" as const, key: "to" as const, peers: to, ports, path: ["spec", "egress", i] };
}

export const emptyPeers: Check = {
  id: "NS/policy-empty-peers",
  title: "An empty list of peers allows everybody",
  severity: "warning",
  why: "`from: []` and `to: []` look like nobody and mean everybody, as if the field were not there. Nobody is written by leaving the whole rule out.",
  sources: [NETWORK_POLICIES],
  run: ({ given }) =>
    given.networkPolicies.flatMap((policy) =>
      [...rulesOf(policy)].flatMap(({ direction, key, peers, ports = [], path }): Draft[] => {
        if (peers?.length !== 0) return [];
        const what = ports.length === 0 ? "on every port" : `on ${count(ports.length, "port")}`;
        return [
          {
            message: `\`${key}: []\` allows ${direction} ${direction === "ingress" ? "from" : "to"} everybody ${what}`,
            at: placeOf(policy, [...path, key]),
            evidence: [evidence("the rule as it counts: no restriction of peers", placeOf(policy, path))],
            fix: fix(
              `take \`${key}\` away where everybody is meant, or the whole rule where nobody is`,
              patch(policy, remove([...path, key])),
            ),
            cause: path.join("."),
          },
        ];
      }),
    ),
};

const ALLOWS = /(^|-)(allow|permit|accept|open)(s|ed)?(-|$)/;
const DENIES = /(^|-)(deny|block|isolate|reject|drop)(s|ed|ing)?(-|$)/;

export const allowsNothing: Check = {
  id: "NS/policy-allows-nothing",
  title: "A policy that is called allow allows nothing",
  severity: "warning",
  why: "A direction that policyTypes names and that has no rules is closed: `ingress: []` lets nobody in, `ingress: [{}]` everybody.",
  sources: [NETWORK_POLICIES],
  run: (context) =>
    context.given.networkPolicies.flatMap((policy): Draft[] => {
      const { policyTypes, ingress = [], egress = [] } = policy.spec;
      if (!ALLOWS.test(policy.metadata.name) || DENIES.test(policy.metadata.name)) return [];
      if (ingress.length + egress.length > 0) return [];
      const fields = policyTypes.map((type) => type.toLowerCase());
      return [
        {
          message: `it has no rules: all ${fields.join(" and ")} of the pods that it selects is denied unless another policy allows it`,
          at: placeOf(policy, ["spec"]),
          subjects: subjectsOf(policy, selectedBy(context, policy)),
          evidence: fields.map((f) =>
            evidence(`${f}: no rule, so nothing is allowed`, placeOf(policy, ["spec", f])),
          ),
          fix: fix(
            `write ${fields.map((f) => `\`${f}: [{}]\``).join(" and ")} to allow everything`,
            patch(policy, ...fields.map((f) => set(["spec", f], [{}]))),
          ),
        },
      ];
    }),
};

export const deniesNothing: Check = {
  id: "NS/policy-denies-nothing",
  title: "A policy that is called deny allows everything",
  severity: "warning",
  why: "An empty rule `{}` matches every connection. A policy denies by having no rules for a direction that policyTypes names.",
  sources: [NETWORK_POLICIES],
  run: (context) =>
    context.given.networkPolicies.flatMap((policy): Draft[] => {
      if (!DENIES.test(policy.metadata.name) || ALLOWS.test(policy.metadata.name)) return [];
      return [...rulesOf(policy)]
        .filter(({ direction, peers = [], ports = [] }) => {
          const counts = policy.spec.policyTypes.some((type) => type.toLowerCase() === direction);
          return counts && peers.length === 0 && ports.length === 0;
        })
        .map(({ direction, path }) => ({
          message: `the rule \`{}\` allows all ${direction}, so nothing of it is denied`,
          at: placeOf(policy, path),
          subjects: subjectsOf(policy, selectedBy(context, policy)),
          evidence: [evidence("a rule without peers and ports", placeOf(policy, path))],
          fix: fix("take the rule away", patch(policy, remove(path))),
          cause: path.join("."),
        }));
    }),
};
