/** The resolver's work as hops: each query, the answer, and why there is none. */
import type { Cluster, Service } from "../model/types.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import { hop, note, originOfObject } from "./origin.ts";
import type { Asked, Resolution } from "./resolve.ts";
import { dnsRemedy } from "./remedy-dns.ts";
import { kubeletDns, OUTSIDE_RESOLVER } from "./settings.ts";
import { type Hop, type NameLookup, type Note, type Stop } from "./types.ts";

export interface DnsHops {
  readonly hops: readonly Hop[];
  readonly lookup: NameLookup;
  readonly notes: readonly Note[];
  readonly addresses: readonly string[];
  readonly stop: Stop | undefined;
}

export function dnsHops(cluster: Cluster, from: Endpoint, resolution: Resolution): DnsHops {
  const { report, asked } = resolution;
  const stop =
    report.result.ok && report.result.addresses.length > 0 ? undefined : stopOf(cluster, from, resolution);
  const needless = needlessOf(resolution);
  const lookup: NameLookup = { ...report, needless };
  return {
    hops: [
      ...asked.map((a, i) => queryHop(a, report.queries[i]?.answer ?? "drop")),
      answerHop(cluster, resolution, stop, needless),
    ],
    lookup,
    notes: notesOf(resolution, needless),
    addresses: report.result.addresses,
    stop,
  };
}

function queryHop({ name, type, server, proto, crossing, addresses }: Asked, answer: string): Hop {
  const at = `${server.includes(":") ? `[${server}]` : server}:53/${proto.toUpperCase()}`;
  const who = crossing.to === undefined || crossing.to === server ? "" : ` (${crossing.to})`;
  const result =
    crossing.fate === "drop"
      ? `no answer: ${crossing.why}`
      : crossing.fate === "closed"
        ? `connection refused: ${crossing.why}`
        : crossing.fate === "refuse"
          ? "REFUSED by Cilium's DNS proxy"
          : `${answer === "drop" ? "no answer" : answer}${addresses.length === 0 ? "" : ` ${addresses.join(" ")}`}`;
  const verdict =
    crossing.stop === "egress" || crossing.stop === "ingress" || crossing.stop === "proxy"
      ? "deny"
      : crossing.fate === "closed"
        ? "reject"
        : crossing.fate === "drop" || answer === "drop"
          ? "timeout"
          : answer === "NXDOMAIN"
            ? "nxdomain"
            : "allow";
  return {
    layer: "dns",
    verdict,
    what: `query ${name} ${type} to ${at}${who}: ${result}`,
    ...crossing.origin,
    details: {
      name,
      type,
      server,
      protocol: proto.toUpperCase(),
      endpoint: crossing.to ?? null,
      answer: crossing.fate === "refuse" ? "REFUSED" : answer,
      addresses,
      policy: crossing.stop === undefined || crossing.stop === "service" ? "allow" : "deny",
      direction: crossing.stop === "ingress" ? "ingress" : "egress",
      learned: crossing.learned,
    },
  };
}

function answerHop(
  cluster: Cluster,
  { report, asked, conf }: Resolution,
  stop: Stop | undefined,
  needless: number,
): Hop {
  const { name, resolver, queries, result } = report;
  const { ms, addresses, error } = result;
  const cost = `${resolver}: ${queries.length === 1 ? "1 query" : `${queries.length} queries`}, ${needless} of them needless, ${ms} ms`;
  const service = serviceNamed(cluster, asked.find((a) => a.addresses.length > 0)?.name ?? "");
  const kind = service === undefined ? "" : kindText(service);
  return hop(
    "dns",
    stop?.verdict ?? "allow",
    stop === undefined
      ? `${name} is ${addresses.join(" ")}${kind} (${cost})`
      : `${name}: ${error ?? "no address"} (${cost})`,
    service === undefined ? {} : originOfObject(service),
    {
      name,
      resolver,
      addresses,
      error,
      ms,
      queries: queries.length,
      needless,
      search: conf.search,
      options: conf.options,
      nameservers: conf.nameservers,
    },
  );
}

/** The Service that an absolute name belongs to, its own or an endpoint's. */
function serviceNamed(cluster: Cluster, name: string): Service | undefined {
  const end = `.svc.${kubeletDns(cluster).clusterDomain}.`;
  const lower = name.toLowerCase();
  if (!lower.endsWith(end)) return undefined;
  const [namespace, service] = lower.slice(0, -end.length).split(".").reverse();
  return cluster.services.find((s) => s.metadata.name === service && s.metadata.namespace === namespace);
}

function kindText({ metadata, spec }: Service): string {
  const id = `Service ${metadata.namespace}/${metadata.name}`;
  if (spec.type === "ExternalName") return `: ${id} is an alias of ${spec.externalName ?? ""}`;
  return spec.clusterIP === "None" ? `: ${id} is headless, so these are its endpoints' own addresses` : "";
}

/** Questions that brought the program nothing: for other names than the one that was found, in the end. */
function needlessOf({ asked }: Resolution): number {
  const useful = asked.find((a) => a.addresses.length > 0)?.name.toLowerCase();
  return useful === undefined ? 0 : asked.filter((a) => a.name.toLowerCase() !== useful).length;
}

