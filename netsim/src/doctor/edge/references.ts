/** What Gateways and routes refer to: Services and Secrets, in their own namespace and in others. */
import type { Cluster, OtherObject } from "../../model/types.ts";
import { backendRefs } from "../../gateway/attach.ts";
import { readBackend } from "../../gateway/backends.ts";
import { fields, list } from "../../gateway/fields.ts";
import { isGranted } from "../../gateway/grants.ts";
import { gatewaysOf } from "../../gateway/listeners.ts";
import { GROUP, readRef, readRoutes, type Route } from "../../gateway/objects.ts";
import { create, fix, patch, set } from "../fix.ts";
import { nearest } from "../nearest.ts";
import { evidence, listText, placeOf } from "../place.ts";
import { GATEWAY, REFERENCE_GRANT } from "../sources.ts";
import type { Check, Draft } from "../types.ts";

interface BadRef {
  readonly route: Route;
  readonly path: readonly (string | number)[];
  readonly ref: ReturnType<typeof readBackend>;
}

/** Backends of routes with a fault, and where they are written. */
const badRefs = (cluster: Cluster): readonly BadRef[] =>
  readRoutes(cluster).flatMap((route) =>
    route.rules.flatMap((rule, i) =>
      backendRefs(rule).flatMap((value, j): BadRef[] => {
        const ref = readBackend(cluster, route, value);
        return ref.fault === undefined ? [] : [{ route, path: ["spec", "rules", i, "backendRefs", j], ref }];
      }),
    ),
  );

const grant = (
  from: OtherObject,
  kind: string,
  namespace: string,
  to: { group: string; kind: string; name: string },
) => ({
  apiVersion: "gateway.networking.k8s.io/v1beta1",
  kind: "ReferenceGrant",
  metadata: { name: `${from.metadata.namespace}-to-${to.name}`, namespace },
  spec: {
    from: [{ group: GROUP, kind, namespace: from.metadata.namespace }],
    to: [{ group: to.group, kind: to.kind, name: to.name }],
  },
});

export const grantMissing: Check = {
  id: "NS/reference-grant",
  title: "A reference into another namespace without a ReferenceGrant",
  severity: "error",
  why: "A route may use a Service (and a Gateway a Secret) of another namespace only where a ReferenceGrant there allows it. Without one the rule answers 500, the listener does not start.",
  sources: [REFERENCE_GRANT],
  run: ({ given }) => {
    const routes = badRefs(given)
      .filter(({ ref }) => ref.fault === "RefNotPermitted")
      .map(({ route, path, ref }): Draft => ({
        message: `it uses ${ref.kind} ${ref.namespace}/${ref.name}, which no ReferenceGrant in ${ref.namespace} allows`,
        at: placeOf(route.object, path),
        evidence: [evidence("ResolvedRefs: False, reason RefNotPermitted")],
        fix: fix(
          `create a ReferenceGrant in ${ref.namespace}`,
          create(route.object, grant(route.object, route.kind, ref.namespace, ref)),
        ),
        cause: path.join("."),
      }));
    const gateways = gatewaysOf(given).flatMap((gateway) =>
      list(fields(gateway.spec)["listeners"]).flatMap((listener, i) =>
        list(fields(fields(listener)["tls"])["certificateRefs"]).flatMap((value, j): Draft[] => {
          const { namespace } = gateway.metadata;
          const ref = readRef(value, namespace, "Secret");
          if (isGranted(given, { kind: "Gateway", namespace }, ref)) return [];
          const path = ["spec", "listeners", i, "tls", "certificateRefs", j];
          return [
            {
              message: `it uses Secret ${ref.namespace}/${ref.name}, which no ReferenceGrant in ${ref.namespace} allows`,
              at: placeOf(gateway, path),
              evidence: [evidence("ResolvedRefs: False, reason RefNotPermitted")],
              fix: fix(
                `create a ReferenceGrant in ${ref.namespace}`,
                create(gateway, grant(gateway, "Gateway", ref.namespace, ref)),
              ),
              cause: path.join("."),
            },
          ];
        }),
      ),
    );
    return [...routes, ...gateways];
  },
};

export const backendMissing: Check = {
  id: "NS/route-backend",
  title: "A route whose backend is not there",
  severity: "error",
  why: "A rule whose Service does not exist, or has no such port, answers 500 for its share of the requests.",
  sources: [GATEWAY],
  run: (context) =>
    badRefs(context.given)
      .filter(({ ref }) => ref.fault !== "RefNotPermitted")
      .map(({ route, path, ref }): Draft => {
        const service = context.service(ref.namespace, ref.name);
        const here = context.given.services.filter((s) => s.metadata.namespace === ref.namespace);
        const near =
          service === undefined
            ? nearest(
                ref.name,
                here.map((s) => s.metadata.name),
              )
            : undefined;
        const ports = service?.spec.ports ?? [];
        const port =
          ports.find((p) => p.targetPort === ref.port) ?? (ports.length === 1 ? ports[0] : undefined);
        const why =
          ref.fault === "InvalidKind"
            ? `is a ${ref.kind}, which is no backend`
            : service === undefined
              ? "is not there"
              : `has no port ${ref.port ?? "(none is named)"}, only ${listText(
                  ports.map((p) => String(p.port)),
                  5,
                )}`;
        return {
          message: `it sends requests to ${ref.kind} ${ref.namespace}/${ref.name}, which ${why}`,
          at: placeOf(route.object, path),
          evidence: [
            evidence(`ResolvedRefs: False, reason ${ref.fault ?? ""}`),
            ...(service === undefined
              ? [
                  evidence(
                    `Services of ${ref.namespace}: ${listText(
                      here.map((s) => s.metadata.name),
                      5,
                    )}`,
                  ),
                ]
              : [evidence("the Service's ports", placeOf(service, ["spec", "ports"]))]),
          ],
          fix:
            near !== undefined
              ? fix(`write ${near}`, patch(route.object, set([...path, "name"], near)))
              : port !== undefined
                ? fix(`write port ${port.port}`, patch(route.object, set([...path, "port"], port.port)))
                : fix("name a Service and a port that there are"),
          cause: path.join("."),
        };
      }),
};
