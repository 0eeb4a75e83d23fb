/** Readers for what every kind shares: metadata, selectors, CIDRs. */
import { parsePrefix } from "../select/cidr.ts";
import { boolean, checked, labels, list, need, oneOf, or, record, string } from "./read.ts";
import type { At } from "./read.ts";
import type { LabelRequirement, LabelSelector, Meta, Protocol } from "./types.ts";

const none = Object.freeze({});

/** A copy of the whole object that kubectl keeps in it: as large as the object, and of no use here. */
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

const annotations = Object.assign(
  (value: unknown, at: At) => {
    const all = labels(value, at);
    if (all === undefined || !(LAST_APPLIED in all)) return all;
    const { [LAST_APPLIED]: _dropped, ...rest } = all;
    return rest;
  },
  { fallback: none },
);

export const meta = record<Meta>({
  name: need(string),
  namespace: or(string, ""),
  labels: or(labels, none),
  annotations,
  uid: string,
  creationTimestamp: string,
  deletionTimestamp: string,
  ownerReferences: list(
    record<NonNullable<Meta["ownerReferences"]>[number]>({
      kind: need(string),
      name: need(string),
      controller: boolean,
    }),
  ),
});

const KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

function checkRequirement({ key, operator, values = [] }: LabelRequirement, at: At): void {
  const wantsValues = operator === "In" || operator === "NotIn";
  if (wantsValues && values.length === 0) at.error(`operator ${operator} needs values`);
  if (!wantsValues && values.length > 0) at.error(`operator ${operator} takes no values`);
  if (!KEY.test(key)) at.error(`${JSON.stringify(key)} is not a label key`);
}

const requirement = record<LabelRequirement>(
  { key: need(string), operator: need(oneOf("In", "NotIn", "Exists", "DoesNotExist")), values: list(string) },
  {},
);

export const labelSelector = record<LabelSelector>(
  { matchLabels: labels, matchExpressions: list(checked(requirement, checkRequirement)) },
  {},
);

/** Cilium's selectors have keys with a source in front (`k8s:app`), which label keys may not have. */
export const sourcedSelector = record<LabelSelector>(
  { matchLabels: labels, matchExpressions: list(requirement) },
  {},
);

export const protocol = oneOf("TCP", "UDP", "SCTP");
export const tcp: Protocol = "TCP";

export const cidr = checked(string, (text, at) => {
  if (parsePrefix(text) !== undefined) return;
  const bare = parsePrefix(`${text}/${text.includes(":") ? 128 : 32}`);
  at.error(
    `${JSON.stringify(text)} is not a CIDR${bare === undefined ? "" : `: did you mean "${bare.text}"?`}`,
  );
});
