/** Names of single pods: hostname, subdomain and the headless Service that gives them. */
import type { Pod, Service, Workload } from "../../model/types.ts";
import type { Context, Group } from "../context.ts";
import { create, fix, patch, set } from "../fix.ts";
import { nearest } from "../nearest.ts";
import { evidence, listText, placeOf } from "../place.ts";
import { POD_DNS, STATEFUL_SET } from "../sources.ts";
import type { Check, Draft, Place } from "../types.ts";
import { lastingLabels } from "../policy/shared.ts";
import { portsOf, serviceId } from "./shared.ts";

const isHeadless = ({ spec }: Service): boolean => spec.clusterIP === "None";
const placesOf = (pods: readonly Pod[]): readonly Place[] => pods.map((p) => placeOf(p));

/** Hostnames that the DNS server would know below a Service: those that its slices carry. */
const hostnames = (context: Context, service: Service): ReadonlySet<string> =>
  new Set(context.slicesOf(service).flatMap((s) => s.endpoints.flatMap((e) => e.hostname ?? [])));

const nameOf = ({ kubelet }: Context, host: string, service: string, namespace: string): string =>
  `${host}.${service}.${namespace}.svc.${kubelet.clusterDomain}`;

const selectsOf = ({ pods: [pod] }: Group, services: readonly Service[]): readonly Service[] =>
  services.filter((s) => {
    const wanted = Object.entries(s.spec.selector ?? {});
    return wanted.length > 0 && wanted.every(([k, v]) => pod?.metadata.labels[k] === v);
  });

const isStateful = ({ holder, pods }: Group): boolean =>
  holder.object.kind === "StatefulSet" ||
  (pods[0]?.metadata.ownerReferences ?? []).some((o) => o.kind === "StatefulSet");

const inNamespace = ({ given }: Context, namespace: string): readonly Service[] =>
  given.services.filter((s) => s.metadata.namespace === namespace);

export const noSubdomain: Check = {
  id: "NS/headless-subdomain",
  title: "A pod's hostname without a subdomain",
  severity: "warning",
  why: "A pod gets a name of its own below a headless Service only where its subdomain is the Service's name. With a hostname alone, HOSTNAME.SERVICE does not exist.",
  sources: [POD_DNS],
  run: (context) =>
    context.groups.flatMap((group): Draft[] => {
      const [pod] = group.pods as [Pod];
      const { hostname, subdomain } = pod.spec;
      const { namespace } = pod.metadata;
      if (hostname === undefined || subdomain !== undefined || isStateful(group)) return [];
      const headless = selectsOf(group, inNamespace(context, namespace).filter(isHeadless));
      const [service] = headless;
      if (service === undefined || hostnames(context, service).has(hostname)) return [];
      const { object, path } = group.holder;
      return [
        {
          message: `${nameOf(context, hostname, service.metadata.name, namespace)} does not exist: the pod has a hostname and no subdomain`,
          at: placeOf(object, [...path, "hostname"]),
          subjects: placesOf(group.pods),
          evidence: [
            evidence(
              `headless Service ${serviceId(service)} selects the pod, and carries no hostname for it`,
              placeOf(service),
            ),
          ],
          fix: fix(
            `set subdomain to ${service.metadata.name}`,
            patch(object, set([...path, "subdomain"], service.metadata.name)),
          ),
        },
      ];
    }),
};

export const subdomainWithoutService: Check = {
  id: "NS/subdomain-service",
  title: "A subdomain without its headless Service",
  severity: "error",
  why: "`subdomain` is the name of a headless Service in the pod's namespace that selects the pod. Where there is no such Service, HOSTNAME.SUBDOMAIN does not exist.",
  sources: [POD_DNS],
  run: (context) =>
    context.groups.flatMap((group): Draft[] => {
      const [pod] = group.pods as [Pod];
      const { subdomain } = pod.spec;
      const { namespace } = pod.metadata;
      if (subdomain === undefined || isStateful(group)) return [];
      const service = context.service(namespace, subdomain);
      const selects = service !== undefined && selectsOf(group, [service]).length > 0;
      const own =
        service !== undefined &&
        context.slicesOf(service).some((s) => s.endpoints.some((e) => e.hostname !== undefined));
      if (service !== undefined && isHeadless(service) && (selects || own)) return [];
      const { object, path } = group.holder;
      const at = placeOf(object, [...path, "subdomain"]);
      const host = pod.spec.hostname ?? pod.metadata.name;
      const meant = nearest(
        subdomain,
        selectsOf(group, inNamespace(context, namespace).filter(isHeadless)).map((s) => s.metadata.name),
      );
      const why =
        service === undefined
          ? `there is no Service ${namespace}/${subdomain}`
          : isHeadless(service)
            ? `Service ${serviceId(service)} does not select the pod`
            : `Service ${serviceId(service)} has a cluster IP`;
      return [
        {
          message: `${nameOf(context, host, subdomain, namespace)} does not exist: ${why}`,
          at,
          subjects: placesOf(group.pods),
          evidence: [evidence(why, service === undefined ? at : placeOf(service, ["spec"]))],
          fix:
            meant !== undefined && service === undefined
              ? fix(`set subdomain to ${meant}`, patch(object, set([...path, "subdomain"], meant)))
              : service === undefined
                ? fix(`create the headless Service ${subdomain}`, create(object, headlessFor(pod, subdomain)))
                : fix(
                    "make it a headless Service that selects the pod (a cluster IP cannot be taken away: delete it and create it anew)",
                  ),
        },
      ];
    }),
};

