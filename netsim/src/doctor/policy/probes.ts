/** The kubelet's probes, seen by policy. */
import type { Container, Pod } from "../../model/types.ts";
import type { Endpoint } from "../../policy/endpoint.ts";
import type { Context } from "../context.ts";
import { fix } from "../fix.ts";
import { count, listText } from "../place.ts";
import { NETWORK_POLICIES, PROBES } from "../sources.ts";
import type { Check, Draft } from "../types.ts";
import { placeOfSide, podPlace, policyId, sideEvidence } from "./shared.ts";
import { patch, remove } from "../fix.ts";
import type { Side } from "../../policy/judge.ts";

/** Ports that the kubelet asks for each of a container's probes, by number. */
function portsOf({ ports = [], readinessProbe, livenessProbe, startupProbe }: Container): readonly number[] {
  const probes = [readinessProbe, livenessProbe, startupProbe].flatMap((p) => p ?? []);
  const wanted = probes.flatMap((p) => [p.httpGet?.port, p.tcpSocket?.port, p.grpc?.port]);
  return wanted.flatMap((port) =>
    typeof port === "string" ? (ports.find((p) => p.name === port)?.containerPort ?? []) : (port ?? []),
  );
}

interface Blocked {
  readonly side: Side;
  readonly port: number;
  readonly host: Endpoint;
  readonly pods: Endpoint[];
}

export const probeBlocked: Check = {
  id: "NS/probe-blocked",
  title: "Policy keeps the kubelet's probes out",
  severity: "error",
  why: "Probes come from the pod's own node. Most CNIs always let them in; where a policy denies the node itself (Cilium's ingressDeny of host or all), the pod never gets ready, or is restarted for ever.",
  sources: [PROBES, NETWORK_POLICIES],
  run: (context) => [...blocked(context).values()].map(draftOf),
};

function blocked(context: Context): ReadonlyMap<string, Blocked> {
  const { engine, cluster } = context;
  const hosts = new Map(cluster.nodes.map((n) => [n.metadata.name, engine.endpoints.node(n)]));
  const found = new Map<string, Blocked>();
  for (const pod of context.pods) {
    const ports = portsOfPod(pod);
    const end = ports.length === 0 || pod.spec.hostNetwork === true ? undefined : engine.endpoints.pod(pod);
    const host = end && hosts.get(end.node);
    if (end === undefined || host === undefined || engine.judge.stages(end, "ingress").length === 0) continue;
    for (const port of ports) {
      const side = engine.judge.side(end, host, { port, protocol: "TCP" }, "ingress");
      if (side.action !== "deny") continue;
      const about =
        side.rule === undefined
          ? side.policies.map(policyId).join()
          : `${policyId(side.rule.object)} ${side.rule.path.join(".")}`;
      const known = found.get(about);
      if (known === undefined) found.set(about, { side, port, host, pods: [end] });
      else if (!known.pods.includes(end)) known.pods.push(end);
      break;
    }
  }
  return found;
}

const portsOfPod = ({ spec }: Pod): readonly number[] => spec.containers.flatMap(portsOf);

function draftOf({ side, port, host, pods }: Blocked): Draft {
  const [pod] = pods as [Endpoint];
  const { rule } = side;
  const text = "let the node in: except it from this rule, or take the rule away";
  return {
    message: `the probe of ${count(pods.length, "pod")} (${listText(pods.map((p) => p.id))}) at port ${port} is denied`,
    at: placeOfSide(side),
    subjects: pods.map(podPlace),
    evidence: [sideEvidence(side, "ingress", pod, host, { port, protocol: "TCP" })],
    fix: rule === undefined ? fix(text) : fix(text, patch(rule.object, remove(rule.path))),
  };
}
