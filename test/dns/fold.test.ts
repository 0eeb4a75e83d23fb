import t from "tap";
import { recordText } from "../../src/dns/records.ts";
import { foldRecord, serialOf } from "../../src/dns/zonefile/fold.ts";
import { rr } from "./data.ts";

const SOA = "Example.ORG. 60 SOA NS.example.org. Admin.example.org. 7 1 2 3 4";

t.test("letters: which names are folded", async (t) => {
  for (const [record, folded] of [
    [SOA, "example.org. 60 IN SOA ns.example.org. admin.example.org. 7 1 2 3 4"],
    ["A.example.org. CNAME B.example.org.", "a.example.org. 3600 IN CNAME b.example.org."],
    ["A.example.org. MX 1 B.example.org.", "a.example.org. 3600 IN MX 1 b.example.org."],
    ["A.example.org. NS B.example.org.", "a.example.org. 3600 IN NS b.example.org."],
    [
      "A.example.org. HTTPS 1 B.example.org. alpn=H2",
      'a.example.org. 3600 IN HTTPS 1 b.example.org. alpn="H2"',
    ],
    ["A.example.org. SRV 1 2 3 B.example.org.", "A.example.org. 3600 IN SRV 1 2 3 B.example.org."],
    ["A.example.org. PTR B.example.org.", "a.example.org. 3600 IN PTR B.example.org."],
    ["A.example.org. DNAME B.example.org.", "a.example.org. 3600 IN DNAME B.example.org."],
    ["A.example.org. TXT B.example.org.", 'a.example.org. 3600 IN TXT "B.example.org."'],
  ] as const)
    t.equal(recordText(foldRecord(rr(record))), folded);
});

t.test("serials", async (t) => {
  t.equal(serialOf(rr(SOA)), 7);
  t.equal(serialOf(rr("a.test. A 192.0.2.1")), 0);
});