const headlessFor = (pod: Pod, name: string) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: pod.metadata.namespace },
  spec: {
    clusterIP: "None",
    selector: lastingLabels(pod.metadata.labels),
    ports: portsOf(pod).map(({ name: port, containerPort, protocol }) => ({
      name: port ?? `port-${containerPort}`,
      port: containerPort,
      protocol,
    })),
  },
});

/** A StatefulSet without serviceName whose pods a headless Service selects: it was meant to name them. */
function unnamed(context: Context, workload: Workload): Draft[] {
  const { namespace, name } = workload.metadata;
  const { labels } = workload.spec.template.metadata;
  const service = inNamespace(context, namespace).find((s) => {
    const wanted = Object.entries(s.spec.selector ?? {});
    return isHeadless(s) && wanted.length > 0 && wanted.every(([k, v]) => labels[k] === v);
  });
  if (service === undefined) return [];
  const own = service.metadata.name;
  return [
    {
      message: `${nameOf(context, `${name}-0`, own, namespace)} does not exist: the StatefulSet has no serviceName`,
      at: placeOf(workload, ["spec"]),
      evidence: [evidence(`headless Service ${serviceId(service)} selects its pods`, placeOf(service))],
      fix: fix(`set serviceName to ${own}`, patch(workload, set(["spec", "serviceName"], own))),
    },
  ];
}

export const statefulSetService: Check = {
  id: "NS/statefulset-service",
  title: "A StatefulSet's serviceName is no headless Service of its pods",
  severity: "warning",
  why: "The stable names of a StatefulSet's pods (POD.SERVICE) come from the headless Service that serviceName names. Without it they do not exist, though the pods run.",
  sources: [STATEFUL_SET],
  run: (context) =>
    context.given.workloads.flatMap((workload): Draft[] => {
      const { serviceName, template } = workload.spec;
      const { namespace, name } = workload.metadata;
      if (workload.kind !== "StatefulSet") return [];
      if (serviceName === undefined || serviceName === "") return unnamed(context, workload);
      const service = context.service(namespace, serviceName);
      const selects = (s: Service): boolean => {
        const wanted = Object.entries(s.spec.selector ?? {});
        return wanted.length > 0 && wanted.every(([k, v]) => template.metadata.labels[k] === v);
      };
      if (
        service !== undefined &&
        isHeadless(service) &&
        (selects(service) || service.spec.selector === undefined)
      )
        return [];
      const headless = inNamespace(context, namespace).filter((s) => isHeadless(s) && selects(s));
      const pods = context.podsIn(namespace).filter((p) => p.metadata.name.startsWith(`${name}-`));
      const [first] = headless;
      // A set that nobody has a headless Service for may well be one whose single pods nobody asks for.
      const why =
        service === undefined
          ? `there is no Service ${namespace}/${serviceName}`
          : isHeadless(service)
            ? `it does not select the pods`
            : "it has a cluster IP";
      const labels = lastingLabels(template.metadata.labels);
      const ports = template.spec.containers.flatMap((c) => c.ports ?? []);
      return [
        {
          // Nobody need tell one pod from another where there is one.
          severity: (workload.spec.replicas ?? 1) > 1 ? "warning" : "note",
          message: `${nameOf(context, `${name}-0`, serviceName, namespace)} does not exist: ${why}`,
          at: placeOf(workload, ["spec", "serviceName"]),
          subjects: pods.length === 0 ? [placeOf(workload)] : placesOf(pods),
          evidence: [
            ...(service === undefined
              ? []
              : [evidence(`Service ${serviceId(service)}: ${why}`, placeOf(service, ["spec"]))]),
            ...(first === undefined
              ? []
              : [
                  evidence(
                    `headless Services of these pods: ${listText(headless.map(serviceId))}`,
                    placeOf(first),
                  ),
                ]),
          ],
          fix:
            first !== undefined
              ? fix(
                  `set serviceName to ${first.metadata.name} (it cannot be changed in place: delete the StatefulSet with --cascade=orphan and create it anew)`,
                  patch(workload, set(["spec", "serviceName"], first.metadata.name)),
                )
              : service === undefined
                ? fix(
                    `create the headless Service ${serviceName}`,
                    create(workload, {
                      apiVersion: "v1",
                      kind: "Service",
                      metadata: { name: serviceName, namespace },
                      spec: {
                        clusterIP: "None",
                        selector: labels,
                        ports: ports.map((p) => ({
                          name: p.name ?? `port-${p.containerPort}`,
                          port: p.containerPort,
                          protocol: p.protocol,
                        })),
                      },
                    }),
                  )
                : fix(
                    `create a headless Service ${serviceName}-pods for the pods, and name it in serviceName`,
                    create(workload, {
                      apiVersion: "v1",
                      kind: "Service",
                      metadata: { name: `${serviceName}-pods`, namespace },
                      spec: {
                        clusterIP: "None",
                        selector: labels,
                        ports: ports.map((p) => ({
                          name: p.name ?? `port-${p.containerPort}`,
                          port: p.containerPort,
                          protocol: p.protocol,
                        })),
                      },
                    }),
                    patch(workload, set(["spec", "serviceName"], `${serviceName}-pods`)),
                  ),
        },
      ];
    }),
};
