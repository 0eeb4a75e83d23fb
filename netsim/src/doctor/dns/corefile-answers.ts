/** What the cluster's Corefile answers, and what it costs: asked and counted. */
import { fix, patch, set } from "../fix.ts";
import { openLookups } from "../lookups.ts";
import { count, evidence } from "../place.ts";
import { coreDnsPlugin, coredns, k8s, SCALING_COREDNS, thread } from "../sources.ts";
import type { Check } from "../types.ts";
import { corefileFix, directives, onCorefile, optionsOf, quoted, withLine } from "./corefile.ts";

/** Seconds for which a denial may hide a Service that has just been made. */
const PATIENCE = 30;

export const denialTtl: Check = {
  id: "NS/corefile-denial",
  title: "Denials are cached for long",
  severity: "warning",
  why: "A pod that asks for a Service before it exists makes the cache remember that it does not. Until that has expired the new Service is not found, by anybody.",
  sources: [coreDnsPlugin("cache"), coredns(2501), k8s(92559), coredns(4885)],
  run: onCorefile(async (corefile, context) => {
    const [cache] = directives(corefile, "cache");
    if (cache === undefined) return [];
    const lookups = await openLookups(context, []);
    try {
      const name = `not-there-yet.default.svc.${context.kubelet.clusterDomain}.`;
      const answer = await lookups.ask(name, "A");
      const ttl = answer?.denialTtl;
      if (ttl === undefined || ttl <= PATIENCE) return [];
      const option = optionsOf(cache.line).find((o) => o.words[0] === "denial");
      const [kubernetes] = directives(corefile, "kubernetes");
      const own = kubernetes && optionsOf(kubernetes.line).find((o) => o.words[0] === "ttl");
      const at = option?.line ?? own?.line ?? cache.line.tokens[0]?.line ?? 1;
      return [
        {
          message: `that a name does not exist is remembered for ${ttl} s`,
          at: corefile.placeOf(at),
          evidence: [
            evidence(`query ${name} A: NXDOMAIN, and its SOA may be kept for ${ttl} s`),
            evidence(quoted(corefile, at), corefile.placeOf(at)),
          ],
          fix:
            option !== undefined
              ? corefileFix(
                  corefile,
                  "keep denials for 5 s",
                  withLine(corefile, option.line, "denial 9984 5"),
                )
              : own !== undefined
                ? corefileFix(
                    corefile,
                    "lower the kubernetes plugin's ttl",
                    withLine(corefile, own.line, "ttl 30"),
                  )
                : fix("lower the ttl of the kubernetes plugin, or the cache's denial"),
        },
      ];
    } finally {
      await lookups.close();
    }
  }),
};

/** Kubernetes' manifest gives CoreDNS so much; MB as CoreDNS' own formula counts. */
const USUAL_LIMIT = "170Mi";
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};

function octets(quantity: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([kMG]i?|Ki)?$/.exec(quantity);
  return match === null ? undefined : Number(match[1]) * (UNITS[match[2] ?? ""] ?? 1);
}

