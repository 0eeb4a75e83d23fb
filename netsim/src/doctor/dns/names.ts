/** Names of hosts that workloads are told, and those that lead nowhere. */
import type { Context, Group } from "../context.ts";
import { fix, patch, replace, set } from "../fix.ts";
import { isDomain, mentionsOf, USUAL, type Mention } from "../hosts.ts";
import { nearest } from "../nearest.ts";
import { evidence, listText, placeOf, uniqueBy } from "../place.ts";
import { POD_DNS } from "../sources.ts";
import type { Check, Draft, Fix } from "../types.ts";

const labelsOf = (host: string): readonly string[] => host.replace(/\.$/, "").split(".");

/** A name of the cluster: below its domain, or SERVICE.NAMESPACE[.svc] of a namespace that there is. */
export function serviceNamed({ given, kubelet }: Context, host: string) {
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

/** A pod behind a headless Service is POD.SERVICE.NAMESPACE. */
const isNamespace = ({ given }: Context, label: string): boolean =>
  !USUAL.has(label) && given.namespaces.some((n) => n.metadata.name === label);

/** Names of the world outside, looked up with a search list: final dot, one label or the cluster's own are others. */
export const isOutside = (context: Context, host: string): boolean =>
  !host.endsWith(".") &&
  labelsOf(host).length >= 2 &&
  !`.${host}`.endsWith(`.${context.kubelet.clusterDomain}`) &&
  !/\.(svc|local|localhost)$/.test(host) &&
  isDomain(labelsOf(host).at(-1) ?? "") &&
  !isNamespace(context, labelsOf(host).at(-1) ?? "") &&
  serviceNamed(context, host) === undefined;

export interface Told {
  readonly group: Group;
  readonly mentions: readonly Mention[];
}

const told = new WeakMap<Context, readonly Told[]>();

/** Every group that is told the name of a host. */
export function toldNames(context: Context): readonly Told[] {
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

export const hostNetworkDns: Check = {
  id: "NS/host-network-dns",
  title: "A hostNetwork pod asks its node's resolver for Services",
  severity: "error",
  why: "With hostNetwork, dnsPolicy ClusterFirst (also where nothing is written) means the node's resolv.conf: Services have no names there. ClusterFirstWithHostNet asks the cluster's DNS.",
  sources: [POD_DNS],
  run: (context) => {
    const told = new Map(toldNames(context).map(({ group, mentions }) => [group, mentions]));
    return context.groups.flatMap((group): Draft[] => {
      const [pod] = group.pods;
      const policy = pod?.spec.dnsPolicy;
      if (pod?.spec.hostNetwork !== true || (policy ?? "ClusterFirst") !== "ClusterFirst") return [];
      const services = (told.get(group) ?? []).filter((m) => serviceNamed(context, m.host) !== undefined);
      // The API server writes the default into every pod; who writes it into a manifest means it.
      const meant = policy !== undefined && pod.metadata.uid === undefined;
      if (services.length === 0 && !meant) return [];
      const { object, path } = group.holder;
      return [
        {
          severity: services.length === 0 ? "warning" : "error",
          message:
            services.length === 0
              ? "dnsPolicy ClusterFirst has no effect with hostNetwork: the pod asks the node's resolver"
              : `${group.id} is told ${listText(services.map((m) => m.host))}, which the node's resolver does not know`,
          at: placeOf(object, [...path, "dnsPolicy"]),
          subjects: group.pods.map((p) => placeOf(p)),
          evidence: [
            evidence("hostNetwork: true", placeOf(object, [...path, "hostNetwork"])),
            ...services
              .slice(0, 3)
              .map((m) => evidence(`${m.where} names ${m.host}`, placeOf(m.object, m.path))),
          ],
          fix: fix(
            "set dnsPolicy: ClusterFirstWithHostNet",
            patch(object, set([...path, "dnsPolicy"], "ClusterFirstWithHostNet")),
          ),
        },
      ];
    });
  },
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
