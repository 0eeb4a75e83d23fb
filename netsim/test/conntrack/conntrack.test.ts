/** The table of connections: timeouts, its size, and the race that loses DNS packets. */
import t from "tap";
import { clashHandling, lossProbability, raceLookups } from "../../src/conntrack/race.ts";
import { conntrackTable, mirror, type Tuple } from "../../src/conntrack/table.ts";
import { conntrackMax, KERNEL_TIMEOUTS, sustainableRate } from "../../src/conntrack/timeouts.ts";
import { seeded } from "../../src/service/spread.ts";

function udp(sourcePort: number, destination = "10.96.0.10"): Tuple {
  return { protocol: "udp", source: "10.244.1.9", sourcePort, destination, destinationPort: 53 };
}

function tcp(sourcePort: number): Tuple {
  return { ...udp(sourcePort), protocol: "tcp", destinationPort: 80 };
}

t.test("UDP: 30 seconds without an answer or for a short exchange, 120 for a stream", (t) => {
  const table = conntrackTable({ max: 100 });
  const query = udp(1000);
  const translated = mirror({ ...query, destination: "10.244.2.10" });
  t.equal(table.packet(query, 0, "data", translated), "new");
  t.equal(table.find(query, 29)?.state, "NEW");
  t.equal(table.find(query, 30), undefined);
  t.equal(table.packet(query, 40, "data", translated), "new");
  t.equal(table.packet(translated, 40.01), "reply", "the translated reply belongs to it");
  t.match(table.find(query, 41), { state: "REPLIED", assured: false, expires: 40.01 + 30 });
  table.packet(query, 45);
  t.match(table.find(query, 46), { state: "STREAM", assured: true, expires: 165 });
  t.equal(table.count(164), 1);
  t.equal(table.count(165), 0);
  t.end();
});

t.test("TCP: established connections stay for a day, closed ones for two minutes", (t) => {
  const table = conntrackTable({ max: 100 });
  const open = tcp(2000);
  const back = mirror(open);
  const state = () => table.find(open, 10)?.state;
  table.packet(open, 0, "syn");
  t.match(table.find(open, 0), { state: "SYN_SENT", expires: 120, assured: false });
  table.packet(back, 1, "syn");
  t.equal(state(), "SYN_RECV");
  table.packet(open, 2);
  t.match(table.find(open, 10), { state: "ESTABLISHED", assured: true, expires: 2 + 86_400 });
  table.packet(open, 3, "fin");
  t.equal(state(), "FIN_WAIT");
  table.packet(back, 4);
  t.equal(state(), "CLOSE_WAIT");
  table.packet(back, 5, "fin");
  t.equal(state(), "LAST_ACK");
  table.packet(open, 6);
  t.match(table.find(open, 10), { state: "TIME_WAIT", expires: 126 });
  table.packet(open, 7, "rst");
  t.match(table.find(open, 10), { state: "CLOSE", expires: 17 });
  t.equal(conntrackTable({ max: 1, timeouts: KERNEL_TIMEOUTS }).packet(open, 0), "new");
  t.end();
});

t.test("entries can be deleted, in both directions", (t) => {
  const table = conntrackTable({ max: 100 });
  const query = udp(1000);
  const translated = mirror({ ...query, destination: "10.244.2.10" });
  table.packet(query, 0, "data", translated);
  table.packet(udp(1001), 0);
  t.equal(
    table.flush(({ reply }) => reply.source === "10.244.2.10"),
    1,
  );
  t.equal(table.find(query, 1), undefined);
  t.equal(table.find(translated, 1), undefined);
  t.equal(table.count(1), 1, "the other one stays");
  t.equal(table.packet(query, 2), "new");
  t.end();
});

t.test("a full table drops new flows, unless one that was never answered can go", (t) => {
  const full = conntrackTable({ max: 8, buckets: 8 });
  for (let port = 0; port < 8; port++) {
    full.packet(udp(port), 0);
    full.packet(mirror(udp(port)), 0);
    full.packet(udp(port), 3);
  }
  t.equal(full.packet(udp(99), 4), "dropped", "all are assured");
  t.equal(full.packet(udp(3), 4), "original", "who is known is not affected");
  t.same(full.stats, { inserted: 8, earlyDrops: 0, dropped: 1 });
  t.equal(full.packet(udp(99), 130), "new", "room, when they have timed out");

  const flood = conntrackTable({ max: 8, buckets: 8 });
  for (let port = 0; port < 20; port++) t.equal(flood.packet(udp(port), 0), "new");
  t.equal(flood.count(0), 8);
  t.equal(flood.stats.earlyDrops, 12);
  t.end();
});

t.test("how many fit", (t) => {
  t.equal(conntrackMax(1), 131_072);
  t.equal(conntrackMax(16), 524_288);
  t.equal(
    Math.floor(sustainableRate(conntrackMax(2), 30)),
    4369,
    "DNS queries a second, each from a port of its own",
  );
  const table = conntrackTable({ max: 3000 });
  let dropped = 0;
  for (let i = 0; i < 15_000; i++) {
    const query = udp(1 + (i % 60_000), `10.96.${Math.floor(i / 60_000)}.10`);
    if (table.packet(query, i / 50) === "dropped") dropped++;
    else table.packet(mirror(query), i / 50);
  }
  t.equal(dropped, 0, "50 a second are 1,500 entries");
  t.equal(table.count(300), 1499);
  t.end();
});

t.test("A and AAAA from one socket, translated by chance", (t) => {
  t.equal(clashHandling("4.15.0-20-generic"), "drop");
  t.equal(clashHandling("4.19.1"), "same");
  t.equal(clashHandling("5.4.0"), "same");
  t.equal(clashHandling("5.6"), "insert");
  t.equal(clashHandling("6.8.0-31-generic"), "insert");
  const race = { endpoints: 2, overlap: 0.1 };
  t.equal(lossProbability({ ...race, kernel: "4.15" }), 0.1);
  t.equal(lossProbability({ ...race, kernel: "5.4" }), 0.05);
  t.equal(
    lossProbability({ ...race, kernel: "5.4", endpoints: 1 }),
    0,
    "a node-local cache has one endpoint",
  );
  t.equal(lossProbability({ ...race, kernel: "6.1" }), 0);
  t.equal(lossProbability({ ...race, kernel: "4.15", separate: true }), 0, "single-request-reopen");
  t.equal(lossProbability({ ...race, kernel: "4.15", translated: false }), 0);
  for (const kernel of ["4.15", "5.4", "6.1"]) {
    const lookups = raceLookups(20_000, { ...race, kernel, endpoints: 3 }, seeded(5));
    const lost = lookups.filter(({ second }) => second === undefined).length / lookups.length;
    const expected = lossProbability({ ...race, kernel, endpoints: 3 });
    t.ok(Math.abs(lost - expected) < 0.008, `${kernel}: ${lost} lost, ${expected} expected`);
    t.ok(lookups.every(({ raced, first, second }) => raced || first === second));
  }
  t.end();
});
