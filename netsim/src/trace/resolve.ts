/** The name's way to an address: the pod's own resolver, its queries one by one, each subject to policy, and the real server. */
import {
  createWorld,
  decodeMessage,
  encodeQuestion,
  findModel,
  FLAG,
  inventedRecords,
  lookup,
  openChain,
  parseName,
  parseResolvConf,
  podResolvConf,
  readRecords,
  replyFrom,
  seededRandom,
  virtualClock,
  type Chain,
  type LookupReport,
  type ResolvConf,
  type RR,
  type Sent,
  type VirtualClock,
  type World,
} from "clusterdns";
import type { Cluster, Service } from "../model/types.ts";
import type { DnsCache } from "../policy/cilium/dns-cache.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import { parseAddress } from "../service/address.ts";
import { createJourney, type Crossing } from "./query.ts";
import { corefilesOf, kubeletDns, LINK_LOCAL, OUTSIDE_RESOLVER, type KubeletDns } from "./settings.ts";
import type { Site } from "./site.ts";

export const DEFAULT_RESOLVER = "glibc";

/** A question as it was sent, and what came of it. */
export interface Asked {
  readonly name: string;
  readonly type: string;
  readonly server: string;
  readonly proto: "udp" | "tcp";
  readonly crossing: Crossing;
  /** Addresses in the answer. */
  addresses: readonly string[];
  /** The answer's records; the least of their TTLs, in seconds, is how long it holds. */
  records: readonly RR[];
}

export interface Resolution {
  readonly report: LookupReport;
  /** One for each of the report's queries. */
  readonly asked: readonly Asked[];
  readonly conf: ResolvConf;
  /** What the DNS server itself has against its Corefile. */
  readonly broken: string | undefined;
  /** Names whose addresses were made up. */
  readonly invented: readonly string[];
}

export interface ResolveOptions {
  readonly resolver?: string;
  /** Records of the world outside, as lines of a zone file. */
  readonly records?: string;
}

/**
 * Looks `name` up as a program in `from` would. Answers that the DNS proxy sees go into `cache`; `fronts` are the addresses
 * (or a balancer's name) that the world outside knows for it, where no record is given.
 */
export async function resolve(
  site: Site,
  from: Endpoint,
  name: string,
  cache: DnsCache,
  options: ResolveOptions,
  fronts: readonly string[] = [],
): Promise<Resolution> {
  const { cluster } = site;
  const model = findModel(options.resolver ?? DEFAULT_RESOLVER) ?? findModel(DEFAULT_RESOLVER)!;
  const kubelet = kubeletDns(cluster);
  const conf = parseResolvConf(resolvConfOf(from, kubelet));
  const outside = outsideNames(cluster, name, kubelet.clusterDomain, options.records ?? "", fronts);
  const world = createWorld(outside.records);
  const clock = virtualClock();
  const random = seededRandom(1);
  const asked: Asked[] = [];

  // Before time begins to run: a server takes turns of the event loop to start that no virtual event stands for.
  const opened = await openDns(site, world, clock, conf).catch((error: unknown) =>
    String((error as Error).message),
  );
  const chain = typeof opened === "string" ? undefined : opened;
  const run = (): Promise<LookupReport> => {
    const journey = createJourney(site, from, chain?.first === "nodelocal");
    const transport = {
      send: async (question: Sent) => {
        const crossing = journey(question);
        const entry: Asked = {
          name: question.name,
          type: question.type,
          server: question.server,
          proto: question.proto,
          crossing,
          addresses: [],
          records: [],
        };
        asked.push(entry);
        if (crossing.fate === "drop") return new Promise<never>(() => undefined);
        if (crossing.fate === "closed") return "refused" as const;
        if (crossing.fate === "refuse") return replyFrom(question.type, REFUSED, FLAG.QR, [], []);
        const bytes = await answer(question, crossing, chain, world, from, clock);
        if (bytes === undefined) return new Promise<never>(() => undefined);
        const message = decodeMessage(bytes);
        if (message.error !== undefined) return new Promise<never>(() => undefined);
        const reply = replyFrom(
          question.type,
          message.rcode,
          message.flags,
          message.answer,
          message.additional,
        );
        entry.addresses = reply.addresses;
        entry.records = message.answer;
        if (crossing.learned && reply.addresses.length > 0) {
          const ttl = Math.min(...message.answer.map((rr) => rr.ttl));
          cache.lookup(clock.now() / 1000, question.name.toLowerCase(), reply.addresses, ttl);
        }
        return reply;
      },
      close: () => undefined,
    };
    return lookup(model, name, { conf, net: NET, transport, clock, random });
  };
  const report = await clock.run(run).finally(() => chain?.close());
  const broken = typeof opened === "string" ? opened : undefined;
  return { report, asked, conf, broken, invented: outside.invented };
}

const REFUSED = 5;

/** Pods have an IPv6 address, at least on their link. */
const NET = "dual";

async function answer(
  question: Sent,
  { server }: Crossing,
  chain: Chain | undefined,
  world: World,
  from: Endpoint,
  clock: VirtualClock,
): Promise<Uint8Array | undefined> {
  const message = encodeQuestion(question, question.socket & 0xffff);
  if (message === undefined) return undefined;
  if (server === "world") {
    await new Promise<void>((done) => clock.at(clock.now() + RTT.upstream, done));
    return world.serve(message);
  }
  const source = { address: from.address.text, port: 32_768 + (question.socket % 20_000) };
  return chain?.ask(message, question.proto, source);
}

