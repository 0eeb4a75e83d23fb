/** Where a Service's traffic may go, from where, and as whose: traffic policies, affinity, source ranges, families. */
import type { Pod, Service } from "../../model/types.ts";
import { backendRefs } from "../../gateway/attach.ts";
import { fields, list, text } from "../../gateway/fields.ts";
import { readRef, readRoutes } from "../../gateway/objects.ts";
import { parseAddress, parseBlock } from "../../service/address.ts";
import type { Context } from "../context.ts";
import { fix, patch, remove, set } from "../fix.ts";
import { evidence, listText, placeOf } from "../place.ts";
import { DUAL_STACK, SERVICE, SOURCE_IP, VIRTUAL_IPS } from "../sources.ts";
import type { Check, Draft } from "../types.ts";
import { serviceId } from "./shared.ts";

/** Nodes with a ready endpoint; undefined where an endpoint does not say where it is. */
function nodesWithEndpoints(context: Context, service: Service): ReadonlySet<string> | undefined {
  const ready = context
    .slicesOf(service)
    .flatMap((s) => s.endpoints)
    .filter((e) => e.conditions?.ready !== false);
  if (ready.length === 0 || ready.some((e) => e.nodeName === undefined)) return undefined;
  return new Set(ready.map((e) => e.nodeName as string));
}

/** What the service proxy of a node does to a connection there. */
function fateAt(context: Context, service: Service, node: string, from: string, to: string): string {
  const [port] = service.spec.ports;
  if (port === undefined) return "nothing";
  const number = to === service.spec.clusterIP ? port.port : (port.nodePort ?? 0);
  const [way] = context.site.ways(node, from, to, number, port.protocol) ?? [];
  return way === undefined ? "nothing" : way.connection.verdict;
}

export const externalLocal: Check = {
  id: "NS/external-policy-local",
  title: "externalTrafficPolicy Local on nodes without endpoints",
  severity: "warning",
  why: "With Local a node passes outside traffic only to pods of its own and drops the rest. A load balancer learns by the health check port which nodes have some; clients that connect to a NodePort do not.",
  sources: [SOURCE_IP, VIRTUAL_IPS],
  run: (context) =>
    context.given.services.flatMap((service): Draft[] => {
      const { type, externalTrafficPolicy, ports } = service.spec;
      if (type !== "NodePort" || externalTrafficPolicy !== "Local") return [];
      const having = nodesWithEndpoints(context, service);
      const nodes = context.given.nodes.filter((n) => n.spec.unschedulable !== true);
      const without = having === undefined ? [] : nodes.filter((n) => !having.has(n.metadata.name));
      const [node] = without;
      if (node === undefined) return [];
      const names = without.map((n) => n.metadata.name);
      const completed = context.cluster.services.find((s) => serviceId(s) === serviceId(service)) ?? service;
      const own = node.status.addresses?.find((a) => a.type === "InternalIP")?.address;
      const nodePort = completed.spec.ports[0]?.nodePort;
      const fate =
        own === undefined ? undefined : fateAt(context, completed, node.metadata.name, OUTSIDE, own);
      return [
        {
          message: `connections to ${serviceId(service)} by ${listText(names)} get nowhere: no endpoint is there`,
          at: placeOf(service, ["spec", "externalTrafficPolicy"]),
          subjects: without.map((n) => placeOf(n)),
          evidence: [
            evidence(`endpoints are on ${listText([...(having ?? [])])}`),
            ...(fate === undefined || ports.length === 0
              ? []
              : [
                  evidence(
                    `${OUTSIDE} to ${own}:${nodePort}: ${fate} by ${context.site.mode} of node ${node.metadata.name}`,
                    placeOf(node),
                  ),
                ]),
          ],
          fix: fix(
            "use Cluster where the client's address is not needed; else a DaemonSet, or a load balancer that asks the health check port",
            patch(service, set(["spec", "externalTrafficPolicy"], "Cluster")),
          ),
        },
      ];
    }),
};

/** Of the documentation (RFC 5737). */
const OUTSIDE = "203.0.113.9";

