/** Names and requests in Cilium's policies, and its cache of answers, as its own packages behave. */
import { join } from "node:path";
import t from "tap";
import { createDnsCache } from "../../src/policy/cilium/dns-cache.ts";
import type { Zombie } from "../../src/policy/cilium/dns-cache.ts";
import {
  crdAccepts,
  dnsAllowed,
  dnsRulesRegexp,
  fqdnFault,
  regexpMatches,
  selectorRegexp,
  selectsName,
} from "../../src/policy/cilium/fqdn.ts";
import { httpAllowed } from "../../src/policy/cilium/http.ts";
import type { HttpRequest } from "../../src/policy/cilium/http.ts";
import type { CiliumHTTPRule, FQDNSelector } from "../../src/model/types.ts";
import { DATA, lines } from "./support.ts";

interface MatchCase extends FQDNSelector {
  readonly name: string;
  readonly regexp?: string;
  readonly match: boolean;
  readonly matchRaw: boolean;
  readonly crdPatternOK: boolean;
  readonly agentError?: string;
  readonly regexError?: string;
}

t.test("toFQDNs: matchName and matchPattern", (t) => {
  const wrong: object[] = [];
  const cases = lines<MatchCase>(join(DATA, "fqdn-match.jsonl"));
  for (const c of cases) {
    const sound = c.agentError === undefined && c.regexError === undefined;
    const checks = [
      crdAccepts(c) === c.crdPatternOK,
      (fqdnFault(c) === undefined) === (c.agentError === undefined),
      !sound || selectorRegexp(c) === c.regexp,
      !sound || selectsName(c, c.name) === c.match,
      !sound || regexpMatches(selectorRegexp(c), c.name) === c.matchRaw,
    ];
    if (checks.includes(false)) wrong.push({ ...c, checks });
  }
  t.same(wrong.slice(0, 3), []);
  t.ok(cases.length > 200);
  t.end();
});

t.test("rules.dns", (t) => {
  const cases = lines<{ dns: FQDNSelector[] | null; name: string; regexp: string; allowed: boolean }>(
    join(DATA, "fqdn-dns-rules.jsonl"),
  );
  const wrong = cases.filter(
    (c) => dnsAllowed(c.dns, c.name) !== c.allowed || dnsRulesRegexp(c.dns) !== c.regexp,
  );
  t.same(wrong.slice(0, 3), []);
  t.ok(cases.length > 100);
  t.end();
});

t.test("rules.http", (t) => {
  interface Case {
    readonly id: string;
    readonly http: CiliumHTTPRule[];
    readonly requests: (HttpRequest & { readonly allowed: boolean })[];
  }
  const cases = lines<Case>(join(DATA, "cilium-l7.jsonl"));
  const wrong = cases.flatMap((c) =>
    c.requests.filter((r) => httpAllowed(c.http, r) !== r.allowed).map((r) => ({ id: c.id, r })),
  );
  t.same(wrong.slice(0, 3), []);
  t.ok(cases.length > 20);
  t.end();
});

interface CacheEvent {
  readonly op: "lookup" | "gc" | "ctgc" | "look";
  readonly t: number;
  readonly name: string;
  readonly ips: string[];
  readonly ttl: number;
  readonly alive?: string[];
  readonly updated?: boolean;
  readonly newMapping?: boolean;
  readonly affectedNames?: string[];
  readonly zombiesAlive?: string[];
  readonly zombiesDead?: string[];
  readonly state: {
    readonly allowed: string[];
    readonly cache: Record<string, string[]>;
    readonly zombiesDumpAlive: string[];
  };
}
interface CacheCase {
  readonly id: string;
  readonly minTTL: number;
  readonly maxIPsPerHost: number;
  readonly maxZombies: number;
  readonly idleGraceSeconds: number;
  readonly unstableFromEvent?: number;
  readonly events: CacheEvent[];
}

const sorted = (list: readonly string[] = []) => [...list].sort();
const shown = (zombies: readonly Zombie[]) =>
  sorted(zombies.map((z) => `${z.ip} ${sorted(z.names).join(",")}`));

t.test("the cache of answers and its zombies", (t) => {
  for (const c of lines<CacheCase>(join(DATA, "fqdn-cache.jsonl"))) {
    const cache = createDnsCache({
      minTTL: c.minTTL,
      maxIPsPerHost: c.maxIPsPerHost,
      maxZombies: c.maxZombies,
      idleGrace: c.idleGraceSeconds,
    });
    let allowed = new Set<string>();
    const got: object[] = [];
    const want: object[] = [];
    // Ties among evictions go by the order of a Go map: a recording ends where that shows.
    for (const e of c.events.slice(0, c.unstableFromEvent)) {
      if (e.op === "lookup") {
        got.push(cache.lookup(e.t, e.name, e.ips, e.ttl));
        want.push({ updated: e.updated ?? false, newMapping: e.newMapping ?? false });
        for (const ip of e.ips) allowed.add(`${e.name} ${ip}`);
      } else if (e.op === "gc") {
        const { affectedNames, alive, dead } = cache.gc(e.t);
        got.push({ names: sorted(affectedNames), alive: shown(alive), dead: shown(dead) });
        want.push({
          names: sorted(e.affectedNames),
          alive: sorted(e.zombiesAlive),
          dead: sorted(e.zombiesDead),
        });
        const cached = cache.names().flatMap((n) => cache.addresses(n).map((ip) => `${n} ${ip}`));
        allowed = new Set([...cached, ...alive.flatMap((z) => z.names.map((n) => `${n} ${z.ip}`))]);
      } else if (e.op === "ctgc") cache.conntrackGc(e.t, e.alive ?? []);
      const names = sorted(cache.names()).filter((n) => cache.addresses(n).length > 0);
      got.push({
        cache: names.map((n) => [n, sorted(cache.addresses(n))]),
        zombies: shown(cache.zombies()),
        allowed: sorted([...allowed]),
      });
      const held = sorted(Object.keys(e.state.cache)).map((n) => [n, sorted(e.state.cache[n])]);
      want.push({ cache: held, zombies: sorted(e.state.zombiesDumpAlive), allowed: sorted(e.state.allowed) });
    }
    t.same(got, want, c.id);
  }
  t.end();
});
