import t from "tap";
import { serveWorld } from "../../support/world.ts";

const WORLD = { "www.example.com": ["192.0.2.1"], "www.example.org": ["192.0.2.2"] };

t.test("the first line that fits decides", async (t) => {
  const corefile = `. {
    acl example.org {
      allow net 10.0.0.0/8 2001:db8::/32
      filter type A
      drop
    }
    acl {
      block net 10.1.0.0/16
    }
    world
  }`;
  const { ask, server, exchange, metric } = await serveWorld(t, corefile, { world: WORLD });
  t.match(await ask("www.example.com A", "192.0.2.7"), /^A /);
  t.equal(await ask("www.example.com A", "10.1.2.3"), "REFUSED");
  t.equal(await ask("www.example.org A", "192.0.2.7"), "NODATA");
  t.match(await ask("www.example.org A", "10.1.2.3"), /^A /, "an allow ends it");
  t.match(await ask("www.example.org A", "2001:db8::9"), /^A /);
  const { additionals } = await exchange("www.example.com A", "10.1.2.3");
  t.match(additionals, [{ type: "OPT", options: [{ code: 15 }] }], "Extended DNS Error");

  const before = await metric(
    'coredns_acl_dropped_requests_total{server="dns://:53",view="",zone="example.org."}',
  );
  t.equal(before, undefined);
  const query = Buffer.from("00010100000100000000000003777777076578616d706c65036f726700001c0001", "hex");
  t.equal(await server.exchange(query, { address: "192.0.2.7" }), undefined, "dropped");
  t.equal(
    await metric('coredns_acl_dropped_requests_total{server="dns://:53",view="",zone="example.org."}'),
    1,
  );
  t.equal(
    await metric('coredns_acl_filtered_requests_total{server="dns://:53",view="",zone="example.org."}'),
    1,
  );
  t.equal(await metric('coredns_acl_blocked_requests_total{server="dns://:53",view="",zone="."}'), 2);
  t.equal(await metric('coredns_acl_allowed_requests_total{server="dns://:53",view=""}'), 3);
});
