/** Gateways and the routes that they take, by the conditions that a controller would write. */
import type { Cluster, OtherObject } from "../../model/types.ts";
import { gatewaysOf } from "../../gateway/listeners.ts";
import { fields, list, text } from "../../gateway/fields.ts";
import { GROUP, readRoutes, type ParentRef, type Route } from "../../gateway/objects.ts";
import { listenerStatuses, routeStatus } from "../../gateway/status.ts";
import { fix, patch, remove, set } from "../fix.ts";
import { nearest } from "../nearest.ts";
import { evidence, listText, placeOf } from "../place.ts";
import { GATEWAY } from "../sources.ts";
import type { Check, Draft, Fix } from "../types.ts";

export const id = ({ kind, metadata }: OtherObject): string =>
  `${kind} ${metadata.namespace}/${metadata.name}`;

const gatewayOf = (
  { gatewayObjects }: Cluster,
  { kind, namespace, name }: ParentRef,
): OtherObject | undefined =>
  gatewayObjects.find(
    (o) => o.kind === kind && o.metadata.namespace === namespace && o.metadata.name === name,
  );

const MEANINGS: Readonly<Record<string, string>> = {
  NoMatchingParent: "the Gateway has no listener of that name or port",
  NotAllowedByListeners: "no listener takes routes of this kind from this namespace",
  NoMatchingListenerHostname: "none of its hostnames is one that a listener takes",
};

export const routeNotAttached: Check = {
  id: "NS/route-not-attached",
  title: "A route that no listener takes",
  severity: "error",
  why: "A route counts only where a listener of its Gateway accepts it: by name, by kind, by namespace and by hostname. Otherwise its requests end in 404, and the route's status is the only place that says so.",
  sources: [GATEWAY],
  run: ({ given }) =>
    readRoutes(given).flatMap((route) => [
      ...routeStatus(given, route).flatMap(({ parentRef, conditions }): Draft[] => {
        const accepted = conditions.find((c) => c.type === "Accepted");
        if (accepted === undefined || accepted.status === "True") return [];
        const gateway = gatewayOf(given, parentRef);
        return [
          {
            message: `it is not attached to ${parentRef.kind} ${parentRef.namespace}/${parentRef.name}: ${MEANINGS[accepted.reason] ?? accepted.reason}`,
            at: placeOf(route.object, parentPath(route, parentRef)),
            evidence: [
              evidence(`Accepted: False, reason ${accepted.reason}`),
              ...(gateway === undefined
                ? []
                : [evidence(listenersText(gateway), placeOf(gateway, ["spec", "listeners"]))]),
            ],
            fix: attachFix(given, route, parentRef, gateway, accepted.reason),
            cause: `${parentRef.namespace}/${parentRef.name}`,
          },
        ];
      }),
      ...missingParents(given, route),
    ]),
};

const parentPath = (route: Route, parent: ParentRef) => [
  "spec",
  "parentRefs",
  Math.max(0, route.parents.indexOf(parent)),
];

const listenersText = (gateway: OtherObject): string =>
  `listeners: ${listText(
    list(fields(gateway.spec)["listeners"]).map((l) => {
      const { name, protocol, port, hostname, allowedRoutes } = fields(l);
      const from = text(fields(fields(allowedRoutes)["namespaces"])["from"]) ?? "Same";
      return `${text(name) ?? ""} (${String(protocol)} ${String(port)}${hostname === undefined ? "" : ` ${text(hostname) ?? ""}`}, routes from ${from})`;
    }),
    5,
  )}`;

/** A parent that is not there, where the namespace's other Gateways are. */
function missingParents(cluster: Cluster, route: Route): Draft[] {
  const gateways = gatewaysOf(cluster);
  if (gateways.length === 0) return [];
  return route.parents.flatMap((parent): Draft[] => {
    if (parent.kind !== "Gateway" || parent.group !== GROUP || gatewayOf(cluster, parent) !== undefined)
      return [];
    const same = gateways.find((g) => g.metadata.name === parent.name);
    const near = nearest(
      parent.name,
      gateways.filter((g) => g.metadata.namespace === parent.namespace).map((g) => g.metadata.name),
    );
    const path = parentPath(route, parent);
    return [
      {
        message: `it names Gateway ${parent.namespace}/${parent.name}, which is not there`,
        at: placeOf(route.object, path),
        evidence: [evidence(`there are ${listText(gateways.map(id))}`, placeOf(gateways[0] as OtherObject))],
        fix:
          near !== undefined
            ? fix(`write ${near}`, patch(route.object, set([...path, "name"], near)))
            : same !== undefined
              ? fix(
                  `name its namespace, ${same.metadata.namespace}`,
                  patch(route.object, set([...path, "namespace"], same.metadata.namespace)),
                )
              : fix("name a Gateway that there is"),
        cause: `${parent.namespace}/${parent.name}`,
      },
    ];
  });
}

