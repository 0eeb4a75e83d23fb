/** Whatever the configuration and the servers: every model ends, sends what fits a message, and says how it went. */
import fc from "fast-check";
import t from "tap";
import { seededRandom, until, virtualClock } from "../../src/resolver/clock.ts";
import { parseResolvConf } from "../../src/resolver/conf.ts";
import { lookup, type LookupReport } from "../../src/resolver/lookup.ts";
import { resolverModels } from "../../src/resolver/models.ts";
import { isEncodable } from "../../src/resolver/names.ts";
import { simulatedTransport } from "../../src/resolver/simulate.ts";
import type { Fate, Net } from "../../src/resolver/types.ts";

const word = fc.string({ unit: fc.constantFrom("a", "b", ".", "-", "_", "1", ":", "%", "é"), maxLength: 12 });
const option = fc.constantFrom(
  "ndots:0",
  "ndots:5",
  "ndots:99",
  "timeout:0",
  "timeout:1",
  "attempts:0",
  "attempts:9",
  "rotate",
  "single-request",
  "single-request-reopen",
  "use-vc",
  "edns0",
  "no-aaaa",
  "trust-ad",
  "no-tld-query",
  "ndots:",
  "bogus",
);
const line = fc.oneof(
  fc.constantFrom("nameserver 10.0.0.1", "nameserver 10.0.0.2", "nameserver ::1", "nameserver x"),
  fc
    .array(
      fc.oneof(word, fc.constantFrom(".", "svc.cluster.local", "a".repeat(70), `${"long.".repeat(45)}test`)),
      { maxLength: 5 },
    )
    .map((words) => `search ${words.join(" ")}`),
  fc.array(option, { maxLength: 4 }).map((words) => `options ${words.join(" ")}`),
  word,
);
const name = fc.oneof(
  word,
  fc.constantFrom(
    "api",
    "api.shop",
    "example.com.",
    ".",
    "",
    "10.0.0.1",
    "::1",
    "x".repeat(64),
    "a.".repeat(130),
  ),
);
const fate = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom("silence", "closed", "refused") },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "noerror",
      "nodata",
      "lame",
      "nxdomain",
      "servfail",
      "refused-code",
      "formerr",
      "truncated",
    ),
  },
);

const RCODES: Readonly<Record<string, number>> = { nxdomain: 3, servfail: 2, "refused-code": 5, formerr: 1 };
function makeFate(kind: string, type: string): Fate | undefined {
  if (kind === "silence") return undefined;
  if (kind === "closed" || kind === "refused") return kind;
  const addresses = kind === "noerror" && type !== "MX" ? [type === "A" ? "192.0.2.1" : "2001:db8::1"] : [];
  return {
    rcode: RCODES[kind] ?? 0,
    truncated: kind === "truncated",
    authoritative: false,
    recursionAvailable: kind !== "lame",
    answers: addresses.length,
    additional: false,
    addresses,
  };
}

interface World {
  readonly lines: readonly string[];
  readonly name: string;
  readonly fates: readonly string[];
  readonly net: Net;
  readonly seed: number;
}

async function play(
  model: (typeof resolverModels)[number],
  { lines, name, fates, net, seed }: World,
): Promise<LookupReport> {
  const clock = virtualClock();
  let asked = 0;
  const transport = simulatedTransport({
    clock,
    rtt: 1,
    answer: async (question) => {
      const kind = fates[asked++ % fates.length]!;
      await until(clock, clock.now() + (asked % 3));
      return makeFate(kind, question.type);
    },
  });
  const conf = parseResolvConf(lines.join("\n"));
  return clock.run(() => lookup(model, name, { conf, net, transport, clock, random: seededRandom(seed) }));
}

for (const model of resolverModels) {
  void t.test(model.name, async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          lines: fc.array(line, { maxLength: 6 }),
          name,
          fates: fc.array(fate, { minLength: 1, maxLength: 6 }),
          net: fc.constantFrom<Net>("dual", "v4only", "noipv6"),
          seed: fc.nat(1000),
        }),
        async (world) => {
          const report = await play(model, world);
          const { queries, result } = report;
          for (const { name, proto } of queries) {
            if (!name.endsWith(".") || !isEncodable(name))
              throw new Error(`asked for ${JSON.stringify(name)}`);
            if (proto !== "udp" && proto !== "tcp") throw new Error(proto);
          }
          if (result.ok !== (result.error === null)) throw new Error("a failure says why, a success nothing");
          if (result.ok && result.addresses.length === 0) throw new Error("found nothing");
          if (result.ms > 90_000) throw new Error(`took ${String(result.ms)} ms`);
          if (queries.some(({ t_ms }, i) => t_ms < (queries[i - 1]?.t_ms ?? 0)))
            throw new Error("not in the order sent");
          if (JSON.stringify(await play(model, world)) !== JSON.stringify(report))
            throw new Error("a seed does not repeat");
        },
      ),
      {
        numRuns: 150,
        // The root has no dot to lose, and a domain may make no name.
        examples: [
          [{ lines: ["search .a"], name: ".", fates: ["noerror", "nxdomain"], net: "dual", seed: 0 }],
        ],
      },
    );
    t.pass("150 worlds");
  });
}
