/** Cilium's rules for names: what its DNS proxy must see for them to work. */
import type { CiliumNetworkPolicy, FQDNSelector } from "../../model/types.ts";
import { createDnsCache } from "../../policy/cilium/dns-cache.ts";
import { dnsQuery } from "../../policy/cilium/dns-proxy.ts";
import { selectsName } from "../../policy/cilium/fqdn.ts";
import type { Endpoint } from "../../policy/endpoint.ts";
import { resolve, type Asked } from "../../trace/resolve.ts";
import { clusterDnsOf } from "../../trace/settings.ts";
import type { Context } from "../context.ts";
import { clusterCorefile, corefileFix, withoutDirective } from "../dns/corefile.ts";
import { append, fix, patch } from "../fix.ts";
import { count, evidence, listText, placeOf } from "../place.ts";
import { CILIUM_DNS, coreDnsPlugin, thread } from "../sources.ts";
import type { Check, Draft } from "../types.ts";
import { standIns } from "./stand-ins.ts";
import { dnsEnds, lastingLabels, podPlace, specsOf, type DnsEnd } from "./shared.ts";

interface FqdnRule {
  readonly policy: CiliumNetworkPolicy;
  /** Of the spec, and of the rule in it. */
  readonly spec: readonly (string | number)[];
  readonly path: readonly (string | number)[];
  readonly names: readonly FQDNSelector[];
  readonly pods: readonly Endpoint[];
}

/** Rules with toFQDNs that select some pod. */
function fqdnRules(context: Context): readonly FqdnRule[] {
  const { given, engine } = context;
  const rules = given.ciliumPolicies.flatMap((policy) =>
    specsOf(policy).flatMap(({ spec, path }) =>
      (spec.egress ?? []).flatMap(({ toFQDNs }, i) =>
        (toFQDNs ?? []).length === 0
          ? []
          : [{ policy, spec: path, path: [...path, "egress", i], names: toFQDNs ?? [] }],
      ),
    ),
  );
  if (rules.length === 0) return [];
  const ends = [
    ...context.pods.flatMap((p) => engine.endpoints.pod(p) ?? []),
    ...standIns(context).map((s) => s.endpoint),
  ];
  return rules.flatMap((rule) => {
    const pods = ends.filter((e) =>
      engine.judge.stages(e, "egress").some((s) => s.policies.includes(rule.policy)),
    );
    return pods.length === 0 ? [] : [{ ...rule, pods }];
  });
}

/** A name that the selector takes, to ask for. */
const example = ({ matchName, matchPattern = "" }: FQDNSelector): string =>
  (matchName ?? matchPattern.replace(/^\*+\.?$/, "www.example.com").replace(/\*+/g, "www")).replace(
    /\.$/,
    "",
  );

const serverFor = (servers: readonly DnsEnd[], pod: Endpoint): DnsEnd | undefined =>
  servers.find((s) => s.endpoint.address.v6 === pod.address.v6);

export const fqdnNotLearned: Check = {
  id: "NS/fqdn-not-learned",
  title: "toFQDNs without a rule for the DNS proxy",
  severity: "error",
  why: "toFQDNs goes by the addresses that Cilium's DNS proxy saw in answers to this very pod. Without an egress rule for port 53 with `rules.dns` no answer goes through the proxy, so no address is ever allowed.",
  sources: [CILIUM_DNS],
  run: (context) => {
    const servers = dnsEnds(context, clusterDnsOf(context.cluster));
    return fqdnRules(context).flatMap(({ policy, spec, path, names, pods }): Draft[] => {
      const missed = pods.flatMap((pod) => {
        const server = serverFor(servers, pod);
        if (server?.ports.UDP === undefined) return [];
        const probe = { port: server.ports.UDP, protocol: "UDP" };
        const unseen = names.filter((n) => {
          const { action, learned } = dnsQuery(context.engine, pod, server.endpoint, example(n), probe);
          return action !== "deny" && !learned;
        });
        return unseen.length === 0 ? [] : [{ pod, server: server.endpoint, port: probe.port, unseen }];
      });
      const [first] = missed;
      if (first === undefined) return [];
      const { pod, server, port, unseen } = first;
      const side = dnsQuery(context.engine, pod, server, example(unseen[0]!), { port, protocol: "UDP" });
      const asked = unseen.map((n) => n.matchName ?? n.matchPattern ?? "");
      const rule = {
        toEndpoints: [
          {
            matchLabels: {
              "k8s:io.kubernetes.pod.namespace": server.namespace,
              ...lastingLabels(server.labels),
            },
          },
        ],
        toPorts: [{ ports: [{ port: String(port), protocol: "ANY" }], rules: { dns: unseen } }],
      };
      const list = specsOf(policy).find((s) => s.path.join() === spec.join())?.spec.egress;
      return [
        {
          message: `no answer for ${listText(asked)} goes through Cilium's DNS proxy, so toFQDNs allows ${count(missed.length, "pod")} nothing`,
          at: placeOf(policy, [...path, "toFQDNs"]),
          subjects: pod.pod === undefined ? [placeOf(policy)] : missed.map((m) => podPlace(m.pod)),
          evidence: [
            evidence(
              `${pod.id} asks ${server.id} for ${example(unseen[0]!)}: ${side.action === "refuse" ? "the proxy answers REFUSED" : "the query passes beside the proxy, and nothing is learned"}`,
              podPlace(pod),
            ),
          ],
          fix: fix(
            "let the queries through the proxy, with rules.dns for these names",
            patch(policy, append([...spec, "egress"], list, rule)),
          ),
          cause: path.join("."),
        },
      ];
    });
  },
};