export const verifiedMemory: Check = {
  id: "NS/corefile-memory",
  title: "The DNS server needs more memory than it may have",
  severity: "warning",
  why: "CoreDNS keeps every Service in memory, and with `pods verified` (which autopath needs) every pod: beyond its limit it is killed, and started again into the same.",
  sources: [SCALING_COREDNS, coreDnsPlugin("kubernetes"), coredns(2095)],
  run: onCorefile((corefile, context) => {
    const [kubernetes] = directives(corefile, "kubernetes");
    if (kubernetes === undefined) return [];
    const option = optionsOf(kubernetes.line).find((o) => o.words[0] === "pods");
    const verified = option?.words[1] === "verified";
    const objects = context.given.pods.length + context.given.services.length;
    const need = (all: boolean): number => (all ? objects / 250 + 56 : objects / 1000 + 54);
    const needed = need(verified);
    const holder = context.groups.find(
      (g) => context.dns !== undefined && g.pods.some((p) => context.selected(context.dns!).includes(p)),
    );
    const container = holder?.pods[0]?.spec.containers.findIndex((c) => c.resources !== undefined) ?? -1;
    const limit = holder?.pods[0]?.spec.containers[container]?.resources ?? USUAL_LIMIT;
    const allowed = octets(limit);
    if (allowed === undefined || needed * 1e6 <= allowed) return [];
    const at = option?.line ?? kubernetes.line.tokens[0]?.line ?? 1;
    const idle = verified && option !== undefined && directives(corefile, "autopath").length === 0;
    const then = need(verified && !idle);
    const enough = `${Math.ceil((then * 1.2e6) / 2 ** 20)}Mi`;
    const text = [
      ...(idle ? ["write `pods insecure`: nothing here needs the pods"] : []),
      ...(then * 1e6 > allowed ? [`raise the memory limit to ${enough}`] : []),
    ].join(", and ");
    const larger =
      then * 1e6 <= allowed || holder === undefined || container < 0
        ? []
        : [
            patch(
              holder.holder.object,
              set([...holder.holder.path, "containers", container, "resources", "limits", "memory"], enough),
            ),
          ];
    const smaller = idle
      ? corefileFix(corefile, text, withLine(corefile, option.line, "pods insecure")).changes
      : [];
    return [
      {
        message: `${count(objects, "object")} need about ${Math.ceil(needed)} MB, and the limit is ${limit}`,
        at: corefile.placeOf(at),
        evidence: [
          evidence(
            verified
              ? `pods verified: (pods + services) / 250 + 56 MB = ${Math.ceil(needed)} MB`
              : `(pods + services) / 1000 + 54 MB = ${Math.ceil(needed)} MB`,
            corefile.placeOf(at),
          ),
          evidence(
            container >= 0
              ? `the container's limit is ${limit}`
              : `no limit in the input: ${limit} is the one of Kubernetes' manifest`,
          ),
        ],
        fix: fix(text, ...smaller, ...larger),
      },
    ];
  }),
};

const NXDOMAIN = 3;

export const aaaaDenied: Check = {
  id: "NS/corefile-aaaa",
  title: "AAAA queries are answered with NXDOMAIN",
  severity: "error",
  why: "NXDOMAIN says that the name does not exist, for every type. A resolver that asks A and AAAA at once may give up a name that has an address; a missing AAAA record is an empty answer with NOERROR.",
  sources: [thread("axeII/home-ops", 3806), coredns(779), coreDnsPlugin("template")],
  run: onCorefile(async (corefile, context) => {
    const [template] = directives(corefile, "template");
    if (template === undefined) return [];
    const outside = "host.example.com";
    const lookups = await openLookups(context, [outside]);
    try {
      for (const name of [`kubernetes.default.svc.${context.kubelet.clusterDomain}.`, `${outside}.`]) {
        const [a, aaaa] = [await lookups.ask(name, "A"), await lookups.ask(name, "AAAA")];
        if (a === undefined || a.addresses.length === 0 || aaaa?.rcode !== NXDOMAIN) continue;
        const option = optionsOf(template.line).find((o) => o.words[0] === "rcode");
        const at = option?.line ?? template.line.tokens[0]?.line ?? 1;
        return [
          {
            message: `${name} has an A record, and for AAAA the answer is that it does not exist`,
            at: corefile.placeOf(at),
            evidence: [
              evidence(`query ${name} A: ${a.addresses.join(" ")}`),
              evidence(`query ${name} AAAA: NXDOMAIN`, corefile.placeOf(at)),
            ],
            fix:
              option === undefined
                ? fix("answer with rcode NOERROR")
                : corefileFix(
                    corefile,
                    "answer with rcode NOERROR",
                    withLine(corefile, option.line, "rcode NOERROR"),
                  ),
          },
        ];
      }
      return [];
    } finally {
      await lookups.close();
    }
  }),
};
