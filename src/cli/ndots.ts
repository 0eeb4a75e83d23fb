/** `clusterdns ndots NAME...`: what a lookup costs, by models of real resolvers against a real server. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import ipaddr from "ipaddr.js";
import { load } from "js-yaml";
import { realClock, seededRandom } from "../resolver/clock.ts";
import { parseResolvConf, serversOf, type ResolvConf } from "../resolver/conf.ts";
import { lookup, type LookupReport } from "../resolver/lookup.ts";
import { findModel, resolverModels, type ResolverModel } from "../resolver/models.ts";
import { podResolvConf, type DnsConfig } from "../resolver/pod.ts";
import { socketTransport, type Endpoint } from "../resolver/sockets.ts";
import type { Net } from "../resolver/types.ts";
import { lookupTable } from "./ndots-table.ts";

const usage = `Usage: clusterdns ndots NAME... --server ADDR:PORT [options]

Looks each NAME up as each resolver would, and prints every query that it sends.

  --resolver R,...      resolvers to be: ${resolverModels.map(({ name, aliases }) => aliases[0] ?? name).join(", ")}
                        (default glibc)
  --resolv-conf FILE    the resolv.conf; without it, a pod's:
  --namespace NS          its namespace (default "default")
  --ndots N               its ndots (default 5)
  --search DOMAIN         a search domain of the node, repeatable
  --dns-config FILE       its spec.dnsConfig, as YAML or JSON
  --server ADDR:PORT    where a nameserver really listens; one for each nameserver, in their order
  --net KIND            addresses of the pod: dual, v4only, noipv6 (default dual)
  --seed N              repeat the choices that a resolver leaves to chance
  --json                print a JSON document
`;

const NETS: readonly string[] = ["dual", "v4only", "noipv6"] satisfies Net[];

interface Options {
  readonly names: readonly string[];
  readonly models: readonly ResolverModel[];
  readonly conf: ResolvConf;
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  readonly net: Net;
  readonly random: () => number;
  readonly json: boolean;
}

/** What `--json` prints. `lookups` has one entry for each name and resolver, the resolvers of a name together. */
export interface Document {
  readonly lookups: readonly LookupReport[];
}

type Writable = Pick<NodeJS.WritableStream, "write">;

/** 0 though a lookup fails; 2 where the arguments are no use, with the reason on stderr. */
export async function run(
  argv: string[],
  out: Writable = process.stdout,
  err: Writable = process.stderr,
): Promise<number> {
  const options = readOptions(argv);
  if (options === "help") {
    out.write(usage);
    return 0;
  }
  if (typeof options === "string") {
    err.write(`clusterdns ndots: ${options}\n`);
    return 2;
  }
  const { names, models, conf, endpoints, net, random, json } = options;
  const transport = socketTransport(endpoints);
  const lookups: LookupReport[] = [];
  for (const name of names) {
    for (const model of models)
      lookups.push(await lookup(model, name, { conf, net, transport, clock: realClock, random }));
  }
  const document: Document = { lookups };
  out.write(json ? JSON.stringify(document, undefined, 2) + "\n" : lookups.map(lookupTable).join("\n"));
  return 0;
}

function readOptions(argv: string[]): Options | "help" | string {
  let parsed;
  try {
    parsed = parseArgs({
      args: argv,
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
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    return `${(error as Error).message.split(". ")[0]!}; see clusterdns ndots --help`;
  }
  const { values, positionals: names } = parsed;
  if (values.help) return "help";
  if (names.length === 0) return "no name to look up: clusterdns ndots NAME... --server ADDR:PORT";
  const empty = names.find((name) => name === "" || /\s/.test(name));
  if (empty !== undefined) return `not a name: ${JSON.stringify(empty)}`;

  const models: ResolverModel[] = [];
  for (const word of values.resolver.flatMap((each) => each.split(","))) {
    const model = findModel(word);
    if (model === undefined)
      return `no resolver ${JSON.stringify(word)}: one of ${resolverModels.map(({ name }) => name).join(", ")}`;
    models.push(model);
  }
  const net = values.net;
  if (!isNet(net)) return `--net ${net}: one of ${NETS.join(", ")}`;
  if (values.seed !== undefined && !/^\d{1,10}$/.test(values.seed))
    return `--seed ${values.seed}: not a number`;
  if (!/^\d{1,4}$/.test(values.ndots)) return `--ndots ${values.ndots}: not a number`;

  const text = confText(values);
  if (typeof text !== "string") return text.error;
  const conf = parseResolvConf(text);
  const endpoints = readServers(values.server, serversOf(conf, Infinity));
  if (typeof endpoints === "string") return endpoints;
  const random = values.seed === undefined ? Math.random : seededRandom(Number(values.seed));
  return { names, models, conf, endpoints, net, random, json: values.json };
}

const isNet = (word: string): word is Net => NETS.includes(word);

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
    clusterDomain: "cluster.local",
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
  if (given.length === 0) return "no server to ask: give --server ADDR:PORT, once for each nameserver";
  if (given.length < nameservers.length) {
    return `${String(nameservers.length)} nameservers, but ${String(given.length)} --server: give one for each, in their order`;
  }
  const endpoints = new Map<string, Endpoint>();
  for (const [i, nameserver] of nameservers.entries()) {
    const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(given[i]!);
    const host = match?.[1] ?? match?.[2] ?? given[i]!;
    const port = Number(match?.[3] ?? 53);
    if (!ipaddr.isValid(host) || port < 1 || port > 65535) {
      return `--server ${given[i]!}: not an address and port, such as 127.0.0.1:5300 or [::1]:5300`;
    }
    endpoints.set(nameserver, { host: ipaddr.parse(host).toString(), port });
  }
  return endpoints;
}
