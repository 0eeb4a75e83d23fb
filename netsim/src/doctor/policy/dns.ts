/** Policies that keep pods from the cluster's DNS. */
import type { CiliumNetworkPolicy, KubeObject, NetworkPolicy } from "../../model/types.ts";
import type { Endpoint } from "../../policy/endpoint.ts";
import { portsMatch, type Rule } from "../../policy/rule.ts";
import type { Context } from "../context.ts";
import { append, fix, patch, set } from "../fix.ts";
import { count, evidence, listText, placeOf } from "../place.ts";
import { coredns, DEBUG_DNS, NETWORK_POLICIES, NODELOCAL } from "../sources.ts";
import type { Check, Draft, Fix } from "../types.ts";
import { dnsScan, type Blocked } from "./dns-scan.ts";
import {
  isCilium,
  isNetworkPolicy,
  lastingLabels,
  lookupEvidence,
  namespaceIs,
  placeOfSide,
  podPlace,
  sideEvidence,
  specsOf,
  usualName,
} from "./shared.ts";

const BOTH = [
  { protocol: "UDP", port: 53 },
  { protocol: "TCP", port: 53 },
] as const;

/** The policy to put a rule into: one that has rules already says more of what was meant than one that denies all. */
function policyOf({ side }: Blocked): KubeObject | undefined {
  const policies = side.rule === undefined ? side.policies : [side.rule.object];
  const withRules = policies.find(
    (p) => (isNetworkPolicy(p) && (p.spec.egress ?? []).length > 0) || isCilium(p),
  );
  return withRules ?? policies[0];
}

/** A rule's ports take the probe, by number or name and not because it takes everything. */
const isForPort = (rule: Rule, { probe, server }: Blocked): boolean =>
  rule.ports !== undefined &&
  portsMatch(rule, probe, server.ports) &&
  rule.ports.some((p) => "name" in p || p.to - p.from < 1000);

/** A rule that is there for DNS, and selects somebody else. */
function strayRule(context: Context, blocked: Blocked): Rule | undefined {
  const [pod] = blocked.pods;
  if (pod === undefined || blocked.side.reason !== "default-deny") return undefined;
  const stages = context.engine.judge.stages(pod, "egress");
  return stages
    .flatMap((s) => s.rules)
    .find((r) => r.action !== "deny" && r.peers !== undefined && isForPort(r, blocked));
}

