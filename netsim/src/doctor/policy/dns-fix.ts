/** The rule that lets a pod's queries through, written into the policy that stops them. */
import type { CalicoPolicy, CiliumNetworkPolicy, KubeObject, NetworkPolicy } from "../../model/types.ts";
import type { Endpoint } from "../../policy/endpoint.ts";
import type { Rule, RuleRef } from "../../policy/rule.ts";
import { append, fix, patch, set } from "../fix.ts";
import type { Change, Fix } from "../types.ts";
import type { Blocked } from "./dns-scan.ts";
import { isCilium, isNetworkPolicy, lastingLabels, namespaceIs, specsOf } from "./shared.ts";

/** Port 53 by both protocols. */
export const BOTH = [
  { protocol: "UDP", port: 53 },
  { protocol: "TCP", port: 53 },
] as const;

export function allowDns(policy: KubeObject, { server, probe }: Blocked): Fix {
  const ports = BOTH.map((p) => ({ ...p, port: probe.port }));
  const text = `allow port ${probe.port}, UDP and TCP, to the DNS pods`;
  if (isNetworkPolicy(policy)) {
    const rule = { to: [peerOf(server)], ports };
    return fix(text, patch(policy, append(["spec", "egress"], policy.spec.egress, rule)));
  }
  if (isCalico(policy)) return fix(text, ...calicoRules(policy, server, probe.port));
  const [spec] = isCilium(policy) ? specsOf(policy) : [];
  if (spec === undefined) return fix(text);
  return fix(
    text,
    patch(policy, append([...spec.path, "egress"], spec.spec.egress, ciliumRule(server, probe.port))),
  );
}

const isCalico = (o: KubeObject): o is CalicoPolicy => /^(crd\.)?projectcalico\.org\//.test(o.apiVersion);

/** Before the others: the first rule that matches counts. */
function calicoRules(policy: CalicoPolicy, server: Endpoint, port: number): readonly Change[] {
  const destination = {
    namespaceSelector: `kubernetes.io/metadata.name == '${server.namespace}'`,
    selector: Object.entries(lastingLabels(server.labels))
      .map(([key, value]) => `${key} == '${value}'`)
      .join(" && "),
    ports: [port],
  };
  const rules = BOTH.map(({ protocol }) => ({ action: "Allow", protocol, destination }));
  const path = ["spec", "egress"];
  if (policy.spec.egress === undefined) return [patch(policy, set(path, rules))];
  return [patch(policy, ...[...rules].reverse().map((rule) => set([...path, 0], rule)))];
}

const peerOf = (server: Endpoint) => ({
  namespaceSelector: namespaceIs(server.namespace),
  podSelector: { matchLabels: lastingLabels(server.labels) },
});

const ciliumRule = (server: Endpoint, port: number) => ({
  toEndpoints: [
    { matchLabels: { "k8s:io.kubernetes.pod.namespace": server.namespace, ...lastingLabels(server.labels) } },
  ],
  toPorts: [{ ports: [{ port: String(port), protocol: "ANY" }], rules: { dns: [{ matchPattern: "*" }] } }],
});

export function correctPeer(object: KubeObject, path: Rule["ref"]["path"], blocked: Blocked): Fix {
  const { server, probe } = blocked;
  const text = `select the DNS pods by their namespace ${server.namespace} and their labels`;
  if (isNetworkPolicy(object)) {
    const rule = (object as NetworkPolicy).spec.egress?.[Number(path[2])];
    const to = [...path, "to"];
    const only = rule?.to?.length === 1;
    return fix(text, patch(object, only ? set(to, [peerOf(server)]) : append(to, rule?.to, peerOf(server))));
  }
  if (!isCilium(object)) return fix(text);
  const { toEndpoints } = ciliumRule(server, probe.port);
  return fix(text, patch(object, set([...path, "toEndpoints"], toEndpoints)));
}

export function addTcp({ beside, probe }: Blocked): Fix {
  const text = `allow TCP ${probe.port} beside UDP`;
  const ref = beside?.rule;
  if (ref === undefined) return fix(text);
  const { object, path } = ref;
  if (isNetworkPolicy(object))
    return fix(text, patch(object, set([...path, "ports", "-"], { protocol: "TCP", port: probe.port })));
  if (!isCilium(object)) return fix(text);
  const place = specsOf(object as CiliumNetworkPolicy).find((s) => s.path.every((p, i) => p === path[i]));
  const rule = place?.spec.egress?.[Number(path.at(-1))];
  const at = (rule?.toPorts ?? []).findIndex((t) =>
    (t.ports ?? []).some((p) => p.port === String(probe.port)),
  );
  if (at < 0) return fix(text);
  return fix(
    text,
    patch(object, set([...path, "toPorts", at, "ports", "-"], { port: String(probe.port), protocol: "TCP" })),
  );
}

/** `protocol` is TCP where nothing is written. */
export const addUdp = ({ object, path }: RuleRef, port: number): Fix =>
  fix(`allow UDP ${port} beside TCP`, patch(object, set([...path, "ports", "-"], { protocol: "UDP", port })));

/** The address of a cache on the node is no pod's. */
export function allowAddress(policy: KubeObject, { address }: Endpoint): Fix {
  const text = `allow port 53 to ${address.text} too`;
  const cidr = `${address.text}/${address.v6 ? 128 : 32}`;
  if (isNetworkPolicy(policy)) {
    const rule = { to: [{ ipBlock: { cidr } }], ports: BOTH };
    return fix(text, patch(policy, append(["spec", "egress"], policy.spec.egress, rule)));
  }
  const [spec] = isCilium(policy) ? specsOf(policy) : [];
  if (spec === undefined) return fix(text);
  const rule = { toCIDR: [cidr], toPorts: [{ ports: [{ port: "53", protocol: "ANY" }] }] };
  return fix(text, patch(policy, append([...spec.path, "egress"], spec.spec.egress, rule)));
}

/** Every client, at the DNS pods themselves. */
export function letIn(policy: KubeObject, { side, probe }: Blocked): Fix {
  const text = `let every namespace in on port ${probe.port}`;
  if (!isNetworkPolicy(policy) || side.rule !== undefined) return fix(text);
  const rule = { from: [{ namespaceSelector: {} }], ports: BOTH.map((p) => ({ ...p, port: probe.port })) };
  return fix(text, patch(policy, append(["spec", "ingress"], policy.spec.ingress, rule)));
}
