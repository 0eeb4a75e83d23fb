import t from "tap";
import { realClock } from "../../src/resolver/clock.ts";
import { parseResolvConf } from "../../src/resolver/conf.ts";
import { lookup, type LookupReport } from "../../src/resolver/lookup.ts";
import { findModel } from "../../src/resolver/models.ts";
import { socketTransport } from "../../src/resolver/sockets.ts";
import { loopback, type Behaviour, type Loopback } from "./loopback.ts";

const K8S =
  "nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5 timeout:1 attempts:2\n";

async function ask(
  name: string,
  resolver: string,
  port: number,
  confText: string = K8S,
): Promise<LookupReport> {
  const conf = parseResolvConf(confText);
  const endpoints = new Map(conf.nameservers.map((address) => [address, { host: "127.0.0.1", port }]));
  return lookup(findModel(resolver)!, name, {
    conf,
    net: "dual",
    transport: socketTransport(endpoints),
    clock: realClock,
    random: () => 0.5,
  });
}

async function serving(
  t: { teardown(undo: () => Promise<void>): void },
  behaviour: Behaviour,
): Promise<Loopback> {
  const server = await loopback(behaviour);
  t.teardown(() => server.close());
  return server;
}
const zone: Behaviour = ({ name, type }) => {
  if (name !== "example.com") return { rcode: 3 };
  if (type === "A") return { answers: [{ name, type: "A", ttl: 5, data: "192.0.2.10" }] };
  if (type === "AAAA") return { answers: [{ name, type: "AAAA", ttl: 5, data: "2001:db8::10" }] };
  return {};
};

void t.test("what the server sees is what the report says", async (t) => {
  const server = await serving(t, zone);
  for (const resolver of [
    "glibc",
    "musl",
    "go",
    "c-ares",
    "node-dns.resolve4",
    "dig+search",
    "host",
    "nslookup",
    "busybox",
    "dnspython",
  ]) {
    server.asked.length = 0;
    const { queries, result } = await ask("example.com", resolver, server.port);
    t.same(
      server.asked.map(({ name, type, proto }) => `${name}. ${type} ${proto}`).toSorted(),
      queries.map(({ name, type, proto }) => `${name} ${type} ${proto}`).toSorted(),
      resolver,
    );
    t.ok(result.ok, `${resolver} found it`);
    const ports = new Map<number, Set<number>>();
    // Queries of one number came from one port, those of another from another.
    for (const [i, query] of queries.entries()) {
      const seen = server.asked.find(
        ({ name, type }, j) => j >= i - 1 && `${name}.` === query.name && type === query.type,
      );
      if (seen !== undefined) ports.set(query.socket, (ports.get(query.socket) ?? new Set()).add(seen.port));
    }
    t.ok(
      [...ports.values()].every(({ size }) => size === 1),
      `${resolver}: one port for each socket`,
    );
  }
});

void t.test("EDNS and AD go out", async (t) => {
  const server = await serving(t, zone);
  await ask("example.com.", "glibc", server.port, `${K8S}options edns0 trust-ad\n`);
  for (const { packet } of server.asked) {
    t.same(
      packet.additionals.map((rr) => rr.type === "OPT" && rr.udpPayloadSize),
      [1200],
    );
    t.ok(packet.flag_ad);
    t.ok(packet.flag_rd);
  }
});

void t.test("truncation leads to TCP", async (t) => {
  const server = await serving(t, (asked) =>
    asked.proto === "udp" && asked.name === "example.com" ? { truncated: true } : zone(asked),
  );
  for (const resolver of ["glibc", "musl", "go", "c-ares", "host"]) {
    const { queries, result } = await ask("example.com.", resolver, server.port);
    t.same(result.addresses, ["192.0.2.10", "2001:db8::10"], resolver);
    t.ok(queries.some(({ proto, answer }) => proto === "tcp" && answer === "NOERROR"));
  }
});

void t.test("CNAMEs on the way are no addresses", async (t) => {
  const server = await serving(t, ({ name, type }) => ({
    answers: [
      { name, type: "CNAME", ttl: 5, data: "target.test" },
      ...(type === "A" ? [{ name: "target.test", type: "A" as const, ttl: 5, data: "192.0.2.1" }] : []),
    ],
  }));
  const { result } = await ask("example.com.", "glibc", server.port);
  t.same(result.addresses, ["192.0.2.1"]);
});

void t.test("silence ends with the timeout", async (t) => {
  const server = await serving(t, () => undefined);
  const { queries, result } = await ask("example.com.", "musl", server.port);
  t.equal(queries.length, 4, "asked twice");
  t.notOk(result.ok);
  t.ok(result.ms >= 990 && result.ms < 3000, `${String(result.ms)} ms`);
});

void t.test("a closed port is noticed at once, by who connects", async (t) => {
  const server = await loopback(zone);
  await server.close();
  for (const resolver of ["glibc", "go", "dig"]) {
    const { queries, result } = await ask("example.com.", resolver, server.port);
    t.notOk(result.ok);
    t.same([...new Set(queries.map(({ answer }) => answer))], ["refused"], resolver);
    t.ok(result.ms < 900, `${resolver}: ${String(result.ms)} ms`);
  }
  const { queries } = await ask("example.com.", "glibc", server.port, `${K8S}options use-vc\n`);
  t.equal(queries[0]?.answer, "refused", "over TCP as well");
});

void t.test("answers to other questions don't count", async (t) => {
  const server = await serving(t, zone);
  const right = await ask("example.com.", "glibc", server.port);
  t.ok(right.result.ok);
  const wrong = await loopback((asked) => {
    asked.packet.questions[0]!.name = "other.test";
    return { answers: [{ name: "other.test", type: "A", ttl: 5, data: "192.0.2.66" }] };
  });
  t.teardown(() => wrong.close());
  const { result } = await ask("example.com.", "glibc-inet", wrong.port);
  t.notOk(result.ok);
});