export const internalLocal: Check = {
  id: "NS/internal-policy-local",
  title: "internalTrafficPolicy Local on nodes without endpoints",
  severity: "warning",
  why: "With Local a pod reaches only endpoints on its own node. On a node without one its connections are dropped, however many endpoints there are elsewhere.",
  sources: [SERVICE, VIRTUAL_IPS],
  run: (context) =>
    context.given.services.flatMap((service): Draft[] => {
      if (service.spec.internalTrafficPolicy !== "Local") return [];
      const having = nodesWithEndpoints(context, service);
      if (having === undefined) return [];
      const behind = new Set(context.selected(service));
      const clients = context.pods.filter(
        (p) =>
          p.spec.nodeName !== undefined &&
          !having.has(p.spec.nodeName) &&
          p.spec.hostNetwork !== true &&
          !behind.has(p),
      );
      const [client] = clients as [Pod | undefined];
      if (client === undefined) return [];
      const nodes = [...new Set(clients.flatMap((p) => p.spec.nodeName ?? []))].sort();
      const completed = context.cluster.services.find((s) => serviceId(s) === serviceId(service)) ?? service;
      const ip = completed.spec.clusterIP ?? "";
      const fate = fateAt(context, completed, client.spec.nodeName ?? "", client.status.podIP ?? "", ip);
      return [
        {
          message: `pods on ${listText(nodes)} cannot reach ${serviceId(service)}: it has no endpoint there`,
          at: placeOf(service, ["spec", "internalTrafficPolicy"]),
          evidence: [
            evidence(`endpoints are on ${listText([...having])}`),
            evidence(
              `Pod ${client.metadata.namespace}/${client.metadata.name} on ${client.spec.nodeName ?? ""} to ${ip}: ${fate} by ${context.site.mode}`,
              placeOf(client),
            ),
          ],
          fix: fix(
            "use Cluster, or run the pods as a DaemonSet (trafficDistribution: PreferSameNode prefers the own node without insisting)",
            patch(service, set(["spec", "internalTrafficPolicy"], "Cluster")),
          ),
        },
      ];
    }),
};

export const affinityBehindProxy: Check = {
  id: "NS/affinity-proxy",
  title: "sessionAffinity behind a proxy",
  severity: "warning",
  why: "sessionAffinity ClientIP goes by the address of whoever connects. Behind an Ingress or a Gateway that is the proxy, or the proxy picks endpoints by itself and never asks: users do not stay with their pod.",
  sources: [SERVICE, VIRTUAL_IPS],
  run: (context) =>
    context.given.services.flatMap((service): Draft[] => {
      if (service.spec.sessionAffinity !== "ClientIP") return [];
      const { namespace, name } = service.metadata;
      const ingress = context.given.ingresses.find(
        (o) =>
          o.metadata.namespace === namespace &&
          list(fields(o.spec)["rules"]).some((r) =>
            list(fields(fields(r)["http"])["paths"]).some(
              (p) => text(fields(fields(fields(p)["backend"])["service"])["name"]) === name,
            ),
          ),
      );
      if (ingress === undefined) return behindRoute(context, service);
      return [
        {
          message: `it is a backend of Ingress ${namespace}/${ingress.metadata.name}: its ClientIP affinity does not see the users`,
          at: placeOf(service, ["spec", "sessionAffinity"]),
          evidence: [
            evidence(`Ingress ${namespace}/${ingress.metadata.name} sends requests to it`, placeOf(ingress)),
          ],
          fix: fix(
            "let the Ingress controller keep sessions, by a cookie",
            patch(service, set(["spec", "sessionAffinity"], "None")),
            patch(
              ingress,
              set(["metadata", "annotations"], {
                ...ingress.metadata.annotations,
                "nginx.ingress.kubernetes.io/affinity": "cookie",
              }),
            ),
          ),
        },
      ];
    }),
};

/** The same behind a Gateway, whose proxy picks endpoints by itself. */
function behindRoute({ given }: Context, service: Service): Draft[] {
  const { namespace, name } = service.metadata;
  const route = readRoutes(given).find((r) =>
    r.rules.some((rule) =>
      backendRefs(rule).some((ref) => {
        const to = readRef(ref, r.namespace, "Service");
        return to.kind === "Service" && to.namespace === namespace && to.name === name;
      }),
    ),
  );
  if (route === undefined) return [];
  const id = `${route.kind} ${route.namespace}/${route.name}`;
  return [
    {
      message: `it is a backend of ${id}: its ClientIP affinity does not see the users`,
      at: placeOf(service, ["spec", "sessionAffinity"]),
      evidence: [evidence(`${id} sends requests to it`, placeOf(route.object))],
      fix: fix(
        "let the Gateway keep sessions (sessionPersistence of the route's rule, where the controller has it)",
        patch(service, set(["spec", "sessionAffinity"], "None")),
      ),
    },
  ];
}

