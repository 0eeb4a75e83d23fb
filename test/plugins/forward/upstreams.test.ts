/** What may stand behind FROM: files that change, hosts, and what is refused. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { addressReply, fakeUpstream, replyTo } from "../../upstream/fake-upstream.ts";
import { serve, until } from "./harness.ts";

t.test("a file of name servers is read, and read again when it changes", { timeout: 20_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "forward-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const file = join(dir, "resolv.conf");
  writeFileSync(file, "# none\nsearch example.org\n");
  await t.rejects(serve(t, `forward . ${file}`), {
    message: /^Corefile:3: forward: no name server stands in .*resolv\.conf/,
  });
  const { createUpstreams } = await import("../../../plugins/forward/upstreams.ts");
  const { readServers } = await import("../../../plugins/forward/targets.ts");
  writeFileSync(
    file,
    "nameserver 192.0.2.1\n nameserver\t2001:db8::1\nnameserver fe80::1%eth0\nnameserver none\n#nameserver 192.0.2.9\n",
  );
  t.same(
    readServers(file)!.map(({ address, port }) => [address, port]),
    [
      ["192.0.2.1", 53],
      ["2001:db8::1", 53],
      ["fe80::1", 53],
    ],
  );
  const log: string[] = [];
  const note = (text: string): void => void log.push(text);
  const upstreams = createUpstreams({
    places: [{ kind: "file", file }],
    resolvers: [],
    settings: {
      source: undefined,
      readTimeout: 100,
      expire: 1000,
      maxAge: 0,
      maxIdle: 0,
      healthCheck: { interval: 500, domain: "\0" as never, recursionDesired: true, overTcp: false },
      dohMethod: "POST",
      tlsContext: () => Promise.reject(new Error("no TLS here")),
      serverName: undefined,
      metrics: undefined,
    },
    log: { info: note, warning: note },
    interval: 20,
  });
  await upstreams.start();
  t.teardown(() => upstreams.close());
  const [kept] = upstreams.list;
  writeFileSync(file, "nameserver 192.0.2.7\nnameserver 192.0.2.1\n");
  await until(() => log.length > 0);
  t.same(
    upstreams.list.map(({ name }) => name),
    ["192.0.2.7:53", "192.0.2.1:53"],
  );
  t.equal(upstreams.list[1], kept, "with all that is known of it");
  t.match(log, [/resolv\.conf changed: upstreams are 192\.0\.2\.7:53, 192\.0\.2\.1:53$/]);
  writeFileSync(file, "");
  await until(() => log.length > 1);
  t.match(
    log[1],
    /resolv\.conf changed, and the upstreams stay as they were: no valid upstream addresses found/,
  );
  t.equal(upstreams.list.length, 2);
});

t.test("hosts among TO are asked of a resolver when the server starts", async (t) => {
  const upstream = await fakeUpstream(t);
  const resolver = await fakeUpstream(t, ({ packet, send }) => {
    const { name, type } = packet.questions[0]!;
    if (type === "A" && name === "dns.example.org") send(addressReply(packet, "127.0.0.1"));
    else send(replyTo(packet, {}, 3));
  });
  const lines = (host: string): string =>
    `forward . ${host}:${upstream.port} ${upstream.name} {\nresolver ${resolver.name}\n}`;
  const server = await serve(t, lines("dns.example.org"));
  t.equal(await server.text("www.example.org"), "192.0.2.1");
  await t.rejects(serve(t, lines("none.example.org")), {
    message: /failed to resolve "none\.example\.org".*no addresses found/,
  });
  await resolver.close();
  await t.rejects(serve(t, lines("dns.example.org")), {
    message: /failed to resolve "dns\.example\.org".*connection refused/,
  });
});

t.test("lines that can't be are refused, with their place", async (t) => {
  for (const [lines, wanted] of [
    ["forward .. 192.0.2.1", /^Corefile:3: forward: .*zone/],
    ["forward .", /^Corefile:3: forward: .*TO/],
    [`forward . ${"192.0.2.1 ".repeat(16)}`, /^Corefile:3: forward: .*at most 15/],
    ["forward . grpc://192.0.2.1", /^Corefile:3: forward: .*does not speak grpc/],
    ["forward . tls://", /^Corefile:3: forward: .*names no address/],
    ["forward . https://192.0.2.1/dns", /^Corefile:3: forward: .*has a path/],
    [
      "forward . tls://192.0.2.1%a.example {\ntls_servername b.example\n}",
      /^Corefile:4: forward: .*leave one of them out/,
    ],
    [
      "forward . tls://192.0.2.1 {\ntls /nowhere/ca.pem\n}",
      /^Corefile:3: forward: tls: can't read \/nowhere\/ca\.pem/,
    ],
    ["forward . 192.0.2.1 {\npolicy fastest\n}", /^Corefile:4: forward: policy: .*random, round_robin/],
    ["forward . 192.0.2.1 {\nmax_fails -1\n}", /^Corefile:4: forward: max_fails/],
    ["forward . 192.0.2.1 {\nhealth_check -5s\n}", /^Corefile:4: forward: health_check/],
    ["forward . 192.0.2.1 {\nexpire 10s\nmax_age 5s\n}", /^Corefile:5: forward: max_age/],
    ["forward . 192.0.2.1 {\nread_timeout 0s\n}", /^Corefile:4: forward: read_timeout/],
    ["forward . 192.0.2.1 {\nfailover NOERROR\n}", /^Corefile:4: forward: failover/],
    ["forward . 192.0.2.1 {\nsource_address lo\n}", /^Corefile:4: forward: source_address/],
    ["forward . 192.0.2.1 {\nresolver dns.example.org\n}", /^Corefile:4: forward: resolver/],
    ["forward . 192.0.2.1 {\nhedge 0s\n}", /^Corefile:4: forward: hedge/],
    ["forward . 192.0.2.1 {\ntimeout 5s\n}", /^Corefile:4: forward: unknown option "timeout"/],
  ] as const) {
    await t.rejects(serve(t, lines), { message: wanted }, lines);
  }
  const warned = await serve(t, "forward 10.0.0.0/23 192.0.2.1");
  t.match(warned.log, [
    /\[warning\] plugin\/forward: Unsupported CIDR notation: '10\.0\.0\.0\/23' expands to multiple zones\. Using only '0\.0\.10\.in-addr\.arpa\.'\./,
  ]);
});
