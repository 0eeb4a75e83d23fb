/** The chain beside the real programs: what it says of NodeLocal must be what they did. */
import t from "tap";
import type { Claim } from "../../src/ndots/claims/claims.ts";
import { runBench } from "../../src/ndots/claims/bench.ts";
import { RECORDED } from "../../src/ndots/claims/recorded.ts";
import { json, ndots, refuses } from "./cli.ts";

t.setTimeout(180_000);

const near = (t: Tap, found: number, recorded: number, part: number, what: string): void =>
  void t.ok(
    Math.abs(found - recorded) <= part * recorded,
    `${what}: ${String(found)}, recorded ${String(recorded)}`,
  );
type Tap = Pick<typeof t, "ok">;

void t.test("the recorded load, directly and behind NodeLocal", async (t) => {
  const [direct, cached] = await Promise.all(
    [false, true].map((nodelocal) => runBench({ nodelocal, loss: 0, seed: 3 })),
  );
  const { quiet } = RECORDED;
  // Arrivals are chance: what is compared is each lookup's part.
  const perLookup = direct!.queries / direct!.lookups;
  near(t, perLookup, quiet.direct.queries / 2273, 0.04, "queries of a lookup");
  t.equal(direct!.hops.cluster, direct!.queries, "all of them reach CoreDNS");
  t.equal(cached!.queries, direct!.queries, "the same lookups");
  near(
    t,
    cached!.hops.cluster / cached!.queries,
    quiet.nodelocal.coredns / quiet.nodelocal.queries,
    0.08,
    "of them behind NodeLocal",
  );
  near(t, cached!.hit_ratio.nodelocal!, 0.8345, 0.02, "hits of NodeLocal");
  near(t, direct!.hit_ratio.cluster!, 0.936, 0.02, "hits of CoreDNS");
  near(t, direct!.query_ms.mean, quiet.direct.query_mean, 0.1, "ms of a query");
  near(t, cached!.query_ms.mean, quiet.nodelocal.query_mean, 0.15, "ms of a query behind NodeLocal");
  near(t, direct!.lookup_ms.mean, quiet.direct.lookup_mean, 0.1, "ms of a lookup");
  near(t, cached!.lookup_ms.mean, quiet.nodelocal.lookup_mean, 0.2, "ms of a lookup behind NodeLocal");
  for (const [kind, queries] of [
    ["short", 2],
    ["ns", 4],
    ["fqdn", 8],
    ["outside", 8],
    ["missing", 8],
  ] as const) {
    const { lookups, queries: all } = direct!.kinds[kind]!;
    t.equal(all / lookups, queries, `${kind}: queries of a lookup`);
  }
});

void t.test("1 % of the packets lost", async (t) => {
  const runs = await Promise.all(
    [1, 2, 3].map((seed) => runBench({ nodelocal: false, loss: 0.01, seconds: 30, seed })),
  );
  const mean = runs.reduce((sum, { lookup_ms }) => sum + lookup_ms.mean, 0) / runs.length;
  near(t, mean, RECORDED.lossy.direct.lookup_mean, 0.25, "ms of a lookup");
  const cached = await runBench({ nodelocal: true, loss: 0.01, seconds: 30, seed: 1 });
  t.ok(cached.lookup_ms.mean < 30, `behind NodeLocal ${String(cached.lookup_ms.mean)} ms`);
  t.ok(cached.lookup_ms.p99 > 150 && cached.lookup_ms.p99 < 450, "TCP's retransmission");
});

void t.test("the command", async (t) => {
  const { claims } = await json<{ claims: readonly Claim[] }>("claims");
  const claim = (id: string): Claim => claims.find((one) => one.id === id)!;
  t.match(claim("wasted-queries").values, { glibc: 6, musl: 6, go: 6, "c-ares": 6, java: 6, busybox: 0 });
  t.match(claim("ndots-2"), {
    holds: "partly",
    values: { before: 8, after: 2, one_dot_before: 8, one_dot_after: 8 },
  });
  for (const id of ["trailing-dot", "autopath", "searchpath"])
    t.match(claim(id), { holds: "yes", values: { before: 8, after: 2, one_dot_after: 2 } }, id);
  t.equal(claim("nodelocal-load").holds, "partly");
  t.ok(claim("nodelocal-load").values["cut"]! > 75);
  t.ok(claim("nodelocal-load").values["calm_cut"]! < 70, "rare lookups find nothing in the cache");
  t.ok(claim("nodelocal-latency").values["cut"]! > 50);
  t.ok(claim("nodelocal-first").values["first_ms"]! > claim("nodelocal-first").values["direct_ms"]!);
  t.match(claim("conntrack-race").values, { glibc: 5004, musl: 2502, go: 2, "c-ares": 2000 });
  t.equal(new Set(claims.map(({ id }) => id)).size, claims.length);

  const { status, out } = await ndots("claims");
  t.equal(status, 0);
  t.match(
    out,
    /^ndots:5 makes 3 needless queries for an external name: holds in part\n {2}real programs {2}6 of 8 /,
  );
  await refuses(t, ["claims", "--seed", "x"], /--seed x: not a number/);
  await refuses(t, ["claims", "more"], /more/);
});
