/** A server whose only source is a script, in a time that the test sets. */
import dnsPacket from "dns-packet";
import type { Test } from "tap";
import { createSocketlessServer } from "../../../src/api/create-server.ts";
import type { AnswerGenerations } from "../../../src/capabilities.ts";
import { GENERATIONS } from "../../../src/capabilities.ts";
import { reply, type Answer } from "../../../src/dns/message.ts";
import { nameOf, nameText, type Name } from "../../../src/dns/name.ts";
import type { Query } from "../../../src/dns/query.ts";
import { rdata, record } from "../../../src/dns/records.ts";
import type { RR } from "../../../src/dns/rr.ts";
import { FLAG, RCODE, TYPE, typeText } from "../../../src/dns/types.ts";
import { definePlugin, type MaybePromise, type Plugin } from "../../../src/plugin.ts";

export type Packet = ReturnType<typeof dnsPacket.decode>;

/** What the source says to a query; `count` is 1 for its first one. */
export type Script = (query: Query, count: number) => MaybePromise<Answer>;

export interface Ask {
  readonly flags?: number;
  readonly protocol?: "udp" | "tcp";
  readonly dnssecOk?: boolean;
  readonly edns?: boolean;
  readonly class?: string;
}

export interface Harness {
  /** Seconds since 1970. */
  clock: number;
  /** `NAME TYPE`; the answer as dns-packet reads it. */
  ask(question: string, options?: Ask): Promise<Packet>;
  /** The answer as text: `A 192.0.2.1/300 A 192.0.2.2/300`, or the rcode, with the TTL of an SOA. */
  text(question: string, options?: Ask): Promise<string>;
  /** The queries that came through, as `NAME TYPE`. */
  readonly asked: string[];
  readonly queries: Query[];
  readonly log: string[];
  metrics(): Promise<Map<string, number>>;
}

export interface HarnessOptions {
  readonly generations?: AnswerGenerations;
  /** Lines beside `cache`. */
  readonly beside?: string;
  readonly zone?: string;
}

/** `line` is what stands in the Corefile: `cache 30 { ... }`. */
export async function serve(
  t: Test,
  line: string,
  script: Script,
  { generations, beside = "", zone = "." }: HarnessOptions = {},
): Promise<Harness> {
  const asked: string[] = [];
  const queries: Query[] = [];
  const log: string[] = [];
  const source: Plugin = definePlugin({
    name: "source",
    after: ["cache"],
    directive: { args: {} },
    setup(_options, context) {
      if (generations !== undefined) context.provide(GENERATIONS, generations);
      return {
        answer(query) {
          asked.push(`${nameText(query.name)} ${typeText(query.type)}`);
          queries.push(query);
          return script(query, asked.length);
        },
      };
    },
  });
  const server = createSocketlessServer({
    corefile: `${zone} {\n${line}\nsource\n${beside}\n}\n`,
    plugins: [source],
    now: () => harness.clock,
    log: (_level, text) => log.push(text),
  });
  t.teardown(() => server.close());
  await server.listen();

  const harness: Harness = {
    clock: 1_800_000_000,
    asked,
    queries,
    log,
    async ask(
      question,
      { flags = FLAG.RD, protocol = "udp", dnssecOk = false, edns = dnssecOk, class: class_ = "IN" } = {},
    ) {
      const [name = "", type = ""] = question.split(" ");
      const opt = { type: "OPT", name: ".", udpPayloadSize: 1232, flags: dnssecOk ? 0x8000 : 0, options: [] };
      const message = dnsPacket.encode({
        type: "query",
        id: 7,
        flags,
        questions: [{ name, type, class: class_ }],
        additionals: edns ? [opt] : [],
      });
      const bytes = await server.exchange(message, { protocol });
      if (bytes === undefined) throw new Error(`no answer to ${question}`);
      return dnsPacket.decode(Buffer.from(bytes));
    },
    async text(question, options) {
      const { rcode, answers, authorities } = await harness.ask(question, options);
      const shown = answers.map(({ type, ttl, data }) => `${type} ${String(data)}/${ttl}`).join(" ");
      const soa = authorities.find(({ type }) => type === "SOA");
      return shown !== "" ? shown : `${rcode}${soa === undefined ? "" : `/${soa.ttl}`}`;
    },
    async metrics() {
      const page = await server.metrics();
      return new Map(
        [...page.matchAll(/^(coredns_cache_\S+) (\S+)$/gm)].map(([, key, value]) => [key!, Number(value)]),
      );
    },
  };
  return harness;
}

/** A turn of the event loop: what goes on behind a reply is over. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const a = (query: Query, ttl: number, address = "192.0.2.1"): Answer =>
  reply(query, RCODE.NOERROR, 0, { answer: [record(query.rawName, TYPE.A, ttl, rdata.a(address))] });

const TIMERS = { refresh: 1, retry: 1, expire: 1, minimum: 30 };
export const soa = (zone: Name, ttl: number): RR =>
  record(zone, TYPE.SOA, ttl, rdata.soa(zone, zone, 1, TIMERS));

const EXAMPLE = nameOf("example.org.");
export const nxdomain = (query: Query, ttl: number): Answer =>
  reply(query, RCODE.NXDOMAIN, 0, { authority: [soa(EXAMPLE, ttl)] });
export const nodata = (query: Query, ttl: number): Answer =>
  reply(query, RCODE.NOERROR, 0, { authority: [soa(EXAMPLE, ttl)] });
export const failure = (query: Query, rcode: number = RCODE.SERVFAIL): Answer => reply(query, rcode, 0);
