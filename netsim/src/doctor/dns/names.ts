/** Lookups that workloads are told to make: what they cost, and whether they find anything. */
import type { Context, Group } from "../context.ts";
import { fix, patch, replace, set } from "../fix.ts";
import { mentionsOf, USUAL, type Mention } from "../hosts.ts";
import { openLookups, type Lookup, type Lookups } from "../lookups.ts";
import { asksCluster } from "../policy/dns-scan.ts";
import { nearest } from "../nearest.ts";
import { count, evidence, listText, placeOf, uniqueBy } from "../place.ts";
import { coredns, k8s, POD_DNS, thread } from "../sources.ts";
import type { Change, Check, Draft, Evidence, Fix } from "../types.ts";

const labelsOf = (host: string): readonly string[] => host.replace(/\.$/, "").split(".");

/** A name of the cluster: below its domain, or SERVICE.NAMESPACE[.svc] of a namespace that there is. */
function serviceNamed({ given, kubelet }: Context, host: string) {
  const bare = host.replace(/\.$/, "");
  const domain = `.svc.${kubelet.clusterDomain}`;
  const short = bare.endsWith(domain) ? bare.slice(0, -domain.length) : bare.replace(/\.svc$/, "");
  const labels = short.split(".");
  const [name = "", namespace = ""] = labels.slice(-2);
  const isShort = short !== bare;
  // A namespace that is called like a top-level domain leaves it open what was meant.
  const known = given.namespaces.some((n) => n.metadata.name === namespace) && !USUAL.has(namespace);
  if (labels.length < 2 || (!isShort && (labels.length !== 2 || !known))) return undefined;
  return { name, namespace, known };
}

/** Names of the world outside, looked up with a search list: final dot, one label or the cluster's own are others. */
const isOutside = (context: Context, host: string): boolean =>
  !host.endsWith(".") &&
  labelsOf(host).length >= 2 &&
  !`.${host}`.endsWith(`.${context.kubelet.clusterDomain}`) &&
  !/\.(svc|local|localhost)$/.test(host) &&
  serviceNamed(context, host) === undefined;

interface Told {
  readonly group: Group;
  readonly mentions: readonly Mention[];
}

const told = new WeakMap<Context, readonly Told[]>();

/** Every group that is told the name of a host. */
function toldNames(context: Context): readonly Told[] {
  let all = told.get(context);
  if (all === undefined) {
    all = context.groups.flatMap((group) => {
      const mentions = uniqueBy(mentionsOf(context, group), (m) => `${m.host}:${m.port ?? ""}`);
      return mentions.length === 0 ? [] : [{ group, mentions }];
    });
    told.set(context, all);
  }
  return all;
}

const ndotsOf = (resolvConf: string): number => Number(/ndots:(\d+)/.exec(resolvConf)?.[1] ?? 1);
const dotsOf = (host: string): number => host.split(".").length - 1;

interface Waste {
  readonly group: Group;
  readonly ndots: number;
  readonly then: number;
  readonly names: readonly { readonly mention: Mention; readonly now: Lookup; readonly after: Lookup }[];
}

/** What no pod goes below here without need: SERVICE.NAMESPACE has one dot, and the search list finds it. */
const LEAST = 2;
/** Different names that are looked up; a cluster of any size has few that weigh. */
const MOST_NAMES = 2000;

async function measure(context: Context, lookups: Lookups): Promise<readonly Waste[]> {
  const known = new Map<string, Lookup>();
  const wastes: Waste[] = [];
  for (const { group, mentions } of toldNames(context)) {
    const [pod] = group.pods;
    const from = pod && context.endpointOf(pod);
    const outside = mentions.filter((m) => isOutside(context, m.host));
    if (pod === undefined || from === undefined || outside.length === 0) continue;
    if (!asksCluster(pod, context.kubelet.nameserver)) continue;
    const look = async (
      host: string,
      options: Readonly<Record<string, string>> = {},
    ): Promise<Lookup | undefined> => {
      const key = JSON.stringify([
        pod.metadata.namespace,
        pod.spec.dnsPolicy,
        pod.spec.dnsConfig,
        host,
        options,
      ]);
      if (!known.has(key)) {
        if (known.size >= MOST_NAMES) return undefined;
        known.set(key, await lookups.look(from, host, options));
      }
      return known.get(key);
    };
    const least = Math.min(...outside.map((m) => dotsOf(m.host)));
    const then = Math.max(1, Math.min(LEAST, least));
    const names: Waste["names"][number][] = [];
    for (const mention of outside) {
      const now = await look(mention.host);
      if (now === undefined || !now.found || now.needless === 0) continue;
      const after = await look(mention.host, { ndots: String(then) });
      if (after !== undefined && after.needless < now.needless) names.push({ mention, now, after });
    }
    const [first] = names;
    if (first !== undefined) wastes.push({ group, ndots: ndotsOf(first.now.resolvConf), then, names });
  }
  return wastes;
}

