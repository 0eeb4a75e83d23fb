/** A server over a cluster given as YAML, with a made-up world outside that stands where `forward` would. */
import dnsPacket from "dns-packet";
import { loadAll } from "js-yaml";
import type { Test } from "tap";
import { createServer, createSocketlessServer, type DnsServer } from "../../src/api/create-server.ts";
import { reply, serverFailure, type Answer } from "../../src/dns/message.ts";
import { lower, nameOf, nameText, type Name } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import { rdata, record } from "../../src/dns/records.ts";
import type { RR } from "../../src/dns/rr.ts";
import { FLAG, RCODE, TYPE, typeText } from "../../src/dns/types.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";

export type Packet = ReturnType<typeof dnsPacket.decode>;

/** `NAME` to what it has: addresses, `CNAME NAME` first; or `SERVFAIL`. Names that are missing don't exist. */
export type World = Readonly<Record<string, readonly string[]>>;

export interface WorldOptions {
  readonly world?: World;
  /** Whether the world's answers come later. */
  readonly isLate?: boolean;
  /** YAML documents, or the objects; or a directory of manifests, which is followed. */
  readonly cluster?: string | readonly object[];
  readonly directory?: string;
  /** Plugins beside `world`. */
  readonly plugins?: readonly Plugin[];
  /** Real sockets on the loopback. */
  readonly listen?: boolean;
}

export interface WorldServer {
  readonly server: DnsServer;
  /** What the world was asked, as `NAME TYPE`. */
  readonly asked: string[];
  readonly log: string[];
  /** `NAME TYPE`; the whole answer. */
  exchange(question: string, from?: string, packet?: Partial<Packet>): Promise<Packet>;
  /** The answer as `CNAME to, A 192.0.2.1`, with `/TTL` behind each; or NODATA, or the rcode. */
  ask(question: string, from?: string): Promise<string>;
  /** Of a metric without labels, or with these. */
  metric(series: string): Promise<number | undefined>;
}

/** `corefile` has the plugin `world` where it has its end. */
export async function serveWorld(
  t: Test,
  corefile: string,
  { world = {}, isLate = false, cluster = [], directory, plugins = [], listen = false }: WorldOptions,
): Promise<WorldServer> {
  const asked: string[] = [];
  const log: string[] = [];
  const options = {
    corefile,
    cluster: directory ?? (typeof cluster === "string" ? (loadAll(cluster) as object[]) : cluster),
    plugins: [worldPlugin(world, isLate, asked), ...plugins],
    log: (_level: string, text: string) => void log.push(text),
  };
  const server = listen ? createServer(options) : createSocketlessServer(options);
  t.teardown(() => server.close());
  await server.listen();

  const exchange = async (question: string, from?: string, packet: Partial<Packet> = {}): Promise<Packet> => {
    const [name = "", type = ""] = question.split(" ");
    const message = dnsPacket.encode({
      type: "query",
      id: 1,
      flags: FLAG.RD,
      questions: [{ name, type }],
      ...packet,
    });
    const bytes = await server.exchange(message, from === undefined ? {} : { address: from });
    return dnsPacket.decode(Buffer.from(bytes!));
  };
  return {
    server,
    asked,
    log,
    exchange,
    async ask(question, from) {
      const { rcode, answers } = await exchange(question, from);
      if (answers.length === 0) return rcode === "NOERROR" ? "NODATA" : rcode;
      return answers.map(({ type, data, ttl }) => `${type} ${String(data)}/${ttl}`).join(", ");
    },
    async metric(series) {
      const line = (await server.metrics()).split("\n").find((one) => one.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length));
    },
  };
}

const TTL = 120;

function worldPlugin(world: World, isLate: boolean, asked: string[]): Plugin {
  const names = new Map(Object.entries(world).map(([name, values]) => [lower(nameOf(name)), values]));
  const find = (query: Query): Answer => {
    asked.push(`${nameText(query.rawName)} ${typeText(query.type)}`);
    const records: RR[] = [];
    let owner: Name = query.rawName;
    let values = names.get(query.name);
    if (values?.[0] === "SERVFAIL") return serverFailure("the world's end");
    const soa = (): RR => {
      const timers = { refresh: 1, retry: 1, expire: 1, minimum: 60 };
      return record(nameOf("example.com."), TYPE.SOA, 60, rdata.soa(owner, owner, 1, timers));
    };
    if (values === undefined) return reply(query, RCODE.NXDOMAIN, FLAG.RA, { authority: [soa()] });
    while (values?.[0]?.startsWith("CNAME ") === true) {
      const target = nameOf(values[0].slice("CNAME ".length));
      records.push(record(owner, TYPE.CNAME, TTL, rdata.cname(target)));
      owner = target;
      values = names.get(lower(target));
    }
    for (const value of values ?? []) {
      const type = value.includes(":") ? TYPE.AAAA : TYPE.A;
      if (type !== query.type) continue;
      records.push(record(owner, type, TTL, type === TYPE.A ? rdata.a(value) : rdata.aaaa(value)));
    }
    return records.length === 0
      ? reply(query, RCODE.NOERROR, FLAG.RA, { authority: [soa()] })
      : reply(query, RCODE.NOERROR, FLAG.RA, { answer: records });
  };
  return definePlugin({
    name: "world",
    after: ["forward"],
    directive: { args: {} },
    setup: () => ({
      answer(query) {
        const answer = find(query);
        return isLate ? new Promise((resolve) => setImmediate(() => resolve(answer))) : answer;
      },
    }),
  });
}
