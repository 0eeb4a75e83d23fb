/** The command line of `clusterdns ndots NAME...`. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import ipaddr from "ipaddr.js";
import { load } from "js-yaml";
import { parseResolvConf, serversOf, type ResolvConf } from "../resolver/conf.ts";
import { findModel, resolverModels, type ResolverModel } from "../resolver/models.ts";
import { podResolvConf, type DnsConfig } from "../resolver/pod.ts";
import type { Endpoint } from "../resolver/sockets.ts";
import type { Net } from "../resolver/types.ts";

export const usage = `Usage: clusterdns ndots NAME... [options]

Looks each NAME up as each resolver would, and prints every query that it sends. Without --server all of it happens in
this process: a pod, NodeLocal cache (where wanted), cluster DNS and the world outside, in virtual time; then every
remedy is tried, and what it breaks.

  --resolver R,...      resolvers to be: ${resolverModels.map(({ name, aliases }) => aliases[0] ?? name).join(", ")}
                        (default glibc)
  --resolv-conf FILE    the resolv.conf; without it, a pod's:
  --namespace NS          its namespace (default "default")
  --ndots N               its ndots (default 5)
  --search DOMAIN         a search domain of the node, repeatable
  --dns-config FILE       its spec.dnsConfig, as YAML or JSON
  --net KIND            addresses of the pod: dual, v4only, noipv6 (default dual)
  --seed N              repeat the choices that a resolver leaves to chance
  --json                print a JSON document
  --html FILE, --svg FILE   write charts: a page, a picture

A server that runs somewhere, in real time:
  --server ADDR:PORT    where a nameserver really listens; one for each nameserver, in their order
  --remedies            try the remedies of the pod's side with it, too

A chain in this process:
  -conf FILE            the cluster DNS's Corefile (default kubeadm's)
  --manifests PATH      the cluster's objects: a file or a directory (default the example cluster)
  --nodelocal           with a NodeLocal cache between pod and cluster DNS
  --nodelocal-conf FILE   its Corefile
  --upstream-records FILE   the world outside, as lines of a zone file (default: the NAMEs that are not the cluster's exist)
  --rtt LEG=MS          round-trip time of a leg in milliseconds: node, cluster, upstream (default 0.1, 1 and 20);
  --rtt LEG=ADDR:PORT     measured with a server there

Other commands: clusterdns ndots claims | audit | replay; each has --help.
`;

const NETS: readonly string[] = ["dual", "v4only", "noipv6"] satisfies Net[];
export const CLUSTER_DOMAIN = "cluster.local";

export interface Options {
  readonly names: readonly string[];
  readonly models: readonly ResolverModel[];
  readonly conf: ResolvConf;
  readonly namespace: string;
  /** Search domains of the node. */
  readonly search: readonly string[];
  readonly net: Net;
  readonly seed: number | undefined;
  readonly json: boolean;
  readonly html: string | undefined;
  readonly svg: string | undefined;
  readonly remedies: boolean;
  /** Undefined: a chain in this process. */
  readonly endpoints: ReadonlyMap<string, Endpoint> | undefined;
  readonly chain: ChainFlags;
}

/** As given. */
export interface ChainFlags {
  readonly conf: string | undefined;
  readonly manifests: string | undefined;
  readonly nodelocal: boolean;
  readonly nodelocalConf: string | undefined;
  readonly records: string | undefined;
  readonly rtt: readonly string[];
}

/** The flags of a chain, for other commands that open one, too. */
export const chainFlags = {
  conf: { type: "string" },
  manifests: { type: "string" },
  nodelocal: { type: "boolean", default: false },
  "nodelocal-conf": { type: "string" },
  "upstream-records": { type: "string" },
  rtt: { type: "string", multiple: true, default: [] as string[] },
} as const;

/** `-conf`, as the server's flag is written, where `parseArgs` knows long flags by two dashes. */
export const longFlags = (argv: readonly string[]): string[] =>
  argv.map((word) => word.replace(/^-conf(?==|$)/, "--conf"));