function notesOf({ report, asked, conf, invented, broken }: Resolution, needless: number): Note[] {
  const notes: Note[] = [];
  if (needless > 0) {
    const found = asked.find((a) => a.addresses.length > 0)?.name ?? "";
    const ndots = conf.options.find((o) => o.startsWith("ndots:")) ?? "ndots:1";
    const dots = report.name.split(".").length - 1;
    const outside = found.toLowerCase() === `${report.name.toLowerCase()}.`;
    const lower = outside && dots >= 1 ? `, or set ndots to ${dots} in the pod's dnsConfig` : "";
    const text = `${needless} of ${report.queries.length} queries walk the search list because of ${ndots}: write "${found}" in full, with its final dot${lower}`;
    notes.push(note("needless-queries", text));
  }
  if (invented.includes(report.name.replace(/\.$/, "")) || invented.includes(report.name))
    notes.push(
      note(
        "invented-address",
        `nobody outside is asked: the address of ${report.name} is made up (--record gives the true one)`,
      ),
    );
  if (broken !== undefined)
    notes.push(note("dns-server-broken", `the cluster's DNS does not start: ${broken}`));
  return notes;
}

function stopOf(cluster: Cluster, from: Endpoint, resolution: Resolution): Stop {
  const { asked, broken, report } = resolution;
  const at = (stop: Asked["crossing"]["stop"]) => asked.find((a) => a.crossing.stop === stop);
  const dns = (kind: "egress" | "ingress" | "proxy", reason: Stop["reason"]): Stop | undefined => {
    const denied = at(kind);
    return denied && { verdict: "deny", reason, remedy: dnsRemedy(from, denied) };
  };
  const denied =
    dns("egress", "dns-egress-denied") ??
    dns("ingress", "dns-ingress-denied") ??
    dns("proxy", "dns-proxy-refused");
  if (denied !== undefined) return denied;
  if (broken !== undefined && asked.some((a) => a.crossing.server === "cluster"))
    return {
      verdict: "timeout",
      reason: "dns-server-broken",
      remedy: plain(`correct the Corefile: ${broken}`),
    };
  if (at("service") !== undefined) {
    const dropped = at("service")?.crossing.fate === "drop";
    return {
      verdict: dropped ? "timeout" : "reject",
      reason: "dns-no-endpoints",
      remedy: plain("make the DNS pods ready, or name a nameserver that answers"),
    };
  }
  const answers = report.queries.map((q) => q.answer);
  if (answers.length > 0 && answers.every((a) => a === "drop"))
    return { verdict: "timeout", reason: "dns-timeout" };
  if (answers.includes("NODATA"))
    return {
      verdict: "nxdomain",
      reason: "no-address-records",
      remedy: nameRemedy(cluster, from, resolution),
    };
  const failed = answers.some((a) => a !== "NXDOMAIN" && a !== "drop");
  if (failed) return { verdict: "nxdomain", reason: "dns-failure" };
  const headless = headlessOf(cluster, from, report.name);
  if (headless !== undefined)
    return {
      verdict: "nxdomain",
      reason: "headless-no-endpoints",
      remedy: {
        text: "no ready pod has these labels",
        change: null,
        ...originOfObject(headless, ["spec", "selector"]),
      },
    };
  return { verdict: "nxdomain", reason: "no-such-name", remedy: nameRemedy(cluster, from, resolution) };
}

const plain = (text: string) => ({ text, change: null, object: null, file: null, line: null });

function headlessOf(cluster: Cluster, from: Endpoint, host: string): Service | undefined {
  const [name, namespace = from.namespace] = host.toLowerCase().split(".");
  return cluster.services.find(
    (s) => s.spec.clusterIP === "None" && s.metadata.name === name && s.metadata.namespace === namespace,
  );
}

/** What was meant, probably: the same Service in another namespace, or a cluster name asked of the node's resolver. */
function nameRemedy(cluster: Cluster, from: Endpoint, { report, conf }: Resolution): Stop["remedy"] {
  const labels = report.name.toLowerCase().replace(/\.$/, "").split(".");
  const [name = ""] = labels;
  const named = cluster.services.filter((s) => s.metadata.name === name);
  const own = labels.length === 1 ? from.namespace : labels[1];
  const here = named.find((s) => s.metadata.namespace === own);
  if (here !== undefined && conf.nameservers[0] === OUTSIDE_RESOLVER) {
    const pod = from.pod;
    const change =
      pod?.spec.hostNetwork === true ? "dnsPolicy: ClusterFirstWithHostNet" : "dnsPolicy: ClusterFirst";
    return {
      text: "the pod asks its node's resolver, which knows no Service",
      change,
      ...(pod === undefined
        ? { object: null, file: null, line: null }
        : originOfObject(pod, ["spec", "dnsPolicy"])),
    };
  }
  const [elsewhere] = named;
  if (elsewhere === undefined) return undefined;
  const { namespace } = elsewhere.metadata;
  const { clusterDomain } = kubeletDns(cluster);
  return {
    text: `Service ${name} is in namespace ${namespace}: ask for ${name}.${namespace}.svc.${clusterDomain}`,
    change: `${name}.${namespace}`,
    ...originOfObject(elsewhere),
  };
}
