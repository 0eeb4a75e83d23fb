/** Services that lead nowhere: nobody selected, or nobody ready. */
import type { Labels, Pod, Service } from "../../model/types.ts";
import { compileSelector } from "../../select/labels.ts";
import { isDump, type Context } from "../context.ts";
import { fix, patch, set } from "../fix.ts";
import { nearest } from "../nearest.ts";
import { count, evidence, listText, placeOf } from "../place.ts";
import { DEBUG_SERVICE, PROBES, SERVICE } from "../sources.ts";
import type { Check, Draft } from "../types.ts";
import { selectorText, serviceId, withEndpoints } from "./shared.ts";

/** The selector's one label that is nearly another, put right. */
export function meant(selector: Labels, candidates: readonly Labels[]): Labels | undefined {
  for (const [key, value] of Object.entries(selector)) {
    const values = candidates.flatMap((c) => (c[key] === undefined ? [] : [c[key]]));
    const keys = candidates.flatMap((c) => Object.keys(c));
    const { [key]: _, ...rest } = selector;
    const tries: Labels[] = [];
    const near = nearest(value, values);
    if (near !== undefined) tries.push({ ...rest, [key]: near });
    const otherKey = values.length > 0 ? undefined : nearest(key, keys);
    if (otherKey !== undefined) tries.push({ ...rest, [otherKey]: value });
    // The same value under another key: `app: web` for `app.kubernetes.io/name: web`.
    const sameValue = candidates.flatMap((c) => Object.keys(c).filter((k) => c[k] === value))[0];
    if (sameValue !== undefined) tries.push({ ...rest, [sameValue]: value });
    for (const labels of tries)
      if (candidates.some((c) => compileSelector({ matchLabels: labels }).matches(c))) return labels;
  }
  return undefined;
}

export const selectsNothing: Check = {
  id: "NS/service-selector",
  title: "A Service's selector finds no pod",
  severity: "error",
  why: "Without endpoints the Service's name resolves, and every connection to it is refused (a headless Service's name has no address).",
  sources: [DEBUG_SERVICE, SERVICE],
  run: (context) =>
    context.given.services.flatMap((service): Draft[] => {
      const { selector, type } = service.spec;
      // The DNS Service has a check of its own.
      if (
        service === context.dns ||
        type === "ExternalName" ||
        Object.keys(selector ?? {}).length === 0 ||
        selector === undefined
      )
        return [];
      if (context.selected(service).length > 0 || withEndpoints(context, service)) return [];
      const { namespace } = service.metadata;
      const templates = context.given.workloads.filter((w) => w.metadata.namespace === namespace);
      const wanted = compileSelector({ matchLabels: selector });
      // Scaled to nothing on purpose.
      if (templates.some((w) => wanted.matches(w.spec.template.metadata.labels))) return [];
      const elsewhere = context.pods.find((p) => wanted.matches(p.metadata.labels));
      // A namespace of Services alone is a part of a cluster, whose pods are in other files.
      const alone = context.podsIn(namespace).length + templates.length === 0;
      if (alone && elsewhere === undefined && !isDump(context)) return [];
      const candidates = [
        ...context.podsIn(namespace).map((p) => p.metadata.labels),
        ...templates.map((w) => w.spec.template.metadata.labels),
      ];
      const corrected = meant(selector, candidates);
      return [
        {
          // In manifests alone, an operator may be what makes the pods.
          severity:
            corrected === undefined && elsewhere === undefined && !isDump(context) ? "warning" : "error",
          message: `no pod of ${namespace} has ${selectorText(selector)}`,
          at: placeOf(service, ["spec", "selector"]),
          evidence: [
            evidence(
              `${count(context.podsIn(namespace).length, "pod")} in ${namespace}, of which 0 are selected`,
            ),
            ...(corrected === undefined
              ? []
              : [
                  evidence(
                    `${selectorText(corrected)} would select ${listText(chosen(context, service, corrected))}`,
                  ),
                ]),
            ...(elsewhere === undefined
              ? []
              : [
                  evidence(
                    `Pod ${elsewhere.metadata.namespace}/${elsewhere.metadata.name} has the labels, in another namespace`,
                    placeOf(elsewhere),
                  ),
                ]),
          ],
          fix:
            corrected === undefined
              ? fix(
                  elsewhere === undefined
                    ? "give the selector the labels of the pods that it is for"
                    : `a Service selects pods of its own namespace: put it into ${elsewhere.metadata.namespace}`,
                )
              : fix(
                  `select ${selectorText(corrected)}`,
                  patch(service, set(["spec", "selector"], corrected)),
                ),
        },
      ];
    }),
};

const chosen = (context: Context, { metadata }: Service, selector: Labels): readonly string[] => {
  const wanted = compileSelector({ matchLabels: selector });
  const pods = context.podsIn(metadata.namespace).filter((p) => wanted.matches(p.metadata.labels));
  return pods.map((p) => `${p.metadata.namespace}/${p.metadata.name}`);
};

const readiness = (pod: Pod): string => {
  const ready = pod.status.conditions?.find((c) => c.type === "Ready");
  const why = ready?.reason ?? pod.status.reason;
  return `phase ${pod.status.phase ?? "unknown"}, Ready ${ready?.status ?? "unknown"}${why === undefined ? "" : ` (${why})`}`;
};

export const noneReady: Check = {
  id: "NS/service-not-ready",
  title: "A Service has no ready endpoint",
  severity: "error",
  why: "Only ready pods get connections. With none of them ready every connection is refused, as if there were no pods.",
  sources: [DEBUG_SERVICE, PROBES],
  run: (context) =>
    context.given.services.flatMap((service): Draft[] => {
      if (service === context.dns || service.spec.type === "ExternalName") return [];
      const ends = context.slicesOf(service).flatMap((s) => s.endpoints);
      const usable = ends.some(
        (e) =>
          e.conditions?.ready !== false ||
          (e.conditions.serving === true && e.conditions.terminating === true),
      );
      if (ends.length === 0 || usable) return [];
      const pods = context.selected(service);
      const [pod] = pods;
      const probe = pod?.spec.containers.find((c) => c.readinessProbe !== undefined);
      const id = serviceId(service);
      return [
        {
          message: `${ends.length === 1 ? "its one endpoint is not ready" : `none of its ${ends.length} endpoints is ready`}: connections to ${id} are refused`,
          at: placeOf(service),
          evidence: pods
            .slice(0, 3)
            .map((p) =>
              evidence(`Pod ${p.metadata.namespace}/${p.metadata.name}: ${readiness(p)}`, placeOf(p)),
            ),
          fix: fix(
            probe === undefined
              ? `see why the pods are not ready: kubectl -n ${service.metadata.namespace} describe pod ${pod?.metadata.name ?? ""}`.trimEnd()
              : `make the readiness probe of container ${probe.name} succeed: kubectl -n ${service.metadata.namespace} describe pod ${pod?.metadata.name ?? ""} says what it answers`,
          ),
        },
      ];
    }),
};