/** The options, "help", or in one line what is wrong. */
export function readOptions(argv: readonly string[]): Options | "help" | string {
  let parsed;
  try {
    parsed = parseArgs({
      args: longFlags(argv),
      allowPositionals: true,
      options: {
        resolver: { type: "string", multiple: true, default: ["glibc"] },
        "resolv-conf": { type: "string" },
        namespace: { type: "string", default: "default" },
        ndots: { type: "string", default: "5" },
        search: { type: "string", multiple: true, default: [] },
        "dns-config": { type: "string" },
        server: { type: "string", multiple: true, default: [] },
        net: { type: "string", default: "dual" },
        seed: { type: "string" },
        json: { type: "boolean", default: false },
        html: { type: "string" },
        svg: { type: "string" },
        remedies: { type: "boolean", default: false },
        ...chainFlags,
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    return `${(error as Error).message.split(". ")[0]!}; see clusterdns ndots --help`;
  }
  const { values, positionals: names } = parsed;
  if (values.help) return "help";
  if (names.length === 0) return "no name to look up: clusterdns ndots NAME...";
  const empty = names.find((name) => name === "" || /\s/.test(name));
  if (empty !== undefined) return `not a name: ${JSON.stringify(empty)}`;

  const models = readModels(values.resolver);
  if (typeof models === "string") return models;
  const net = values.net;
  if (!isNet(net)) return `--net ${net}: one of ${NETS.join(", ")}`;
  if (values.seed !== undefined && !/^\d{1,10}$/.test(values.seed))
    return `--seed ${values.seed}: not a number`;
  if (!/^\d{1,4}$/.test(values.ndots)) return `--ndots ${values.ndots}: not a number`;

  const text = confText(values);
  if (typeof text !== "string") return text.error;
  const conf = parseResolvConf(text);
  const chain: ChainFlags = {
    conf: values.conf,
    manifests: values.manifests,
    nodelocal: values.nodelocal || values["nodelocal-conf"] !== undefined,
    nodelocalConf: values["nodelocal-conf"],
    records: values["upstream-records"],
    rtt: values.rtt,
  };
  const inChain = chain.conf ?? chain.records ?? (chain.nodelocal ? "" : chain.rtt[0]);
  if (values.server.length > 0 && inChain !== undefined)
    return "--server asks a server that runs somewhere: -conf, --nodelocal, --upstream-records and --rtt are for a chain in this process";
  const endpoints =
    values.server.length === 0 ? undefined : readServers(values.server, serversOf(conf, Infinity));
  if (typeof endpoints === "string") return endpoints;
  return {
    names,
    models,
    conf,
    namespace: values.namespace,
    search: values.search,
    net,
    seed: values.seed === undefined ? undefined : Number(values.seed),
    json: values.json,
    html: values.html,
    svg: values.svg,
    remedies: values.remedies || endpoints === undefined,
    endpoints,
    chain,
  };
}

const isNet = (word: string): word is Net => NETS.includes(word);

/** The models of a list with commas in it, or what is wrong. */
export function readModels(words: readonly string[]): readonly ResolverModel[] | string {
  const models: ResolverModel[] = [];
  for (const word of words.flatMap((each) => each.split(","))) {
    const model = findModel(word);
    if (model === undefined)
      return `no resolver ${JSON.stringify(word)}: one of ${resolverModels.map(({ name }) => name).join(", ")}`;
    models.push(model);
  }
  return models;
}

interface ConfFlags {
  readonly "resolv-conf"?: string | undefined;
  readonly namespace: string;
  readonly ndots: string;
  readonly search: readonly string[];
  readonly "dns-config"?: string | undefined;
}

/** The resolv.conf: as given, or of a pod. */
function confText(flags: ConfFlags): string | { readonly error: string } {
  const { "resolv-conf": file, "dns-config": dnsConfigFile } = flags;
  let dnsConfig: DnsConfig = {};
  try {
    if (file !== undefined) return readFileSync(file, "utf8");
    if (dnsConfigFile !== undefined) dnsConfig = readDnsConfig(readFileSync(dnsConfigFile, "utf8"));
  } catch (error) {
    return { error: `${file ?? dnsConfigFile!}: ${(error as Error).message.split("\n")[0]!}` };
  }
  return podResolvConf({
    namespace: flags.namespace,
    clusterDomain: CLUSTER_DOMAIN,
    nameserver: "10.96.0.10",
    ndots: Number(flags.ndots),
    nodeSearches: flags.search,
    dnsConfig,
  });
}

const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === "string");

/** A pod's `dnsConfig`, alone or as the value of that key. Throws an Error that names what is wrong. */
function readDnsConfig(text: string): DnsConfig {
  const document = load(text) as Record<string, unknown> | null | undefined;
  const config = (document?.["dnsConfig"] ?? document ?? {}) as Record<string, unknown>;
  const { nameservers = [], searches = [], options = [] } = config;
  if (!isStrings(nameservers)) throw new Error("nameservers: not a list of addresses");
  if (!isStrings(searches)) throw new Error("searches: not a list of domains");
  if (!Array.isArray(options)) throw new Error("options: not a list");
  return {
    nameservers,
    searches,
    options: options.map((option: unknown) => {
      const { name, value } = (option ?? {}) as Record<string, unknown>;
      if (typeof name !== "string") throw new Error("options: one without a name");
      return value === undefined || value === null ? { name } : { name, value: String(value) };
    }),
  };
}

/** Each nameserver's endpoint, or what is wrong. */
function readServers(
  given: readonly string[],
  nameservers: readonly string[],
): ReadonlyMap<string, Endpoint> | string {
  if (given.length < nameservers.length) {
    return `${String(nameservers.length)} nameservers, but ${String(given.length)} --server: give one for each, in their order`;
  }
  const endpoints = new Map<string, Endpoint>();
  for (const [i, nameserver] of nameservers.entries()) {
    const endpoint = readEndpoint(given[i]!);
    if (endpoint === undefined)
      return `--server ${given[i]!}: not an address and port, such as 127.0.0.1:5300 or [::1]:5300`;
    endpoints.set(nameserver, endpoint);
  }
  return endpoints;
}

/** An address with or without a port (53), IPv6 in brackets where there is one. */
export function readEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? text;
  const port = Number(match?.[3] ?? 53);
  if (!ipaddr.isValid(host) || port < 1 || port > 65535) return undefined;
  return { host: ipaddr.parse(host).toString(), port };
}
