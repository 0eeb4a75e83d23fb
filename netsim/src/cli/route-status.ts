/** `netsim route --status`: what controllers would write into the status of the objects, as text and JSON. */
import type { Condition } from "../gateway/conditions.ts";
import { gatewaysOf, listenerSetsOf } from "../gateway/listeners.ts";
import { gatewayAddresses } from "../gateway/entrance.ts";
import {
  classStatus,
  gatewayStatus,
  listenerSetStatus,
  listenerStatuses,
  policyStatuses,
  routeStatuses,
} from "../gateway/status.ts";
import { objectName } from "../model/source.ts";
import type { Cluster } from "../model/types.ts";

/** `{"gatewayClasses", "gateways", "listenerSets", "routes", "policies"}`; listeners of ListenerSets also stand with their Gateway. */
export function statusOf(cluster: Cluster) {
  const classes = cluster.gatewayObjects.filter(({ kind }) => kind === "GatewayClass");
  return {
    gatewayClasses: classes.map((one) => ({
      object: objectName(one),
      conditions: classStatus(cluster, one),
    })),
    gateways: gatewaysOf(cluster).map((gateway) => {
      const { conditions, attachedListenerSets } = gatewayStatus(cluster, gateway);
      const listeners = listenerStatuses(cluster, gateway);
      return {
        object: objectName(gateway),
        conditions,
        addresses: gatewayAddresses(gateway),
        attachedListenerSets,
        listeners: listeners.map(({ owner, ...status }) => ({ object: objectName(owner), ...status })),
      };
    }),
    listenerSets: listenerSetsOf(cluster).map((set) => {
      const { conditions, listeners } = listenerSetStatus(cluster, set);
      const own = listeners.map(({ name, attachedRoutes, supportedKinds, conditions: c }) => ({
        name,
        attachedRoutes,
        supportedKinds,
        conditions: c,
      }));
      return { object: objectName(set), conditions, listeners: own };
    }),
    routes: routeStatuses(cluster).map(({ route, parents }) => ({
      object: objectName(route.object),
      parents,
    })),
    policies: policyStatuses(cluster).map(({ policy, ancestors }) => ({
      object: objectName(policy),
      ancestors: ancestors.map(({ gateway, conditions }) => ({ object: objectName(gateway), conditions })),
    })),
  };
}

/** What stands for itself is left out: Programmed and Conflicted follow from the others. */
const words = (conditions: readonly Condition[]): string =>
  conditions
    .filter(({ type }) => type !== "Programmed" && type !== "Conflicted")
    .map(({ type, status, reason }) =>
      status === "False" ? `not ${type}: ${reason}` : reason === type ? type : `${type}: ${reason}`,
    )
    .join(", ");

export function statusText(status: ReturnType<typeof statusOf>): string[] {
  return [
    ...status.gatewayClasses.map((c) => `${c.object}: ${words(c.conditions)}\n`),
    ...status.gateways.flatMap((gateway) => [
      `${gateway.object}: ${words(gateway.conditions)}\n`,
      ...gateway.listeners.map(
        (l) => `${l.object} ${l.name}: ${words(l.conditions)}, ${l.attachedRoutes} routes attached\n`,
      ),
    ]),
    ...status.listenerSets.map((set) => `${set.object}: ${words(set.conditions)}\n`),
    ...status.routes.flatMap((route) =>
      route.parents.map(
        ({ parentRef: { kind, namespace, name, sectionName }, conditions }) =>
          `${route.object} at ${kind} ${namespace}/${name}${sectionName === undefined ? "" : `#${sectionName}`}: ${words(conditions)}\n`,
      ),
    ),
    ...status.policies.flatMap((policy) =>
      policy.ancestors.map((a) => `${policy.object} at ${a.object}: ${words(a.conditions)}\n`),
    ),
  ];
}
