/** `clusterdns ndots` against a server on the loopback. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { run, type Document } from "../../src/cli/ndots.ts";
import { loopback, type Behaviour } from "./loopback.ts";

const zone: Behaviour = ({ name, type }) => {
  if (name !== "example.com") return { rcode: 3 };
  return { answers: type === "A" ? [{ name, type: "A", ttl: 5, data: "192.0.2.10" }] : [] };
};

async function ndots(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  const written = { out: "", err: "" };
  const sink = (key: "out" | "err") => ({
    write(text: string | Uint8Array): boolean {
      written[key] += String(text);
      return true;
    },
  });
  const status = await run(argv, sink("out"), sink("err"));
  return { status, ...written };
}

const dir = mkdtempSync(join(tmpdir(), "ndots-"));
function file(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}
const conf = file(
  "resolv.conf",
  "nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n",
);

const server = await loopback(zone);
t.teardown(() => server.close());
const at = `127.0.0.1:${String(server.port)}`;

void t.test("the JSON document", async (t) => {
  const { status, out, err } = await ndots(
    "example.com",
    "nosuch.",
    "--resolver",
    "glibc-getaddrinfo,MUSL-1_2_5",
    "--resolver",
    "dig-plus-search",
    "--resolv-conf",
    conf,
    "--server",
    at,
    "--json",
  );
  t.equal(status, 0, "though lookups fail");
  t.equal(err, "");
  const { lookups } = JSON.parse(out) as Document;
  t.same(
    lookups.map(({ name, resolver }) => [name, resolver]),
    ["example.com", "nosuch."].flatMap((name) =>
      ["glibc-getaddrinfo", "musl-1.2.5", "dig+search"].map((resolver) => [name, resolver]),
    ),
    "names in order, the resolvers of each together",
  );
  const [glibc] = lookups;
  t.same(
    glibc!.queries.map(({ name, type, proto, server, socket, pending, answer }) => [
      name,
      type,
      proto,
      server,
      socket,
      pending,
      answer,
    ]),
    [
      "example.com.shop.svc.cluster.local.",
      "example.com.svc.cluster.local.",
      "example.com.cluster.local.",
      "example.com.",
    ].flatMap((name, i) => [
      [name, "A", "udp", "10.96.0.10", i + 1, 0, i < 3 ? "NXDOMAIN" : "NOERROR"],
      [name, "AAAA", "udp", "10.96.0.10", i + 1, 1, i < 3 ? "NXDOMAIN" : "NODATA"],
    ]),
    "glibc asks 8 times for an external name",
  );
  t.match(glibc!.result, { ok: true, addresses: ["192.0.2.10"], error: null, ms: Number });
  t.ok(
    glibc!.queries.every(({ t_ms }, i, all) => t_ms >= (all[i - 1]?.t_ms ?? 0)),
    "in the order sent",
  );
  t.match(lookups[3]!.result, { ok: false, addresses: [], error: "Name or service not known" });
});

void t.test("for people", async (t) => {
  const { status, out } = await ndots("example.com.", "--resolv-conf", conf, "--server", at);
  t.equal(status, 0);
  t.match(out, /^example\.com\. by glibc-getaddrinfo\n +ms +name +type/);
  t.match(out, /\n2 queries for 1 name in \d+\.\d ms: 192\.0\.2\.10\n$/);
});

void t.test("a pod's configuration instead of a file", async (t) => {
  const dnsConfig = file(
    "pod.yaml",
    "dnsConfig:\n  searches: [extra.test]\n  options:\n    - name: ndots\n      value: 2\n    - name: single-request\n",
  );
  const { out } = await ndots(
    "api",
    "--namespace",
    "shop",
    "--search",
    "corp.test",
    "--dns-config",
    dnsConfig,
    "--server",
    at,
    "--json",
  );
  const names = (JSON.parse(out) as Document).lookups[0]!.queries.map(({ name }) => name);
  t.same(
    [...new Set(names)],
    [
      "api.shop.svc.cluster.local.",
      "api.svc.cluster.local.",
      "api.cluster.local.",
      "api.corp.test.",
      "api.extra.test.",
      "api.",
    ],
  );
  const ndots2 = await ndots("a.b.c", "--dns-config", dnsConfig, "--server", at, "--json");
  t.equal((JSON.parse(ndots2.out) as Document).lookups[0]!.queries[0]!.name, "a.b.c.", "ndots:2");
});

void t.test("the pod's addresses", async (t) => {
  const { out } = await ndots(
    "example.com.",
    "--resolver",
    "getent-ahosts",
    "--net",
    "v4only",
    "--resolv-conf",
    conf,
    "--server",
    at,
    "--json",
  );
  t.same(
    (JSON.parse(out) as Document).lookups[0]!.queries.map(({ type }) => type),
    ["A"],
  );
});

void t.test("a seed repeats what is left to chance", async (t) => {
  const order = async (seed: string): Promise<string> => {
    const { out } = await ndots(
      "nosuch",
      "--resolver",
      "go",
      "--resolv-conf",
      conf,
      "--server",
      at,
      "--seed",
      seed,
      "--json",
    );
    return (JSON.parse(out) as Document).lookups[0]!.queries.map(({ type }) => type).join();
  };
  t.equal(await order("3"), await order("3"));
  const orders = new Set<string>();
  for (let seed = 0; seed < 12; seed++) orders.add(await order(String(seed)));
  t.ok(orders.size > 1, "another seed, another order");
});

void t.test("input that is no use: 2, a line on stderr, nothing on stdout", async (t) => {
  const two = file("two.conf", "nameserver 10.96.0.10\nnameserver 10.96.0.11\n");
  const badYaml = file("bad.yaml", "dnsConfig: [");
  const badOptions = file("bad-options.yaml", "options: [{value: 3}]");
  const cases: readonly (readonly [string[], RegExp])[] = [
    [["--server", at], /no name to look up/],
    [["a b", "--server", at], /not a name: "a b"/],
    [["a", "--server", "localhost:53"], /--server localhost:53: not an address/],
    [["a", "--server", "127.0.0.1:70000"], /not an address and port/],
    [["a", "--server", at, "--resolver", "glib"], /no resolver "glib": one of glibc-getaddrinfo/],
    [["a", "--server", at, "--net", "v6"], /--net v6: one of dual, v4only, noipv6/],
    [["a", "--server", at, "--ndots", "many"], /--ndots many: not a number/],
    [["a", "--server", at, "--seed", "x"], /--seed x: not a number/],
    [["a", "--server", at, "--frobnicate"], /--frobnicate/],
    [["a", "--server", at, "--resolv-conf", join(dir, "none")], /none: ENOENT/],
    [["a", "--server", at, "--resolv-conf", two], /2 nameservers, but 1 --server: give one for each/],
    [["a", "--server", at, "--dns-config", badYaml], /bad\.yaml: /],
    [["a", "--server", at, "--dns-config", badOptions], /options: one without a name/],
  ];
  for (const [argv, message] of cases) {
    const { status, out, err } = await ndots(...argv);
    t.equal(status, 2, argv.join(" "));
    t.equal(out, "");
    t.match(err, message);
    t.equal(err.trimEnd().split("\n").length, 1, "one line");
  }
});

void t.test("--help", async (t) => {
  const { status, out } = await ndots("--help");
  t.equal(status, 0);
  t.match(out, /^Usage: clusterdns ndots NAME/);
});