function attachFix(
  cluster: Cluster,
  route: Route,
  parent: ParentRef,
  gateway: OtherObject | undefined,
  reason: string,
): Fix {
  const listeners = list(fields(gateway?.spec)["listeners"]).map(fields);
  const path = parentPath(route, parent);
  if (reason === "NoMatchingParent") {
    const near = nearest(
      parent.sectionName ?? "",
      listeners.flatMap((l) => text(l["name"]) ?? []),
    );
    if (near !== undefined)
      return fix(`write sectionName ${near}`, patch(route.object, set([...path, "sectionName"], near)));
    const field = parent.sectionName === undefined ? "port" : "sectionName";
    return fix(
      `leave ${field} out, or name a listener that there is`,
      patch(route.object, remove([...path, field])),
    );
  }
  if (
    reason === "NotAllowedByListeners" &&
    gateway !== undefined &&
    route.namespace !== gateway.metadata.namespace
  ) {
    const at = listeners.findIndex(
      (l) => parent.sectionName === undefined || l["name"] === parent.sectionName,
    );
    const { namespaces } = fields(listeners[at]?.["allowedRoutes"]);
    const wanted = fields(fields(fields(namespaces)["selector"])["matchLabels"]);
    const home = cluster.namespaces.find((n) => n.metadata.name === route.namespace);
    const { "kubernetes.io/metadata.name": _, ...ownLabels } = home?.metadata.labels ?? {};
    // The Gateway's owner has said which namespaces: the namespace gets the label.
    if (
      fields(namespaces)["from"] === "Selector" &&
      Object.keys(wanted).length > 0 &&
      home !== undefined &&
      home.derived === undefined
    )
      return fix(
        `give namespace ${route.namespace} the labels that the listener asks for`,
        patch(home, set(["metadata", "labels"], { ...ownLabels, ...wanted })),
      );
    const selector = { matchLabels: { "kubernetes.io/metadata.name": route.namespace } };
    return fix(
      `let the listener take routes from namespace ${route.namespace}`,
      patch(
        gateway,
        set(["spec", "listeners", at, "allowedRoutes"], {
          ...fields(listeners[at]?.["allowedRoutes"]),
          namespaces: { from: "Selector", selector },
        }),
      ),
    );
  }
  return fix(
    reason === "NoMatchingListenerHostname"
      ? "give the route a hostname that a listener takes, or a listener the route's"
      : "let a listener of the right protocol take it",
  );
}

export const listenerUnusable: Check = {
  id: "NS/gateway-listener",
  title: "A listener that cannot be used",
  severity: "error",
  why: "Two listeners of a Gateway cannot share a port with the same hostname or with different protocols: neither of them counts.",
  sources: [GATEWAY],
  run: ({ given }) =>
    gatewaysOf(given).flatMap((gateway) => {
      const bad = listenerStatuses(given, gateway).filter((l) =>
        l.conditions.some((c) => c.type === "Accepted" && c.status === "False"),
      );
      const [first] = bad;
      const last = bad.at(-1);
      if (first === undefined || last === undefined) return [];
      const reason = first.conditions.find((c) => c.type === "Accepted")?.reason ?? "";
      const all = list(fields(last.owner.spec)["listeners"]).map(fields);
      const index = all.findIndex((l) => l["name"] === last.name);
      const path = ["spec", "listeners", index];
      const conflict = reason.endsWith("Conflict") && bad.length > 1;
      return [
        {
          message: `listeners ${listText(bad.map((l) => l.name))} are not used: ${reason}`,
          at: placeOf(last.owner, path),
          evidence: bad
            .map((l) =>
              evidence(
                `listener ${l.name}: Accepted False, reason ${reason}`,
                placeOf(l.owner, ["spec", "listeners"]),
              ),
            )
            .slice(0, 3),
          fix: conflict
            ? fix(
                `give each a port or a hostname of its own, or take ${last.name} away`,
                patch(last.owner, remove(path)),
              )
            : fix("use a protocol that the Gateway knows: HTTP, HTTPS, TLS, TCP or UDP"),
        },
      ];
    }),
};
