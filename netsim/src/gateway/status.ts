/** Status of GatewayClasses, Gateways, ListenerSets and BackendTLSPolicies as a controller would write it. */
import type { Cluster, OtherObject } from "../model/types.ts";
import { addressFault } from "./addresses.ts";
import { attachAll, backendRefs } from "./attach.ts";
import { backendPolicies, concerns, policyState } from "./backend-tls.ts";
import { certificateState } from "./certificates.ts";
import { condition } from "./conditions.ts";
import type { Condition } from "./conditions.ts";
import { fields, list } from "./fields.ts";
import { clientValidation } from "./frontend.ts";
import { listenerStatuses } from "./listener-status.ts";
import type { ListenerStatus } from "./listener-status.ts";
import { effectiveListeners, gatewaysOf, takesSet } from "./listeners.ts";
import { GROUP, readListeners, readRef } from "./objects.ts";

export { listenerStatuses } from "./listener-status.ts";
export { routeStatus, routeStatuses } from "./route-status.ts";

export interface GatewayStatus {
  readonly conditions: readonly Condition[];
  readonly attachedListenerSets: number;
  /** Its own; those of ListenerSets are in theirs. */
  readonly listeners: readonly ListenerStatus[];
}

const isAccepted = ({ conditions }: Pick<ListenerStatus, "conditions">): boolean =>
  conditions.every(({ type, status }) => type !== "Accepted" || status === "True");
const isResolved = ({ conditions }: Pick<ListenerStatus, "conditions">): boolean =>
  conditions.every(({ type, status }) => type !== "ResolvedRefs" || status === "True");
const isProgrammed = ({ conditions }: Pick<ListenerStatus, "conditions">): boolean =>
  conditions.some(({ type, status }) => type === "Programmed" && status === "True");

export function gatewayStatus(cluster: Cluster, gateway: OtherObject): GatewayStatus {
  const all = listenerStatuses(cluster, gateway);
  const own = all.filter(({ owner }) => owner === gateway);
  const addressFault = gatewayAddressFault(gateway);
  const isValid = own.every((l) => isAccepted(l) && isResolved(l));
  const fault =
    addressFault === "UnsupportedAddress"
      ? addressFault
      : isParameterless(cluster, gateway)
        ? "InvalidParameters"
        : own.length > 0 && !own.some(isAccepted)
          ? "ListenersNotValid"
          : undefined;
  const programmed =
    fault !== undefined
      ? "Invalid"
      : addressFault !== undefined
        ? "AddressNotUsable"
        : own.length > 0 && !own.some(isProgrammed)
          ? "Invalid"
          : "Programmed";
  const refs = refsReason(cluster, gateway, own.every(isResolved));
  const insecure = own.some((_, i) => {
    const listener = readListeners(gateway)[i];
    return listener !== undefined && clientValidation(cluster, gateway, listener).isInsecure;
  });
  const accepted = new Set(all.filter((l) => l.owner !== gateway && isAccepted(l)).map(({ owner }) => owner));
  return {
    conditions: [
      condition("Accepted", fault === undefined, fault ?? (isValid ? "Accepted" : "ListenersNotValid")),
      condition("Programmed", programmed === "Programmed", programmed),
      condition("ResolvedRefs", refs === "ResolvedRefs", refs),
      ...(insecure ? [condition("InsecureFrontendValidationMode", true, "ConfigurationChanged")] : []),
    ],
    attachedListenerSets: accepted.size,
    listeners: own,
  };
}

/** An address of a type that nobody has is worse than one that is none. */
function gatewayAddressFault(gateway: OtherObject): ReturnType<typeof addressFault> {
  const faults = list(fields(gateway.spec)["addresses"]).map((address) => addressFault(fields(address)));
  return (
    faults.find((fault) => fault === "UnsupportedAddress") ?? faults.find((fault) => fault !== undefined)
  );
}

/** A reference to parameters that lead to no object of the input. */
function isParameterless(cluster: Cluster, gateway: OtherObject): boolean {
  const given = fields(fields(gateway.spec)["infrastructure"])["parametersRef"];
  if (given === undefined) return false;
  const ref = readRef(given, gateway.metadata.namespace, "");
  return !(cluster.others.get(ref.kind) ?? []).some(
    ({ apiVersion, metadata }) =>
      (apiVersion.includes("/") ? apiVersion.split("/")[0] : "") === ref.group &&
      metadata.name === ref.name &&
      metadata.namespace === gateway.metadata.namespace,
  );
}

