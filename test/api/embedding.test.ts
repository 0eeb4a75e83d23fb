/** Embedding: addresses, errors, and nothing left open. */
import t from "tap";
import { clusterDns, createServer } from "../../src/index.ts";

t.test("a wrong Corefile rejects with one line: file, line, plugin, remedy", async (t) => {
  const server = createServer({ corefile: ".:0 {\n forward . nowhere:x\n}" });
  await t.rejects(server.listen(), { message: /^Corefile:2: forward: [^\n]+$/ });
  await server.close();
});

t.test("createServer wants one source", (t) => {
  t.throws(() => createServer({}), { message: /either corefile .* or file/ });
  t.end();
});

t.test("objects in place of files", async (t) => {
  const objects = [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "a" } },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "x", namespace: "a" },
      spec: {
        clusterIP: "10.1.1.1",
        clusterIPs: ["10.1.1.1"],
        ports: [{ name: "http", port: 80, protocol: "TCP" }],
      },
    },
  ];
  const dns = await clusterDns(objects, { listen: false });
  t.teardown(() => dns.close());
  t.same((await dns.resolve("x.a.svc.cluster.local")).values, ["10.1.1.1"]);
  t.equal((await dns.resolve("y.a.svc.cluster.local")).rcode, "NXDOMAIN");
  t.same((await dns.resolve("_http._tcp.x.a.svc.cluster.local", "SRV")).values, [
    "0 100 80 x.a.svc.cluster.local.",
  ]);
  await t.rejects(dns.resolve("x..a"), { message: /not a domain name/ });
});

t.test("many servers side by side, each on a port of its own", async (t) => {
  const all = await Promise.all(
    Array.from({ length: 5 }, () =>
      clusterDns([{ apiVersion: "v1", kind: "Namespace", metadata: { name: "a" } }]),
    ),
  );
  t.equal(new Set(all.map(({ port }) => port)).size, 5);
  await Promise.all(all.map((dns) => dns.close()));
});

t.test("metrics as text", async (t) => {
  const server = createServer({ corefile: ".:0 {\n bind 127.0.0.1\n prometheus 127.0.0.1:0\n whoami\n}" });
  t.teardown(() => server.close());
  await server.listen();
  t.match(await server.metrics(), /^coredns_build_info\{/m);
});