function allowDns(policy: KubeObject, { server, probe }: Blocked): Fix {
  const ports = BOTH.map((p) => ({ ...p, port: probe.port }));
  const text = `allow port ${probe.port}, UDP and TCP, to the DNS pods`;
  if (isNetworkPolicy(policy)) {
    const rule = { to: [peerOf(server)], ports };
    return fix(text, patch(policy, append(["spec", "egress"], policy.spec.egress, rule)));
  }
  const [spec] = isCilium(policy) ? specsOf(policy) : [];
  if (spec === undefined) return fix(text);
  return fix(
    text,
    patch(policy, append([...spec.path, "egress"], spec.spec.egress, ciliumRule(server, probe.port))),
  );
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

const subjectsOf = ({ pods }: Blocked) => pods.map(podPlace);
const podsText = ({ pods }: Blocked): string =>
  `${count(pods.length, "pod")} (${listText(pods.map((p) => p.id))})`;

async function seen(context: Context, blocked: Blocked) {
  const [pod] = blocked.pods as [Endpoint];
  const { side, server, probe, trouble } = blocked;
  const judged =
    trouble === "ingress"
      ? sideEvidence(side, "ingress", server, pod, probe)
      : sideEvidence(side, "egress", pod, server, probe);
  const lookups = await lookupEvidence(context, pod, usualName(context, pod.namespace));
  return [judged, ...lookups];
}

/** Findings of one kind of trouble; `stray`: only those that have, or have not, a rule which is there for DNS. */
async function blockedBy(
  context: Context,
  trouble: Blocked["trouble"],
  make: (blocked: Blocked, policy: KubeObject) => Pick<Draft, "message" | "fix"> & Partial<Draft>,
  stray?: boolean,
): Promise<Draft[]> {
  const drafts: Draft[] = [];
  for (const blocked of dnsScan(context)) {
    const policy = policyOf(blocked);
    if (blocked.trouble !== trouble || policy === undefined) continue;
    if (stray !== undefined && (strayRule(context, blocked) !== undefined) !== stray) continue;
    drafts.push({
      at:
        policy === blocked.side.rule?.object
          ? placeOfSide(blocked.side)
          : placeOf(policy, ["spec", "egress"]),
      subjects: subjectsOf(blocked),
      evidence: await seen(context, blocked),
      ...make(blocked, policy),
    });
  }
  return drafts;
}

export const dnsEgressBlocked: Check = {
  id: "NS/dns-egress",
  title: "Egress policy forgets DNS",
  severity: "error",
  why: "A pod whose egress is restricted reaches nothing that no rule allows, the cluster's DNS included: every lookup waits until it times out, and the program says that the host is unknown.",
  sources: [NETWORK_POLICIES, DEBUG_DNS],
  run: (context) =>
    blockedBy(
      context,
      "egress",
      (blocked, policy) => ({
        message: `no egress rule lets ${podsText(blocked)} ask the cluster's DNS: queries to port ${blocked.probe.port} are dropped`,
        fix:
          blocked.side.rule === undefined
            ? allowDns(policy, blocked)
            : fix("this rule denies it: put an allow for port 53 before it, or take the DNS pods out of it"),
      }),
      false,
    ),
};

export const dnsEgressPeer: Check = {
  id: "NS/dns-egress-peer",
  title: "Egress rule for DNS selects other pods",
  severity: "error",
  why: "There is a rule for port 53, but its selectors do not find the pods that serve DNS here (another label, another namespace), so queries are dropped as if the rule were not there.",
  sources: [NETWORK_POLICIES, DEBUG_DNS],
  run: (context) =>
    blockedBy(
      context,
      "egress",
      (blocked) => {
        const rule = strayRule(context, blocked) as Rule;
        const { object, path, text } = rule.ref;
        const at = placeOf(object, path);
        const labels = Object.entries(blocked.server.labels).map(([k, v]) => `${k}=${v}`);
        return {
          message: `the rule "${text}" is for DNS and does not select ${blocked.server.id}, so ${podsText(blocked)} cannot look up any name`,
          at,
          evidence: [
            sideEvidence(blocked.side, "egress", blocked.pods[0] as Endpoint, blocked.server, blocked.probe),
            evidence(`${blocked.server.id} has the labels ${labels.join(", ")}`, podPlace(blocked.server)),
          ],
          fix: correctPeer(object, path, blocked),
        };
      },
      true,
    ),
};

function correctPeer(object: KubeObject, path: Rule["ref"]["path"], blocked: Blocked): Fix {
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

export const dnsEgressTcp: Check = {
  id: "NS/dns-egress-tcp",
  title: "DNS is allowed over UDP only",
  severity: "warning",
  why: "An answer that does not fit a datagram (many addresses, SRV records, DNSSEC) comes truncated, and the resolver asks again over TCP: these lookups fail, and only these.",
  sources: [NETWORK_POLICIES, coredns(5362)],
  run: (context) =>
    blockedBy(context, "egress-tcp", (blocked) => {
      const { beside, probe } = blocked;
      const at = beside?.rule === undefined ? undefined : placeOf(beside.rule.object, beside.rule.path);
      return {
        message: `${podsText(blocked)} may ask the cluster's DNS over UDP and not over TCP`,
        ...(at !== undefined && { at }),
        evidence: [
          sideEvidence(blocked.side, "egress", blocked.pods[0] as Endpoint, blocked.server, probe),
          ...(beside === undefined
            ? []
            : [
                sideEvidence(beside, "egress", blocked.pods[0] as Endpoint, blocked.server, {
                  ...probe,
                  protocol: "UDP",
                }),
              ]),
        ],
        fix: addTcp(blocked),
      };
    }),
};

function addTcp({ beside, probe }: Blocked): Fix {
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

export const dnsEgressNodeLocal: Check = {
  id: "NS/dns-egress-nodelocal",
  title: "Egress policy does not know the DNS cache on the node",
  severity: "warning",
  why: "With NodeLocal DNSCache a query goes to an address of the node itself and is not translated to a DNS pod: a rule that selects the DNS pods does not take it. Where the CNI lets pods reach their own node whatever policy says, it works; elsewhere every lookup times out.",
  sources: [NODELOCAL, NETWORK_POLICIES],
  run: (context) =>
    blockedBy(context, "egress-nodelocal", (blocked, policy) => {
      const address = blocked.server.address.text;
      const cidr = `${address}/${blocked.server.address.v6 ? 128 : 32}`;
      const text = `allow port 53 to ${address} too`;
      const list = isNetworkPolicy(policy) ? policy.spec.egress : undefined;
      const [spec] = isCilium(policy) ? specsOf(policy) : [];
      const ports = BOTH.map((p) => ({ ...p }));
      return {
        message: `${podsText(blocked)} ask the cache on their node at ${address}, which no egress rule allows`,
        evidence: [
          sideEvidence(blocked.side, "egress", blocked.pods[0] as Endpoint, blocked.server, blocked.probe),
        ],
        fix: isNetworkPolicy(policy)
          ? fix(text, patch(policy, append(["spec", "egress"], list, { to: [{ ipBlock: { cidr } }], ports })))
          : spec === undefined
            ? fix(text)
            : fix(
                text,
                patch(
                  policy,
                  append([...spec.path, "egress"], spec.spec.egress, {
                    toCIDR: [cidr],
                    toPorts: [{ ports: [{ port: "53", protocol: "ANY" }] }],
                  }),
                ),
              ),
      };
    }),
};

export const dnsIngressBlocked: Check = {
  id: "NS/dns-ingress",
  title: "Policy of the DNS pods keeps clients out",
  severity: "error",
  why: "The DNS pods accept queries only from whom their own ingress policies name: everybody else's lookups time out.",
  sources: [NETWORK_POLICIES, DEBUG_DNS],
  run: (context) =>
    blockedBy(context, "ingress", (blocked, policy) => {
      const ports = BOTH.map((p) => ({ ...p, port: blocked.probe.port }));
      const text = `let every namespace in on port ${blocked.probe.port}`;
      return {
        message: `policy of the DNS pods drops the queries of ${podsText(blocked)}`,
        at: placeOf(policy, ["spec", "ingress"]),
        fix:
          isNetworkPolicy(policy) && blocked.side.rule === undefined
            ? fix(
                text,
                patch(
                  policy,
                  append(["spec", "ingress"], policy.spec.ingress, {
                    from: [{ namespaceSelector: {} }],
                    ports,
                  }),
                ),
              )
            : fix(text),
      };
    }),
};