const REWRITERS = ["autopath", "searchpath"] as const;

export const autopathWithFqdn: Check = {
  id: "NS/autopath-fqdn",
  title: "autopath together with toFQDNs",
  severity: "error",
  why: "autopath answers the first name of the search list with the address of the last. Cilium's DNS proxy sees an address for a name that no toFQDNs selects, learns nothing for the one that is meant, and the connection is dropped.",
  sources: [
    thread("cilium/cilium", 20191),
    thread("rwlove/home-ops", 12482),
    coreDnsPlugin("autopath"),
    CILIUM_DNS,
  ],
  run: async (context) => {
    const corefile = await clusterCorefile(context);
    if (corefile === undefined) return [];
    const used = REWRITERS.find((name) => corefile.blocks.some((b) => b.lines.some((l) => l.name === name)));
    if (used === undefined) return [];
    const rules = fqdnRules(context).map((r) => ({ ...r, pods: r.pods.filter((p) => p.pod !== undefined) }));
    for (const { pods, names, policy, path } of rules) {
      const [pod] = pods;
      if (pod === undefined) continue;
      for (const selector of names) {
        const cache = createDnsCache();
        const name = example(selector);
        const { asked } = await resolve(context.site, pod, name, cache, {});
        const answered = asked.find((a) => a.addresses.length > 0);
        if (answered === undefined || selectsName(selector, answered.name)) continue;
        const line = corefile.lineOf(used);
        return [
          {
            message: `${used} answers ${name} under the name ${answered.name}, which toFQDNs does not select`,
            at: corefile.placeOf(line),
            subjects: pods.map(podPlace),
            evidence: [
              askedEvidence(pod, answered),
              evidence(
                `toFQDNs selects ${selector.matchName ?? selector.matchPattern ?? ""}`,
                placeOf(policy, [...path, "toFQDNs"]),
              ),
            ],
            fix: corefileFix(
              corefile,
              `take ${used} out of the Corefile, and lower ndots instead`,
              withoutDirective(corefile, used),
            ),
          },
        ];
      }
    }
    // Policies whose pods are not in the input: what happens to their names cannot be played, and will be the same.
    const [idle] = context.given.ciliumPolicies.flatMap((policy) =>
      specsOf(policy).flatMap(({ spec, path }) => {
        const i = (spec.egress ?? []).findIndex((r) => (r.toFQDNs ?? []).length > 0);
        return i < 0 ? [] : [{ policy, path: [...path, "egress", i, "toFQDNs"] }];
      }),
    );
    if (idle === undefined || rules.some((r) => r.pods.length > 0)) return [];
    return [
      {
        severity: "warning",
        message: `${used} and toFQDNs are both in use: answers come under other names than toFQDNs selects`,
        at: corefile.placeOf(corefile.lineOf(used)),
        evidence: [evidence("the policy goes by names", placeOf(idle.policy, idle.path))],
        fix: corefileFix(
          corefile,
          `take ${used} out of the Corefile, and lower ndots instead`,
          withoutDirective(corefile, used),
        ),
      },
    ];
  },
};

const askedEvidence = (pod: Endpoint, { name, type, addresses, crossing }: Asked) =>
  evidence(
    `${pod.id} asks for ${name} ${type}: ${addresses.join(" ")}${crossing.learned ? ", and that is what the agent learns" : ""}`,
    podPlace(pod),
  );