const sum = (wastes: readonly Waste[], of: (l: { now: Lookup; after: Lookup }) => number): number =>
  wastes.reduce((total, w) => total + w.names.reduce((t, n) => t + of(n), 0), 0);

export const ndotsWaste: Check = {
  id: "NS/ndots",
  title: "Lookups of outside names walk the search list",
  severity: "warning",
  why: "With ndots:5 a name with fewer dots is first tried under every domain of the search list, for A and for AAAA: most queries are for names that do not exist. They cost latency at each lookup, and load at the DNS servers.",
  sources: [POD_DNS, k8s(33554), coredns(747), thread("gardener/gardener", 6192)],
  run: async (context) => {
    const hosts = toldNames(context).flatMap(({ mentions }) =>
      mentions.map((m) => m.host).filter((h) => isOutside(context, h)),
    );
    if (hosts.length === 0) return [];
    const lookups = await openLookups(context, [...new Set(hosts)]);
    try {
      const wastes = await measure(context, lookups);
      const [worst] = [...wastes].sort(
        (a, b) => sum([b], (n) => n.now.needless) - sum([a], (n) => n.now.needless),
      );
      if (worst === undefined) return [];
      const [now, needless, after] = [
        sum(wastes, (n) => n.now.asked.length),
        sum(wastes, (n) => n.now.needless),
        sum(wastes, (n) => n.after.asked.length),
      ];
      const names = new Set(wastes.flatMap((w) => w.names.map((n) => n.mention.host)));
      return [
        {
          message: `${count(wastes.length, "workload")} look${wastes.length === 1 ? "s" : ""} up ${count(names.size, "outside name")} with ${now} queries, ${needless} of them needless; ${after} would do`,
          at: placeOf(worst.group.holder.object, worst.group.holder.path),
          subjects: wastes.map((w) => placeOf(w.group.holder.object, w.group.holder.path)),
          evidence: [...costs(wastes), walk(worst)],
          fix: lowerNdots(wastes),
        },
      ];
    } finally {
      await lookups.close();
    }
  },
};

const SHOWN = 5;

function costs(wastes: readonly Waste[]): readonly Evidence[] {
  return wastes
    .flatMap(({ group, ndots, then, names }) =>
      names.map(({ mention, now, after }) =>
        evidence(
          `${group.id} looks up ${mention.host} (${mention.where}): ${now.asked.length} queries, ${now.needless} needless, with ndots:${ndots}; ${after.asked.length} with ndots:${then}`,
          placeOf(mention.object, mention.path),
        ),
      ),
    )
    .slice(0, SHOWN);
}

/** The very queries of one lookup. */
function walk({ names: [first] }: Waste): Evidence {
  const { now } = first!;
  const answers = new Map<string, string[]>();
  for (const { name, type, answer } of now.asked) {
    const key = `${name} ${answer}`;
    answers.set(key, [...(answers.get(key) ?? []), type]);
  }
  return evidence([...answers].map(([key, types]) => key.replace(" ", ` ${types.join("+")}: `)).join("; "));
}

function lowerNdots(wastes: readonly Waste[]): Fix {
  const changes = wastes.map(({ group, then }): Change => {
    const { object, path } = group.holder;
    const config = group.pods[0]?.spec.dnsConfig;
    const option = { name: "ndots", value: String(then) };
    const others = (config?.options ?? []).filter((o) => o.name !== "ndots");
    const at = [...path, "dnsConfig"];
    return patch(
      object,
      config === undefined ? set(at, { options: [option] }) : set([...at, "options"], [...others, option]),
    );
  });
  const values = [...new Set(wastes.map((w) => w.then))].sort();
  return fix(
    `set ndots to ${listText(values.map(String))} in dnsConfig, or write the names with a final dot`,
    ...changes,
  );
}

