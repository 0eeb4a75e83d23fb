import t from "tap";
import { nameOf, nameText } from "../../src/dns/name.ts";
import { read, short, SOA, zone } from "./zones.ts";

t.test("apex, nodes, and names between them", async (t) => {
  const data = zone(
    `${SOA}@ NS ns\n@ MX 1 mx\n@ RRSIG SOA 13 1 60 20400101000000 20260101000000 1 example. AA==\n` +
      `@ RRSIG NS 13 1 60 20400101000000 20260101000000 1 example. AA==\nsub NS ns.sub\nA.b.C A 192.0.2.1\na.b.c TXT x\n`,
  );
  t.same(short([data.soa, ...data.soaSignatures]), ["example. SOA", "example. RRSIG"]);
  t.same(short([...data.ns, ...data.nsSignatures]), ["example. NS", "example. RRSIG"]);
  t.same([...data.nodes.keys()].map(nameText), ["example.", "sub.example.", "a.b.c.example."]);
  t.same(short(data.nodes.get(nameOf("a.b.c.example."))!), ["a.b.c.example. A", "a.b.c.example. TXT"]);
  t.same(new Set([...data.inner].map(nameText)), new Set([".", "example.", "c.example.", "b.c.example."]));
  t.same(data.order.map(nameText), ["example.", "a.b.c.example.", "sub.example."]);
});

t.test("an SRV record keeps its owner's letters and is found all the same", async (t) => {
  const data = zone(`${SOA}_SIP._tcp SRV 1 2 3 Host\n`);
  t.same(short(data.nodes.get(nameOf("_sip._tcp.example."))!), ["_SIP._tcp.example. SRV"]);
});

t.test("of several SOA records the last counts", async (t) => {
  t.match(zone(`${SOA}@ 60 SOA ns admin 0 2 3 4 5\n`).soa, { ttl: 60 });
  t.equal(
    read(`${SOA}@ 60 SOA ns admin 7 2 3 4 5\n`, "example.", 1).kind,
    "unchanged",
    "the first one's serial",
  );
});

t.test("what is no zone", async (t) => {
  const error = (text: string): string => {
    const result = read(text);
    return result.kind === "wrong" ? result.error : result.kind;
  };
  t.equal(error(""), "db.example: no SOA record for zone example.: begin the file with one");
  t.equal(
    error("@ 60 SOA ns admin 0 2 3 4 5"),
    "db.example: the serial of zone example. is 0: give it another",
  );
  t.equal(
    error(`${SOA}@ NSEC3PARAM 1 0 0 -\n`),
    "db.example: NSEC3 zones can't be served: example. has NSEC3PARAM; sign zone example. with NSEC",
  );
  t.match(error(`${SOA}www A 300.1.1.1\n`), /^db\.example:3: A: /);
});

t.test("a file with the serial that is known is not read further", async (t) => {
  t.equal(read(`${SOA}this is no record\n`, "example.", 1).kind, "unchanged");
  t.equal(read(SOA, "example.", 2).kind, "zone", "a lower serial is another one, too");
});