/** GatewayConditionResolvedRefs: the certificate that the Gateway shows to backends, then its listeners. */
function refsReason(cluster: Cluster, gateway: OtherObject, areListenersResolved: boolean): string {
  const given = fields(fields(fields(gateway.spec)["tls"])["backend"])["clientCertificateRef"];
  if (given !== undefined) {
    const { namespace } = gateway.metadata;
    const ref = readRef(given, namespace, "Secret");
    const state = certificateState(cluster, { kind: "Gateway", namespace }, ref);
    if (state === "not-permitted") return "RefNotPermitted";
    if (state !== "resolved") return "InvalidClientCertificateRef";
  }
  return areListenersResolved ? "ResolvedRefs" : "ListenersNotResolved";
}

/** Of each ListenerSet: whether its Gateway takes it in, and whether one of its listeners can be used. */
export function listenerSetStatus(
  cluster: Cluster,
  set: OtherObject,
): Omit<GatewayStatus, "attachedListenerSets"> {
  const parent = readRef(fields(set.spec)["parentRef"], set.metadata.namespace, "Gateway", GROUP);
  const gateway = gatewaysOf(cluster).find(
    ({ metadata }) => metadata.namespace === parent.namespace && metadata.name === parent.name,
  );
  const both = (ok: boolean, reason: string): Condition[] => [
    condition("Accepted", ok, reason),
    condition("Programmed", ok, ok ? "Programmed" : reason),
  ];
  if (gateway === undefined) return { conditions: both(false, "ParentNotAccepted"), listeners: [] };
  if (!takesSet(cluster, gateway, set)) return { conditions: both(false, "NotAllowed"), listeners: [] };
  const own = listenerStatuses(cluster, gateway).filter(({ owner }) => owner === set);
  const isParentAccepted = isAccepted(gatewayStatus(cluster, gateway));
  if (!isParentAccepted) return { conditions: both(false, "ParentNotAccepted"), listeners: own };
  if (!own.some((l) => isAccepted(l) && isResolved(l)))
    return { conditions: both(false, "ListenersNotValid"), listeners: own };
  const isValid = own.every((l) => isAccepted(l) && isResolved(l));
  const [first, second] = both(true, isValid ? "Accepted" : "ListenersNotValid");
  return { conditions: [first, second].flatMap((c) => c ?? []), listeners: own };
}

export interface PolicyStatus {
  readonly policy: OtherObject;
  /** A Gateway through whose routes the policy is used, and what its controller says. */
  readonly ancestors: readonly { readonly gateway: OtherObject; readonly conditions: readonly Condition[] }[];
}

/** Of each BackendTLSPolicy, for each Gateway with an attached route to a Service that it is about. */
export function policyStatuses(cluster: Cluster): PolicyStatus[] {
  const policies = backendPolicies(cluster);
  if (policies.length === 0) return [];
  const gateways = gatewaysOf(cluster).map((gateway) => {
    const listeners = effectiveListeners(cluster, gateway);
    const attached = attachAll(cluster, listeners);
    const routes = new Set(listeners.flatMap((l) => attached.at(l).map(({ route }) => route)));
    const services = [...routes].flatMap((r) => r.rules.flatMap((rule) => servicesOf(rule, r.namespace)));
    return { gateway, services };
  });
  return policies.map((policy) => {
    const { accepted, resolvedRefs } = policyState(cluster, policy);
    const conditions = [
      condition("Accepted", accepted === "Accepted", accepted),
      condition("ResolvedRefs", resolvedRefs === "ResolvedRefs", resolvedRefs),
    ];
    const users = gateways.filter(({ services }) =>
      services.some(({ namespace, name }) => concerns(policy, namespace, name)),
    );
    return { policy, ancestors: users.map(({ gateway }) => ({ gateway, conditions })) };
  });
}

function servicesOf(rule: Record<string, unknown>, namespace: string) {
  const mirrors = list(rule["filters"]).map((f) => fields(fields(f)["requestMirror"])["backendRef"]);
  return [...backendRefs(rule), ...mirrors].map((ref) => readRef(ref, namespace, "Service"));
}

/** A class is accepted unless its parameters are missing (GatewayClassConditionStatusAccepted). */
export function classStatus(cluster: Cluster, object: OtherObject): Condition[] {
  const given = fields(object.spec)["parametersRef"];
  const ref = readRef(given, "", "");
  const isThere =
    given === undefined ||
    (cluster.others.get(ref.kind) ?? []).some(
      ({ metadata }) =>
        metadata.name === ref.name && (ref.namespace === "" || metadata.namespace === ref.namespace),
    );
  return [condition("Accepted", isThere, isThere ? "Accepted" : "InvalidParameters")];
}