export const hostNetworkDns: Check = {
  id: "NS/host-network-dns",
  title: "A hostNetwork pod asks its node's resolver for Services",
  severity: "error",
  why: "With hostNetwork, dnsPolicy ClusterFirst (also where nothing is written) means the node's resolv.conf: Services have no names there. ClusterFirstWithHostNet asks the cluster's DNS.",
  sources: [POD_DNS],
  run: (context) =>
    toldNames(context).flatMap(({ group, mentions }): Draft[] => {
      const [pod] = group.pods;
      if (pod?.spec.hostNetwork !== true || (pod.spec.dnsPolicy ?? "ClusterFirst") !== "ClusterFirst")
        return [];
      const services = mentions.filter((m) => serviceNamed(context, m.host) !== undefined);
      if (services.length === 0) return [];
      const { object, path } = group.holder;
      return [
        {
          message: `${group.id} is told ${listText(services.map((m) => m.host))}, which the node's resolver does not know`,
          at: placeOf(object, [...path, "dnsPolicy"]),
          subjects: group.pods.map((p) => placeOf(p)),
          evidence: services
            .slice(0, 3)
            .map((m) => evidence(`${m.where} names ${m.host}`, placeOf(m.object, m.path))),
          fix: fix(
            "set dnsPolicy: ClusterFirstWithHostNet",
            patch(object, set([...path, "dnsPolicy"], "ClusterFirstWithHostNet")),
          ),
        },
      ];
    }),
};

export const serviceNotThere: Check = {
  id: "NS/name-unknown",
  title: "A workload is told the name of a Service that is not there",
  severity: "warning",
  why: "The name is looked up in vain: NXDOMAIN, after the whole search list. Most often the namespace is wrong, or a letter of the name.",
  sources: [POD_DNS],
  run: (context) =>
    toldNames(context).flatMap(({ group, mentions }): Draft[] =>
      mentions.flatMap((mention): Draft[] => {
        const named = serviceNamed(context, mention.host);
        if (named === undefined) return [];
        const { name, namespace } = named;
        // A namespace without Services is not in this input; a name with more labels is an endpoint's.
        const here = context.given.services.filter((s) => s.metadata.namespace === namespace);
        if (here.length === 0 || here.some((s) => s.metadata.name === name)) return [];
        const short = mention.host.split(`.${namespace}`)[0] ?? "";
        if (short.includes(".") || (namespace === "default" && name === "kubernetes")) return [];
        const near = nearest(
          name,
          here.map((s) => s.metadata.name),
        );
        const elsewhere = context.given.services.filter((s) => s.metadata.name === name);
        const meant =
          near !== undefined
            ? `${near}.${namespace}`
            : elsewhere.length === 1
              ? `${name}.${elsewhere[0]?.metadata.namespace ?? ""}`
              : undefined;
        return [
          {
            message: `there is no Service ${namespace}/${name}, which ${group.id} is told by ${mention.where}`,
            at: placeOf(mention.object, mention.path),
            subjects: group.pods.map((p) => placeOf(p)),
            evidence: [
              evidence(
                `Services of ${namespace}: ${listText(
                  here.map((s) => s.metadata.name),
                  5,
                )}`,
              ),
            ],
            fix:
              meant === undefined
                ? fix("name a Service that there is")
                : rename(mention, `${name}.${namespace}`, meant),
            cause: mention.host,
          },
        ];
      }),
    ),
};

/** The name in the environment, the words or the ConfigMap, replaced. */
function rename({ object, path, where }: Mention, from: string, to: string): Fix {
  const text = `write ${to} in the place of ${from} (${where})`;
  const value = textAt(object, path);
  if (value === undefined) return fix(text);
  const field = path.at(-2) === "env" ? [...path, "value"] : path;
  return fix(text, patch(object, replace(field, value.replaceAll(from, to))));
}

/** The text at a place that a mention gives: a variable's value, a word, a ConfigMap's text. */
function textAt(object: unknown, path: Mention["path"]): string | undefined {
  let at: unknown = object;
  for (const [i, part] of path.entries()) {
    // Of a list of variables the model keeps the literal ones, each with its index.
    const isVariable = path[i - 1] === "env" && i === path.length - 1;
    at = isVariable
      ? (at as readonly { readonly index: number }[]).find((v) => v.index === part)
      : (at as Readonly<Record<string | number, unknown>> | undefined)?.[part];
  }
  const value = typeof at === "string" ? at : (at as { readonly value?: unknown } | undefined)?.value;
  return typeof value === "string" ? value : undefined;
}
