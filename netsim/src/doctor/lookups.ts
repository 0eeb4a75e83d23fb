/** What lookups cost: the pod's own resolver against the cluster's own Corefile, in virtual time. Nobody outside is asked. */
import {
  createWorld,
  decodeMessage,
  encodeQuestion,
  findModel,
  inventedRecords,
  lookup,
  openChain,
  parseResolvConf,
  replyFrom,
  seededRandom,
  virtualClock,
  type Chain,
  type Sent,
} from "clusterdns";
import type { Endpoint } from "../policy/endpoint.ts";
import { resolvConfOf } from "../trace/resolve.ts";
import { corefilesOf, LINK_LOCAL, type Corefiles } from "../trace/settings.ts";
import type { Context } from "./context.ts";

export interface Asked {
  /** Absolute, with the final dot. */
  readonly name: string;
  readonly type: string;
  /** `NXDOMAIN`, `NODATA`, ... or the addresses. */
  readonly answer: string;
}

export interface Lookup {
  readonly name: string;
  readonly found: boolean;
  readonly asked: readonly Asked[];
  /** Questions for other names than the one that was found, or all where none was. */
  readonly needless: number;
  readonly resolvConf: string;
}

export interface Lookups {
  /** Looks `name` up as a pod would, with `options` in the place of its resolv.conf's own. */
  look(from: Endpoint, name: string, options?: Readonly<Record<string, string>>): Promise<Lookup>;
  /** One question to the cluster DNS itself; undefined where there is no answer. */
  ask(name: string, type: string): Promise<DirectAnswer | undefined>;
  close(): Promise<void>;
}

export interface DirectAnswer {
  readonly rcode: number;
  readonly addresses: readonly string[];
  /** TTL of the SOA beside a denial, in seconds. */
  readonly denialTtl: number | undefined;
}

const RTT = { node: { rtt: 0.1 }, cluster: { rtt: 1 }, upstream: { rtt: 20 } };
const SOA = 6;

/**
 * `outside`: names that the world outside has. A Corefile that cannot be run (which is a finding of its own) is replaced by
 * kubeadm's. Rejects with one line where no server can be started.
 */
export async function openLookups(context: Context, outside: readonly string[]): Promise<Lookups> {
  const { cluster, kubelet } = context;
  const clock = virtualClock();
  const open = ({ cluster: corefile, nodelocal }: Corefiles): Promise<Chain> =>
    openChain({
      corefiles: { cluster: corefile, nodelocal },
      clusterDns: kubelet.nameserver ?? "",
      objects: [
        ...cluster.namespaces,
        ...cluster.nodes,
        ...cluster.services,
        ...cluster.endpointSlices,
        ...(/\bpods\b|\bautopath\b/.test(corefile) ? cluster.pods : []),
      ],
      world: createWorld(inventedRecords(outside, 300)),
      legs: RTT,
      clock,
      random: seededRandom(1),
    });
  const without = { ...cluster, others: new Map() };
  const chain = await open(corefilesOf(cluster, kubelet.clusterDomain)).catch(() =>
    open(corefilesOf(without, kubelet.clusterDomain)),
  );

  const look: Lookups["look"] = async (from, name, options = {}) => {
    const text = withOptions(resolvConfOf(from, kubelet), options);
    const conf = parseResolvConf(text);
    const asked: Asked[] = [];
    const transport = {
      send: async (question: Sent) => {
        const message = encodeQuestion(question, question.socket & 0xffff);
        const source = { address: from.address.text, port: 32_768 + (question.socket % 20_000) };
        const bytes = message && (await chain.ask(message, question.proto, source));
        const decoded = bytes && decodeMessage(bytes);
        if (decoded === undefined || decoded.error !== undefined) return new Promise<never>(() => undefined);
        const { rcode, flags, answer, additional } = decoded;
        const reply = replyFrom(question.type, rcode, flags, answer, additional);
        asked.push({ name: question.name, type: question.type, answer: answerText(rcode, reply.addresses) });
        return reply;
      },
      close: () => undefined,
    };
    const report = await clock.run(() =>
      lookup(findModel("glibc")!, name, { conf, net: "dual", transport, clock, random: seededRandom(1) }),
    );
    const useful = asked.find((a) => /^[0-9a-f.:]+( |$)/.test(a.answer))?.name.toLowerCase();
    return {
      name,
      found: report.result.ok,
      asked,
      needless: asked.filter((a) => a.name.toLowerCase() !== useful).length,
      resolvConf: text,
    };
  };
  return {
    look,
    ask: (name, type) => clock.run(() => askChain(chain, name, type)),
    close: () => chain.close(),
  };
}

async function askChain(chain: Chain, name: string, type: string): Promise<DirectAnswer | undefined> {
  const question = { name, type, socket: 1, proto: "tcp", server: LINK_LOCAL, connected: true } as const;
  const message = encodeQuestion(question, 1);
  const bytes = message && (await chain.ask(message, "tcp", { address: "10.244.255.1", port: 40_000 }));
  const decoded = bytes && decodeMessage(bytes);
  if (decoded === undefined || decoded.error !== undefined) return undefined;
  const { rcode, flags, answer, additional, authority } = decoded;
  return {
    rcode,
    addresses: replyFrom(type, rcode, flags, answer, additional).addresses,
    denialTtl: authority.find((rr) => rr.type === SOA)?.ttl,
  };
}

const RCODES: Readonly<Record<number, string>> = { 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED" };

function answerText(rcode: number, addresses: readonly string[]): string {
  if (rcode !== 0) return RCODES[rcode] ?? `rcode ${rcode}`;
  return addresses.length === 0 ? "NODATA" : addresses.join(" ");
}

function withOptions(resolvConf: string, options: Readonly<Record<string, string>>): string {
  const entries = Object.entries(options).map(([name, value]) => `${name}:${value}`);
  return entries.length === 0 ? resolvConf : `${resolvConf}options ${entries.join(" ")}\n`;
}
