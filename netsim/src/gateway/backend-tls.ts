/** How a gateway speaks TLS to backends: BackendTLSPolicy (GEP-1897), conflicts between policies, their status. */
import type { Cluster, OtherObject } from "../model/types.ts";
import { authorityState } from "./certificates.ts";
import { fields, list, text } from "./fields.ts";
import type { Fields } from "./fields.ts";
import { byAge, readRef } from "./objects.ts";
import type { Ref } from "./objects.ts";

/** What a backend must show in its certificate, and what it is asked for. */
export interface BackendTls {
  readonly policy: OtherObject;
  /** The name in the handshake; without `subjectAltNames` also that of the certificate. */
  readonly hostname: string;
  readonly subjectAltNames: readonly { readonly type: "Hostname" | "URI"; readonly value: string }[];
  readonly authorities: readonly Ref[];
  /** The authorities of the machine that the gateway runs on are trusted. */
  readonly isSystem: boolean;
  /** No connection can be trusted: requests get a 5xx. */
  readonly isBroken: boolean;
}

interface Target {
  readonly namespace: string;
  readonly service: string;
  /** Name of a port; undefined for the whole Service. */
  readonly section: string | undefined;
}

const targetsOf = (policy: OtherObject): Target[] =>
  list(fields(policy.spec)["targetRefs"])
    .map(fields)
    .filter((ref) => (text(ref["group"]) ?? "") === "" && ref["kind"] === "Service")
    .map((ref) => ({
      namespace: policy.metadata.namespace,
      service: text(ref["name"]) ?? "",
      section: text(ref["sectionName"]),
    }));

/** All policies, the one that wins a conflict first: the older, then by namespace and name. */
export const backendPolicies = (cluster: Cluster): OtherObject[] =>
  cluster.gatewayObjects
    .filter(({ kind }) => kind === "BackendTLSPolicy")
    .map((object) => ({ object }))
    .sort(byAge)
    .map(({ object }) => object);

const isSame = (a: Target, b: Target): boolean =>
  a.namespace === b.namespace && a.service === b.service && a.section === b.section;

/** The policy that governs a Service's port: one that names the port before one for the whole Service. */
export function backendTls(
  cluster: Cluster,
  { namespace, service, port }: { namespace: string; service: string; port: number | undefined },
): BackendTls | undefined {
  const policies = backendPolicies(cluster);
  if (policies.length === 0) return undefined;
  const section = cluster.services
    .find((s) => s.metadata.namespace === namespace && s.metadata.name === service)
    ?.spec.ports.find((p) => p.port === port)?.name;
  const find = (wanted: Target): OtherObject | undefined =>
    policies.find((policy) => targetsOf(policy).some((target) => isSame(target, wanted)));
  const policy =
    (section === undefined ? undefined : find({ namespace, service, section })) ??
    find({ namespace, service, section: undefined });
  return policy === undefined ? undefined : readPolicy(cluster, policy);
}

function readPolicy(cluster: Cluster, policy: OtherObject): BackendTls {
  const validation = fields(fields(policy.spec)["validation"]);
  const { refs, states } = authoritiesOf(cluster, policy, validation);
  const isSystem = validation["wellKnownCACertificates"] === "System";
  return {
    policy,
    hostname: text(validation["hostname"]) ?? "",
    subjectAltNames: list(validation["subjectAltNames"])
      .map(fields)
      .map((name) =>
        name["type"] === "URI"
          ? { type: "URI", value: text(name["uri"]) ?? "" }
          : { type: "Hostname", value: text(name["hostname"]) ?? "" },
      ),
    authorities: refs.filter((_, i) => states[i] === "resolved"),
    isSystem,
    isBroken: states.every((state) => state !== "resolved") && !isSystem,
  };
}

function authoritiesOf(cluster: Cluster, policy: OtherObject, validation: Fields) {
  const { namespace } = policy.metadata;
  const refs = list(validation["caCertificateRefs"]).map((ref) => ({
    ...readRef(ref, namespace, "ConfigMap"),
    namespace,
  }));
  const from = { kind: "BackendTLSPolicy", namespace };
  return { refs, states: refs.map((ref) => authorityState(cluster, from, ref)) };
}

export interface PolicyState {
  readonly accepted: "Accepted" | "Conflicted" | "NoValidCACertificate" | "Invalid" | "TargetNotFound";
  readonly resolvedRefs: "ResolvedRefs" | "InvalidCACertificateRef" | "InvalidKind";
}

/** Reasons of a policy's conditions Accepted and ResolvedRefs, the same for each Gateway that uses it. */
export function policyState(cluster: Cluster, policy: OtherObject): PolicyState {
  const validation = fields(fields(policy.spec)["validation"]);
  const { refs, states } = authoritiesOf(cluster, policy, validation);
  const bad = states.find((state) => state !== "resolved");
  const resolvedRefs =
    bad === undefined ? "ResolvedRefs" : bad === "wrong-kind" ? "InvalidKind" : "InvalidCACertificateRef";
  const targets = targetsOf(policy);
  const earlier = backendPolicies(cluster);
  const isBeaten = targets.some((target) =>
    earlier
      .slice(0, earlier.indexOf(policy))
      .some((other) => targetsOf(other).some((rival) => isSame(rival, target))),
  );
  const isThere = targets.some((target) =>
    cluster.services.some(
      ({ metadata }) => metadata.namespace === target.namespace && metadata.name === target.service,
    ),
  );
  const wellKnown = text(validation["wellKnownCACertificates"]);
  const accepted = isBeaten
    ? "Conflicted"
    : !isThere
      ? "TargetNotFound"
      : refs.length > 0 && states.every((state) => state !== "resolved")
        ? "NoValidCACertificate"
        : refs.length === 0 && wellKnown !== "System"
          ? "Invalid"
          : "Accepted";
  return { accepted, resolvedRefs };
}

/** Whether a policy is about a Service. */
export const concerns = (policy: OtherObject, namespace: string, service: string): boolean =>
  policy.metadata.namespace === namespace && targetsOf(policy).some((target) => target.service === service);
