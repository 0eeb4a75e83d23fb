import t from "tap";
import { nameOf } from "../../src/dns/name.ts";
import { recordText } from "../../src/dns/records.ts";
import { loadZone } from "../../src/dns/zonefile/load.ts";
import { rr } from "./data.ts";

const load = (...records: string[]): ReturnType<typeof loadZone> =>
  loadZone(records.map(rr), nameOf("example.org."));
const SOA = "example.org. 60 SOA ns.example.org. admin.example.org. 7 1 2 3 4";

t.test("letters: which names are folded on load", async (t) => {
  const zone = load(
    "Example.ORG. 60 SOA NS.example.org. Admin.example.org. 7 1 2 3 4",
    "A.example.org. CNAME B.example.org.",
    "A.example.org. MX 1 B.example.org.",
    "A.example.org. NS B.example.org.",
    "A.example.org. HTTPS 1 B.example.org. alpn=H2",
    "A.example.org. SRV 1 2 3 B.example.org.",
    "A.example.org. PTR B.example.org.",
    "A.example.org. DNAME B.example.org.",
    "A.example.org. TXT B.example.org.",
  );
  if ("error" in zone) throw new Error(zone.error);
  t.same(zone.records.map(recordText), [
    "example.org. 60 IN SOA ns.example.org. admin.example.org. 7 1 2 3 4",
    "a.example.org. 3600 IN CNAME b.example.org.",
    "a.example.org. 3600 IN MX 1 b.example.org.",
    "a.example.org. 3600 IN NS b.example.org.",
    'a.example.org. 3600 IN HTTPS 1 b.example.org. alpn="H2"',
    "A.example.org. 3600 IN SRV 1 2 3 B.example.org.",
    "a.example.org. 3600 IN PTR B.example.org.",
    "a.example.org. 3600 IN DNAME B.example.org.",
    'a.example.org. 3600 IN TXT "B.example.org."',
  ]);
  t.equal(zone.serial, 7);
});

t.test("of two SOA records the last counts; duplicates and what is outside stay", async (t) => {
  const zone = load(SOA, "a.test. A 192.0.2.1", "a.test. A 192.0.2.1", SOA.replace(" 7 ", " 0 "));
  if ("error" in zone) throw new Error(zone.error);
  t.equal(zone.serial, 0, "only the first SOA's serial must not be 0");
  t.equal(recordText(zone.soa), "example.org. 60 IN SOA ns.example.org. admin.example.org. 0 1 2 3 4");
  t.equal(zone.records.length, 4);
});

t.test("what is no zone", async (t) => {
  t.same(load("a.example.org. A 192.0.2.1"), {
    error: "no SOA record for zone example.org.: begin the file with one",
  });
  t.same(load(SOA.replace(" 7 ", " 0 ")), { error: "the serial of zone example.org. is 0: give it another" });
  t.same(load(SOA, "example.org. NSEC3PARAM 1 0 0 -"), {
    error: "NSEC3 zones can't be served: example.org. has NSEC3PARAM; sign zone example.org. with NSEC",
  });
});
