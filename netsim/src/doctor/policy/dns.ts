/** Policies that keep pods from the cluster's DNS. */
import type { KubeObject } from "../../model/types.ts";
import type { Endpoint } from "../../policy/endpoint.ts";
import { portsMatch, type Rule, type RuleRef } from "../../policy/rule.ts";
import type { Context } from "../context.ts";
import { fix } from "../fix.ts";
import { count, evidence, listText, placeOf } from "../place.ts";
import { coredns, DEBUG_DNS, k8s, NETWORK_POLICIES, NODELOCAL, thread } from "../sources.ts";
import type { Check, Draft } from "../types.ts";
import { addTcp, addUdp, allowAddress, allowDns, correctPeer, letIn } from "./dns-fix.ts";
import { dnsScan, type Blocked } from "./dns-scan.ts";
import { isNetworkPolicy, lookupEvidence, placeOfSide, podPlace, sideEvidence, usualName } from "./shared.ts";

/** The policy to put a rule into: one that has rules already says more of what was meant than one that denies all. */
function policyOf({ side }: Blocked): KubeObject | undefined {
  const policies = side.rule === undefined ? side.policies : [side.rule.object];
  const withRules = policies.find((p) => !isNetworkPolicy(p) || (p.spec.egress ?? []).length > 0);
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

/** A stand-in is no object. */
const subjectsOf = ({ pods, side }: Blocked) =>
  pods.every((p) => p.pod === undefined) ? side.policies.map((p) => placeOf(p)) : pods.map(podPlace);
const podsText = ({ pods }: Blocked): string =>
  `${count(pods.length, "pod")} (${listText(pods.map((p) => p.id))})`;

/** Each of them starts the cluster's DNS anew: for the first few findings a whole lookup is shown. */
const MOST_LOOKUPS = 3;

async function seen(context: Context, blocked: Blocked, lookup: boolean) {
  const [pod] = blocked.pods as [Endpoint];
  const { side, server, probe, trouble } = blocked;
  const judged =
    trouble === "ingress"
      ? sideEvidence(side, "ingress", server, pod, probe)
      : sideEvidence(side, "egress", pod, server, probe);
  if (!lookup || pod.pod === undefined) return [judged];
  return [judged, ...(await lookupEvidence(context, pod, usualName(context, pod.namespace)))];
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
    const made = make(blocked, policy);
    const lookup = made.evidence === undefined && drafts.length < MOST_LOOKUPS;
    drafts.push({
      evidence: made.evidence ?? (await seen(context, blocked, lookup)),
      at:
        policy === blocked.side.rule?.object
          ? placeOfSide(blocked.side)
          : placeOf(policy, ["spec", "egress"]),
      subjects: subjectsOf(blocked),
      ...made,
    });
  }
  return drafts;
}

/** What lets TCP through where UDP is dropped: `protocol` is TCP where nothing is written. */
function tcpRule({ engine }: Context, { pods: [pod], server, probe }: Blocked): RuleRef | undefined {
  if (pod === undefined) return undefined;
  const side = engine.judge.side(pod, server, { ...probe, protocol: "TCP" }, "egress");
  const isOwn = side.action === "allow" && side.rule !== undefined && isNetworkPolicy(side.rule.object);
  return isOwn ? side.rule : undefined;
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
      (blocked, policy) => {
        const tcp = tcpRule(context, blocked);
        if (tcp !== undefined)
          return {
            message: `port ${blocked.probe.port} to the cluster's DNS is allowed for TCP only: ${podsText(blocked)} ask over UDP, which is dropped`,
            at: placeOf(tcp.object, tcp.path),
            fix: addUdp(tcp, blocked.probe.port),
          };
        return {
          message: `no egress rule lets ${podsText(blocked)} ask the cluster's DNS: queries to port ${blocked.probe.port} are dropped`,
          fix:
            blocked.side.rule === undefined
              ? allowDns(policy, blocked)
              : fix(
                  "this rule denies it: put an allow for port 53 before it, or take the DNS pods out of it",
                ),
        };
      },
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

export const dnsEgressNodeLocal: Check = {
  id: "NS/dns-egress-nodelocal",
  title: "Egress policy does not know the DNS cache on the node",
  severity: "warning",
  why: "With NodeLocal DNSCache a query goes to an address of the node itself and is not translated to a DNS pod: a rule that selects the DNS pods does not take it. Where the CNI lets pods reach their own node whatever policy says, it works; elsewhere every lookup times out.",
  sources: [NODELOCAL, k8s(70555), thread("kontena/pharos-cluster", 1511)],
  run: (context) =>
    blockedBy(context, "egress-nodelocal", (blocked, policy) => {
      const address = blocked.server.address.text;
      return {
        message: `queries of ${podsText(blocked)} go to the cache on the node at ${address}, which no egress rule allows`,
        evidence: [
          sideEvidence(blocked.side, "egress", blocked.pods[0] as Endpoint, blocked.server, blocked.probe),
        ],
        fix: allowAddress(policy, blocked.server),
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
      return {
        message: `policy of the DNS pods drops the queries of ${podsText(blocked)}`,
        at: placeOf(policy, ["spec", "ingress"]),
        fix: letIn(policy, blocked),
      };
    }),
};
