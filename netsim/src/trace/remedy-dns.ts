/** The line that lets a pod's queries through. */
import type { KubeObject } from "../model/types.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import { originOfObject } from "./origin.ts";
import type { Asked } from "./resolve.ts";
import { ruleLine } from "./rule-line.ts";
import type { Remedy } from "./types.ts";

/** Labels that people know DNS pods by. */
const KNOWN = ["k8s-app", "app.kubernetes.io/name", "app"];

const ownLabels = (end: Endpoint): Readonly<Record<string, string>> => {
  const key = KNOWN.find((k) => k in end.labels);
  return key === undefined ? end.labels : { [key]: end.labels[key] ?? "" };
};

export function dnsRemedy(from: Endpoint, { crossing, name }: Asked): Remedy | undefined {
  const { side, endpoint, stop } = crossing;
  const [policy] = side?.policies ?? [];
  const object: KubeObject | undefined = side?.rule?.object ?? policy;
  if (object === undefined || endpoint === undefined || side === undefined) return undefined;
  if (stop === "proxy") {
    const change = `- matchName: ${name.replace(/\.$/, "")}`;
    return {
      text: "let the DNS proxy take the name, in this rule's rules.dns",
      change,
      ...originOfObject(object, side.rule?.path),
    };
  }
  const direction = stop === "ingress" ? "ingress" : "egress";
  if (side.reason === "rule")
    return {
      text: `this rule denies DNS: put an allow for port 53 before it`,
      change: null,
      ...originOfObject(object, side.rule?.path),
    };
  const peer = stop === "ingress" ? from : { ...endpoint, labels: ownLabels(endpoint) };
  const text =
    direction === "egress"
      ? "allow DNS under spec.egress: port 53, UDP and TCP, to the DNS pods"
      : "allow DNS under spec.ingress: port 53, UDP and TCP";
  const change = ruleLine(object, direction, peer, [
    { port: 53, protocol: "UDP" },
    { port: 53, protocol: "TCP" },
  ]);
  return { text, change, ...originOfObject(object, ["spec", direction]) };
}
