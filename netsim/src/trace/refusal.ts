/** Where the service proxy lets nothing through: why, and what to change. */
import { subnetsOf } from "../model/stack.ts";
import type { Service } from "../model/types.ts";
import { contains, parseAddress, parseBlock } from "../service/address.ts";
import type { Connection } from "../service/packet.ts";
import type { ServiceResult } from "./connect.ts";
import { hop, originOfObject } from "./origin.ts";
import type { Site } from "./site.ts";
import { NOWHERE, type Hop, type Origin, type Stop } from "./types.ts";

export const stopAt = (verdict: Stop["verdict"], reason: Stop["reason"], remedy?: Stop["remedy"]): Stop => ({
  verdict,
  reason,
  ...(remedy !== undefined && { remedy }),
});

export function failed(
  service: Service | undefined,
  stop: Stop,
  what: string,
  origin?: Partial<Origin>,
  details?: Hop["details"],
): ServiceResult {
  const place = service === undefined ? NOWHERE : originOfObject(service);
  return {
    hops: [hop("service", stop.verdict, what, { ...place, ...origin }, details)],
    service,
    ways: [],
    stop,
  };
}

/** The rule of the proxy that decided, and all that the packet met. */
export function proxyDetails(site: Site, connection: Connection) {
  return { mode: site.mode, rules: connection.rules, lookups: connection.lookups, steps: connection.steps };
}

/** The rule that translated, else the last one that matched. */
export const ruleOf = ({ steps }: Connection): string | null =>
  (steps.findLast((s) => s.where === "ipvs" || /\bdnat\b/i.test(s.effect + s.rule)) ?? steps.at(-1))?.rule ??
  null;

export function refused(
  site: Site,
  service: Service | undefined,
  connection: Connection,
  at: string,
  node: string | undefined,
): ServiceResult {
  const details = proxyDetails(site, connection);
  const rule = { rule: ruleOf(connection) };
  const verdict = connection.verdict === "rejected" ? "reject" : "timeout";
  if (service === undefined && inServiceRange(site, at.replace(/:\d+\/\w+$/, "").replace(/[[\]]/g, "")))
    return failed(
      service,
      stopAt(verdict, "no-such-service"),
      `${at} is in the range of Services, and no Service has it`,
      rule,
      details,
    );
  if (service === undefined)
    return failed(
      service,
      stopAt(verdict, verdict === "reject" ? "rejected-by-proxy" : "dropped-by-proxy"),
      `${at}: ${site.mode} on ${node ?? "the node"} ${verdict === "reject" ? "rejects" : "drops"} it`,
      rule,
      details,
    );
  const id = `Service ${service.metadata.namespace}/${service.metadata.name}`;
  const { spec } = service;
  const serves = spec.ports.some(
    (p) => at.endsWith(`:${p.port}/${p.protocol}`) || at.endsWith(`:${p.nodePort ?? 0}/${p.protocol}`),
  );
  if (!serves)
    return failed(
      service,
      stopAt(verdict, "no-such-service-port", portRemedy(service)),
      `${id} does not serve ${at}`,
      rule,
      details,
    );
  if (verdict === "reject")
    return failed(
      service,
      stopAt(verdict, "no-endpoints", endpointsRemedy(site, service)),
      `${id} has no ready endpoints for ${at}: ${site.mode} answers "connection refused"`,
      rule,
      details,
    );
  const local = spec.internalTrafficPolicy === "Local" || spec.externalTrafficPolicy === "Local";
  const path = spec.internalTrafficPolicy === "Local" ? "internalTrafficPolicy" : "externalTrafficPolicy";
  if (local && !connection.steps.some((s) => /source.?range|FW-/i.test(`${s.where} ${s.rule}`)))
    return failed(
      service,
      stopAt(verdict, "no-local-endpoints", {
        text: "let other nodes' endpoints serve too",
        change: `${path}: Cluster`,
        ...originOfObject(service, ["spec", path]),
      }),
      `${id} has ${path} Local and no endpoint on ${node ?? "that node"}`,
      rule,
      details,
    );
  const ranges = (spec.loadBalancerSourceRanges ?? []).length > 0;
  return failed(
    service,
    stopAt(
      verdict,
      ranges ? "source-range" : "dropped-by-proxy",
      ranges
        ? {
            text: "add the client's range",
            change: null,
            ...originOfObject(service, ["spec", "loadBalancerSourceRanges"]),
          }
        : undefined,
    ),
    ranges
      ? `${id}: the client is in none of its loadBalancerSourceRanges`
      : `${id}: ${site.mode} drops ${at}`,
    rule,
    details,
  );
}

export function noSuchPort(service: Service, connection: Connection, at: string, site: Site): ServiceResult {
  const { ports } = service.spec;
  const id = `Service ${service.metadata.namespace}/${service.metadata.name}`;
  const list = ports.map((p) => `${p.port}/${p.protocol}`).join(", ");
  return failed(
    service,
    stopAt("timeout", "no-such-service-port", portRemedy(service)),
    `${id} does not serve ${at} (it has ${list}): no rule of ${site.mode} takes it, and its address leads nowhere`,
    originOfObject(service, ["spec", "ports"]),
    proxyDetails(site, connection),
  );
}

const portRemedy = (service: Service): Stop["remedy"] => ({
  text: `connect to a port that the Service has: ${service.spec.ports.map((p) => p.port).join(", ")}`,
  change: null,
  ...originOfObject(service, ["spec", "ports"]),
});

/** Why a Service has no endpoints: no such pods, pods that are not ready, or a named port that they do not have. */
export function endpointsRemedy({ cluster }: Site, service: Service): Stop["remedy"] {
  const { selector } = service.spec;
  if (selector === undefined)
    return {
      text: "the Service has no selector: somebody must write its EndpointSlices",
      change: null,
      ...originOfObject(service),
    };
  const chosen = cluster.pods.filter(
    (p) =>
      p.metadata.namespace === service.metadata.namespace &&
      Object.entries(selector).every(([k, v]) => p.metadata.labels[k] === v),
  );
  const at = originOfObject(service, ["spec", "selector"]);
  const text = Object.entries(selector)
    .map(([k, v]) => `${k}=${v}`)
    .join(",");
  if (chosen.length === 0)
    return {
      text: `no pod in ${service.metadata.namespace} has the labels ${text}: correct the selector`,
      change: null,
      ...at,
    };
  const named = service.spec.ports.find(
    (p) =>
      typeof p.targetPort === "string" &&
      !chosen.some((pod) =>
        pod.spec.containers.some((c) => (c.ports ?? []).some((x) => x.name === p.targetPort)),
      ),
  );
  if (named !== undefined)
    return {
      text: `no container of these pods has a port named ${named.targetPort}`,
      change: null,
      ...originOfObject(service, ["spec", "ports"]),
    };
  return {
    text: `${chosen.length === 1 ? "the pod is" : `none of ${chosen.length} pods is`} ${chosen.length === 1 ? "not " : ""}ready: see their readiness probes`,
    change: null,
    ...originOfObject(chosen[0]!),
  };
}

/** Whether the cluster's configuration says that addresses of Services are taken from there. */
export function inServiceRange({ cluster }: Site, address: string): boolean {
  const parsed = parseAddress(address);
  const { services } = subnetsOf(cluster.others, cluster.pods);
  return (
    parsed !== undefined &&
    services.some((c) => {
      const block = parseBlock(c);
      return block !== undefined && contains(block, parsed);
    })
  );
}
