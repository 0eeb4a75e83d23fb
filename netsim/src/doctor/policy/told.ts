/** Connections that workloads are told to make, and that policy denies. */
import type { KubeObject, Service, ServicePort } from "../../model/types.ts";
import type { Endpoint } from "../../policy/endpoint.ts";
import type { Side } from "../../policy/judge.ts";
import type { Direction, Probe } from "../../policy/rule.ts";
import { nearMiss } from "../../trace/near-miss.ts";
import type { Context, Group } from "../context.ts";
import { serviceNamed, toldNames } from "../dns/names.ts";
import { append, fix, patch } from "../fix.ts";
import type { Mention } from "../hosts.ts";
import { count, evidence, listText, placeOf } from "../place.ts";
import { NETWORK_POLICIES } from "../sources.ts";
import type { Check, Draft, Fix } from "../types.ts";
import {
  isCilium,
  isNetworkPolicy,
  lastingLabels,
  namespaceIs,
  placeOfSide,
  podPlace,
  policyId,
  sideEvidence,
  specsOf,
} from "./shared.ts";

interface Denied {
  readonly mention: Mention;
  readonly group: Group;
  readonly service: Service;
  readonly port: ServicePort;
  readonly probe: Probe;
  readonly direction: Direction;
  readonly side: Side;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly pods: Endpoint[];
}

export const toldDenied: Check = {
  id: "NS/told-denied",
  title: "Policy denies a connection that a workload is told to make",
  severity: "error",
  why: "The workload's environment, arguments or ConfigMap names a Service, and a policy of either end drops the connection: it waits until it times out.",
  sources: [NETWORK_POLICIES],
  run: (context) => deniedOf(context).map((denied) => draftOf(context, denied)),
};

function deniedOf(context: Context): readonly Denied[] {
  const found = new Map<string, Denied>();
  for (const { group, mentions } of toldNames(context)) {
    for (const mention of mentions) {
      const denied = judge(context, group, mention);
      if (denied === undefined) continue;
      const { side, service, direction } = denied;
      const about =
        side.rule === undefined ? side.policies.map(policyId).sort() : [policyId(side.rule.object)];
      const key = [group.id, service.metadata.namespace, service.metadata.name, direction, ...about].join(
        " ",
      );
      if (!found.has(key)) found.set(key, denied);
    }
  }
  return [...found.values()];
}

/** The first of the group's pods and of the Service's endpoints between which it is denied; of one workload all are alike. */
function judge(context: Context, group: Group, mention: Mention): Denied | undefined {
  const named = serviceNamed(context, mention.host);
  const service = named && context.service(named.namespace, named.name);
  const pods = group.pods.flatMap((p) => context.endpointOf(p) ?? []);
  const [from] = pods;
  if (service === undefined || from === undefined || from.onHost) return undefined;
  const { ports } = service.spec;
  const port =
    mention.port === undefined
      ? ports.length === 1
        ? ports[0]
        : undefined
      : ports.find((p) => p.port === mention.port);
  if (port === undefined) return undefined;
  const { engine } = context;
  for (const slice of context.slicesOf(service)) {
    const target = slice.ports.find(
      (p) => (p.name ?? "") === (port.name ?? "") && p.protocol === port.protocol,
    )?.port;
    const ready = slice.endpoints.find((e) => e.conditions?.ready !== false);
    const to = ready?.addresses[0] === undefined ? undefined : context.endpointAt(ready.addresses[0]);
    if (target === undefined || to === undefined || to.id === from.id || to.address.v6 !== from.address.v6)
      continue;
    const probe = { port: target, protocol: port.protocol };
    for (const direction of ["egress", "ingress"] as const) {
      const [subject, peer] = direction === "egress" ? [from, to] : [to, from];
      const side = engine.judge.side(subject, peer, probe, direction);
      if (side.action === "deny")
        return { mention, group, service, port, probe, direction, side, from, to, pods };
    }
  }
  return undefined;
}

function draftOf(context: Context, denied: Denied): Draft {
  const { mention, group, service, port, probe, direction, side, from, to, pods } = denied;
  const [subject, peer] = direction === "egress" ? [from, to] : [to, from];
  const asked = { address: service.spec.clusterIP ?? to.address.text, port: port.port };
  const near = side.rule === undefined ? nearMiss({ side, direction, peer, probe, asked }) : undefined;
  const policy =
    side.rule?.object ?? side.policies.find((p) => isNetworkPolicy(p) || isCilium(p)) ?? side.policies[0];
  return {
    message: `${count(pods.length, "pod")} of ${group.id} may not connect to ${mention.host}:${port.port}: ${direction} of ${subject.id} is denied`,
    at: near ?? (policy === undefined ? placeOfSide(side) : placeOf(policy, ["spec", direction])),
    subjects: pods.map(podPlace),
    evidence: [
      evidence(`${mention.where} names ${mention.host}`, placeOf(mention.object, mention.path)),
      sideEvidence(side, direction, subject, peer, probe),
      ...(near === undefined
        ? []
        : [{ text: near.text, object: near.object, file: near.file, line: near.line }]),
    ],
    fix:
      policy === undefined || side.rule !== undefined
        ? fix(`allow it: ${listText(side.policies.map(policyId))}`)
        : allow(policy, direction, peer, probe),
    cause: `${group.id} ${mention.host} ${direction}`,
  };
}

/** One rule more, for these pods and this port. */
function allow(policy: KubeObject, direction: Direction, peer: Endpoint, { port, protocol }: Probe): Fix {
  const text = `allow ${direction} ${direction === "egress" ? "to" : "from"} the pods of ${peer.id} on port ${port}/${protocol}`;
  const matchLabels = lastingLabels(peer.labels);
  const foreign = peer.namespace !== policy.metadata.namespace;
  if (isNetworkPolicy(policy)) {
    const whom = {
      ...(foreign && { namespaceSelector: namespaceIs(peer.namespace) }),
      podSelector: { matchLabels },
    };
    const key = direction === "egress" ? "to" : "from";
    const rule = { [key]: [whom], ports: [{ protocol, port }] };
    return fix(text, patch(policy, append(["spec", direction], policy.spec[direction], rule)));
  }
  const [spec] = isCilium(policy) ? specsOf(policy) : [];
  if (spec === undefined) return fix(text);
  const labels = { ...(foreign && { "k8s:io.kubernetes.pod.namespace": peer.namespace }), ...matchLabels };
  const key = direction === "egress" ? "toEndpoints" : "fromEndpoints";
  const rule = { [key]: [{ matchLabels: labels }], toPorts: [{ ports: [{ port: String(port), protocol }] }] };
  return fix(text, patch(policy, append([...spec.path, direction], spec.spec[direction], rule)));
}