/** Round-trip times in ms, such as they are within a node, between nodes, and to a resolver outside. */
const RTT = { node: 0.1, cluster: 1, upstream: 20 };

function openDns(
  { cluster, mode }: Site,
  world: World,
  clock: VirtualClock,
  conf: ResolvConf,
): Promise<Chain> {
  const kubelet = kubeletDns(cluster);
  const { cluster: corefile, nodelocal } = corefilesOf(cluster, kubelet.clusterDomain);
  // With iptables and nftables node-cache takes the cluster IP's own packets; otherwise pods must name its address.
  const near = mode === "iptables" || mode === "nftables" || conf.nameservers.includes(LINK_LOCAL);
  const { namespaces, nodes, pods, services, endpointSlices, others } = cluster;
  return openChain({
    corefiles: { cluster: corefile, nodelocal: near ? nodelocal : undefined },
    clusterDns: kubelet.service ?? kubelet.nameserver ?? "",
    objects: [
      ...namespaces,
      ...nodes,
      ...pods,
      ...services,
      ...endpointSlices,
      ...(others.get("ServiceImport") ?? []),
    ],
    world,
    legs: { node: { rtt: RTT.node }, cluster: { rtt: RTT.cluster }, upstream: { rtt: RTT.upstream } },
    clock,
    random: seededRandom(1),
  });
}

/** The text of the pod's /etc/resolv.conf (Kubernetes: DNS for Services and Pods, "Pod's DNS Policy"). */
export function resolvConfOf(from: Endpoint, { clusterDomain, nameserver }: KubeletDns): string {
  const spec = from.pod?.spec;
  const dnsConfig = spec?.dnsConfig ?? {};
  const policy = spec?.dnsPolicy ?? "ClusterFirst";
  const host =
    spec === undefined || policy === "Default" || (policy === "ClusterFirst" && spec.hostNetwork === true);
  const cluster = !host && policy !== "None" && nameserver !== undefined;
  const text = podResolvConf({
    namespace: from.namespace,
    clusterDomain,
    nameserver: nameserver ?? OUTSIDE_RESOLVER,
    ndots: 5,
    nodeSearches: [],
    dnsConfig,
  });
  if (cluster) return text;
  const options = (dnsConfig.options ?? []).map(({ name, value }) =>
    value === undefined ? name : `${name}:${value}`,
  );
  const servers = [...(policy === "None" ? [] : [OUTSIDE_RESOLVER]), ...(dnsConfig.nameservers ?? [])];
  return [
    ...(dnsConfig.searches === undefined ? [] : [`search ${dnsConfig.searches.join(" ")}`]),
    ...servers.map((s) => `nameserver ${s}`),
    ...(options.length === 0 ? [] : [`options ${options.join(" ")}`]),
    "",
  ].join("\n");
}

/** Last labels of names that the world outside has, beside those of countries; the rest is a slip of the pen, or a namespace. */
const OUTSIDE = new Set(
  "com org net edu gov mil int info biz name pro dev app cloud tech online site xyz example test internal corp lan arpa".split(
    " ",
  ),
);

const regions = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });
const isCountry = (label: string): boolean =>
  /^[a-z]{2}$/.test(label) && regions.of(label.toUpperCase()) !== undefined;

/** Names that only the world outside can have: they get addresses for documentation where none are given. */
function outsideNames(
  cluster: Cluster,
  name: string,
  clusterDomain: string,
  text: string,
  fronts: readonly string[],
) {
  const read = (lines: string) => {
    const found = readRecords(lines, "records");
    return typeof found === "string" ? [] : found;
  };
  const own = parseName(name);
  const isGiven = own !== undefined && createWorld(read(text)).has(own);
  const lines = isGiven ? [] : fronts.map((front) => frontRecord(name, front));
  const records = [...read(text), ...read(lines.join("\n"))];
  const balancers = isGiven ? [] : fronts.filter((front) => parseAddress(front) === undefined);
  const namespaces = new Set(cluster.namespaces.map((n) => n.metadata.name));
  const isOutside = (host: string): boolean => {
    const labels = host.toLowerCase().replace(/\.$/, "").split(".");
    const last = labels.at(-1) ?? "";
    if (labels.length < 2 || namespaces.has(last) || `.${labels.join(".")}`.endsWith(`.${clusterDomain}`))
      return false;
    return OUTSIDE.has(last) || isCountry(last);
  };
  const has = createWorld(records);
  const aliases = cluster.services.flatMap((s: Service) => s.spec.externalName ?? []);
  const invented = [...new Set([name, ...aliases, ...balancers])].filter((host) => {
    const parsed = parseName(host);
    return isOutside(host) && parsed !== undefined && !has.has(parsed);
  });
  return { records: [...records, ...inventedRecords(invented, 300)], invented };
}

const frontRecord = (name: string, front: string): string => {
  const family = parseAddress(front)?.family;
  const data =
    family === undefined
      ? `CNAME ${front.replace(/\.?$/, ".")}`
      : `${family === "IPv6" ? "AAAA" : "A"} ${front}`;
  return `${name.replace(/\.?$/, ".")} ${data}`;
};
