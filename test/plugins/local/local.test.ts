import t from "tap";
import { serveWorld } from "../../support/world.ts";

const WORLD = {
  "www.example.com": ["192.0.2.1"],
  "localhost.example.com": ["192.0.2.2"],
  xlocalhost: ["192.0.2.3"],
};

t.test("what means this host stays here", async (t) => {
  const { ask, asked, exchange, metric } = await serveWorld(t, ". {\nlocal\nworld\n}", { world: WORLD });
  t.equal(await ask("localhost A"), "A 127.0.0.1/604800");
  t.equal(await ask("a.b.LocalHost AAAA"), "AAAA ::1/604800");
  t.equal(await ask("localhost.example.com A"), "A 127.0.0.1/604800");
  t.equal(await ask("localhost MX"), "NODATA");
  t.equal(await ask("1.0.0.127.in-addr.arpa PTR"), "PTR localhost/604800");
  t.equal(await ask("9.0.0.127.in-addr.arpa PTR"), "NXDOMAIN");
  const { authorities } = await exchange("9.0.0.127.IN-addr.arpa PTR");
  t.match(
    authorities,
    [{ type: "SOA", name: "127.IN-addr.arpa" }],
    "the zone in the letters of the question",
  );
  t.same(asked, []);
  t.equal(await metric("coredns_local_localhost_requests_total"), 2, "localhost itself is not counted");
  t.equal(await ask("xlocalhost A"), "A 192.0.2.3/120");
  t.equal(await ask("1.2.0.192.in-addr.arpa PTR"), "NXDOMAIN");
  t.equal(asked.length, 2);
});

t.test("without the prefix", async (t) => {
  const { ask } = await serveWorld(t, ". {\nlocal {\nlocalhost_prefix off\n}\nworld\n}", { world: WORLD });
  t.equal(await ask("localhost.example.com A"), "A 192.0.2.2/120");
  t.equal(await ask("a.localhost A"), "A 127.0.0.1/604800");
});