export const sourceRanges: Check = {
  id: "NS/source-ranges",
  title: "loadBalancerSourceRanges that restrict nothing",
  severity: "warning",
  why: "A range of all addresses beside narrower ones lets everybody in; and the field counts only for Services of type LoadBalancer.",
  sources: [SERVICE],
  run: (context) =>
    context.given.services.flatMap((service): Draft[] => {
      const { loadBalancerSourceRanges: ranges = [], type } = service.spec;
      const path = ["spec", "loadBalancerSourceRanges"];
      if (ranges.length === 0) return [];
      if (type !== "LoadBalancer")
        return [
          {
            message: `it is of type ${type}: loadBalancerSourceRanges has no effect`,
            at: placeOf(service, path),
            evidence: [evidence(`ranges ${listText(ranges)}`, placeOf(service, path))],
            fix: fix(
              "restrict it with a NetworkPolicy, and take the field away",
              patch(service, remove(path)),
            ),
          },
        ];
      const all = ranges.filter((r) => parseBlock(r)?.bits === 0);
      const narrow = ranges.filter((r) => parseBlock(r)?.bits !== 0);
      if (all.length === 0 || narrow.length === 0) return [];
      return [
        {
          message: `${listText(all)} lets everybody in to ${serviceId(service)}, beside ${listText(narrow)}`,
          at: placeOf(service, [...path, ranges.indexOf(all[0] as string)]),
          evidence: [evidence("kube-proxy takes a range of zero bits for no restriction at all")],
          fix: fix(`leave ${listText(all)} out`, patch(service, set(path, narrow))),
        },
      ];
    }),
};

export const familyGap: Check = {
  id: "NS/dual-stack",
  title: "A dual-stack Service without endpoints of one family",
  severity: "warning",
  why: "The Service has an address of both families, its endpoints of one. Clients that prefer the other are refused: with IPv6 first in line that is most of them.",
  sources: [DUAL_STACK],
  run: (context) =>
    context.given.services.flatMap((service): Draft[] => {
      const { clusterIPs = [], type, ipFamilyPolicy } = service.spec;
      if (type === "ExternalName" || clusterIPs.length < 2) return [];
      const families = [...new Set(clusterIPs.flatMap((ip) => parseAddress(ip)?.family ?? []))];
      const slices = context.slicesOf(service);
      const have = new Set(slices.filter((s) => s.endpoints.length > 0).map((s) => s.addressType));
      const missing = families.filter((f) => !have.has(f));
      if (have.size === 0 || missing.length === 0) return [];
      const kept = families.filter((f) => have.has(f));
      const ip = clusterIPs.find((a) => parseAddress(a)?.family === missing[0]) ?? "";
      const own = clusterIPs.filter((a) => kept.includes(parseAddress(a)?.family ?? "IPv4"));
      return [
        {
          message: `it has ${ip} and no ${missing[0]} endpoint: connections to it are refused`,
          at: placeOf(service, ["spec", "ipFamilies"]),
          evidence: slices.map((s) =>
            evidence(
              `EndpointSlice ${s.metadata.name}: ${s.addressType}, ${s.endpoints.length} endpoints`,
              placeOf(s),
            ),
          ),
          fix: fix(
            `give the pods ${missing[0]} addresses (the CNI's and the nodes' podCIDRs), or make the Service ${listText(kept)} only${ipFamilyPolicy === undefined ? "" : ` in the place of ${ipFamilyPolicy}`}`,
            patch(
              service,
              set(["spec", "ipFamilyPolicy"], "SingleStack"),
              set(["spec", "ipFamilies"], kept),
              set(["spec", "clusterIP"], own[0] ?? ""),
              set(["spec", "clusterIPs"], own),
            ),
          ),
        },
      ];
    }),
};
