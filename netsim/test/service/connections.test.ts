/** Where real connections went, whom they were refused by and which source was seen, against what the rules say. */
import t from "tap";
import { iptablesPlane } from "../../src/service/iptables/connect.ts";
import { iptablesProgram } from "../../src/service/iptables/program.ts";
import { nftablesPlane } from "../../src/service/nftables/connect.ts";
import { nftablesProgram } from "../../src/service/nftables/program.ts";
import type { Connection, DataPlane } from "../../src/service/packet.ts";
import { chooser, outcomes, seeded } from "../../src/service/spread.ts";
import { serviceHealth } from "../../src/service/health.ts";
import { from, lab, lines, nodeA } from "./support.ts";

interface Trial {
  readonly mode: "iptables" | "nftables";
  readonly test: string;
  readonly from: string;
  readonly to?: string;
  readonly n: number;
  readonly by: Readonly<Record<string, number>>;
  readonly src: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly raw?: string;
}

const PODS = new Map([
  ["10.244.1.11", "a1"],
  ["10.244.1.12", "a2"],
  ["10.244.2.21", "b1"],
  ["10.244.2.22", "b2"],
]);
const CLIENTS: Readonly<Record<string, string>> = {
  poda9: "10.244.1.99",
  poda1: "10.244.1.11",
  node: "172.18.0.2",
  client: "172.18.0.100",
};

const cluster = lab();
const node = nodeA(cluster, "IPv4");
const planes: Record<Trial["mode"], DataPlane> = {
  iptables: iptablesPlane(iptablesProgram(cluster, node)),
  nftables: nftablesPlane(nftablesProgram(cluster, node)),
};
const trials = lines<Trial>("connections.jsonl");

/** Nothing listens on the node itself, and its default gateway does not exist. */
function reached({ verdict, destination }: Connection): string {
  if (verdict === "rejected" || verdict === "local") return "refused";
  return (verdict === "forwarded" ? PODS.get(destination.address) : undefined) ?? "silence";
}

function trialPacket(trial: Trial) {
  const [address = "", port = ""] = (trial.to ?? "").split(":");
  const source =
    address.startsWith("127.") && trial.from === "node" ? "127.0.0.1" : (CLIENTS[trial.from] ?? "");
  return from(source, address, Number(port));
}

function seen(trial: Trial): Map<string, number> {
  const counts = new Map(Object.entries(trial.by));
  for (const [error, count] of Object.entries(trial.errors)) {
    const kind = error.includes("ECONNREFUSED") ? "refused" : "silence";
    counts.set(kind, (counts.get(kind) ?? 0) + count);
  }
  return counts;
}

const tried = trials.filter(({ to }) => to !== undefined);
let samples = 0;
let chiSquare = 0;
let freedom = 0;

for (const trial of tried) {
  t.test(`${trial.mode}: ${trial.test}`, (t) => {
    const ways = outcomes(planes[trial.mode], trialPacket(trial));
    const shares = new Map<string, number>();
    const sources = new Set<string>();
    for (const { probability, connection } of ways) {
      const where = reached(connection);
      shares.set(where, (shares.get(where) ?? 0) + probability);
      if (connection.verdict === "forwarded" && [...PODS.values()].includes(where))
        sources.add(connection.source);
    }
    const counts = seen(trial);
    for (const where of counts.keys()) t.ok(shares.has(where), `${where} is possible`);
    for (const source of Object.keys(trial.src)) t.ok(sources.has(source), `source ${source} is possible`);
    if (trial.n >= 20 && !trial.test.startsWith("sticky")) {
      t.same([...shares.keys()].sort(), [...counts.keys()].sort(), "nobody else is");
      t.same([...sources].sort(), Object.keys(trial.src).sort(), "and no other source");
      const value = chi(shares, counts, trial.n);
      samples++;
      chiSquare += value;
      freedom += shares.size - 1;
      // One in a thousand over all trials of this file together.
      t.ok(value <= critical(shares.size - 1), `chi-square ${value.toFixed(2)}`);
    }
    t.end();
  });
}

t.test("the shares of all trials together", (t) => {
  t.ok(samples > 70, `${samples} samples`);
  // Wilson and Hilferty's approximation of the chi-square distribution by the normal one.
  const z = (Math.cbrt(chiSquare / freedom) - (1 - 2 / (9 * freedom))) / Math.sqrt(2 / (9 * freedom));
  t.ok(
    Math.abs(z) < 3.29,
    `chi-square ${chiSquare.toFixed(1)} with ${freedom} degrees of freedom: z = ${z.toFixed(2)}`,
  );
  t.end();
});

for (const mode of ["iptables", "nftables"] as const) {
  t.test(
    `${mode}: an affinity of 4 seconds is refreshed by each connection and lost after a pause of 6`,
    (t) => {
      const plane = planes[mode];
      plane.reset();
      const situation = { choose: chooser(seeded(7)) };
      const to = from("10.244.1.99", "10.96.10.16", 80);
      const connect = (now: number) => plane.connect(to, { ...situation, now }).destination.address;
      const chained = new Set(Array.from({ length: 10 }, (_, round) => connect(round * 2)));
      t.equal(chained.size, 1, "2 seconds apart: always the same");
      const paused = new Set(Array.from({ length: 40 }, (_, round) => connect(100 + round * 6)));
      t.equal(paused.size, 4, "6 seconds apart: drawn anew");
      const other = plane.connect(from("10.244.1.98", "10.96.10.16", 80), { choose: () => 0, now: 1000 });
      t.equal(other.destination.address, "10.244.1.11", "another client draws for itself");
      t.end();
    },
  );
}

t.test("rounds with pauses that were recorded changed the endpoint, those without did not", (t) => {
  const rounds = (mode: string, what: string) =>
    trials
      .filter((trial) => trial.mode === mode && trial.test.includes(what))
      .map(({ by }) => Object.keys(by).join());
  for (const mode of ["iptables", "nftables"]) {
    t.ok(new Set(rounds(mode, "6 s pause")).size > 1);
    t.equal(new Set(rounds(mode, "each 2 s")).size, 1);
  }
  t.end();
});

t.test("the health check port says how many endpoints are here", (t) => {
  const recorded = trials.find(({ test }) => test.includes(":32001/"))?.raw ?? "{}";
  const { raw: answer = "" } = JSON.parse(recorded) as { raw?: string };
  const service = cluster.services.find(({ metadata }) => metadata.name === "lb-local");
  const health = service && serviceHealth(cluster, "node-a", service);
  t.match(answer, new RegExp(`"localEndpoints": ${health?.localEndpoints},`));
  t.ok(answer.endsWith(`|${health?.status}`));
  t.equal(health?.port, 32001);
  t.equal(service && serviceHealth(cluster, "node-c", service)?.status, 503);
  t.end();
});

function chi(shares: ReadonlyMap<string, number>, counts: ReadonlyMap<string, number>, n: number): number {
  let sum = 0;
  for (const [where, share] of shares) sum += ((counts.get(where) ?? 0) - share * n) ** 2 / (share * n);
  return sum;
}

/** Chi-square at p = 0.001 / 110, by degrees of freedom. */
function critical(degrees: number): number {
  return [0, 19.7, 22.9, 25.7][degrees] ?? 0;
}
