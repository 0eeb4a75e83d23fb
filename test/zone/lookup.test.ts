import fc from "fast-check";
import t from "tap";
import { isWithin, nameOf } from "../../src/dns/name.ts";
import { TYPE } from "../../src/dns/types.ts";
import { lookup } from "../../src/zone/lookup.ts";
import { ask, short, SOA, told, zone } from "./zones.ts";

t.test("RFC 4592 §2.2.1: the zone there, and what follows from it", async (t) => {
  const data = zone(`$TTL 3600
@ SOA ns.example.com. admin.example. 1 2 3 4 5
@ NS ns.example.com.
@ NS ns.example.net.
* TXT "this is a wildcard"
* MX 10 host1
sub.* TXT "this is not a wildcard"
host1 A 192.0.2.1
_ssh._tcp.host1 SRV 0 0 22 host1
_ssh._tcp.host2 SRV 0 0 22 host2
subdel NS ns.example.com.
subdel NS ns.example.net.
`);
  for (const [question, expected] of [
    ["host3.example. MX", "success: host3.example. 3600 IN MX 10 host1.example."],
    ["host3.example. A", "nodata"],
    ["foo.bar.example. TXT", 'success: foo.bar.example. 3600 IN TXT "this is a wildcard"'],
    ["host1.example. MX", "nodata"],
    ["sub.*.example. MX", "nodata"],
    ["_telnet._tcp.host1.example. SRV", "nxdomain"],
    ["host.subdel.example. A", "referral"],
    ["ghost.*.example. MX", "nxdomain"],
  ] as const)
    t.equal(told(data, question), expected, question);
});

t.test("the apex", async (t) => {
  const data = zone(`${SOA}@ NS ns\n@ NS ns.other.\n@ A 192.0.2.1\nns A 192.0.2.2\n`);
  const soa = ask(data, "example. SOA");
  t.same(short(soa.answer), ["example. SOA"]);
  t.same(short(soa.authority), ["example. NS", "example. NS"]);
  const ns = ask(data, "example. NS");
  t.same(short(ns.answer), ["example. NS", "example. NS"]);
  t.same(ns.kind === "found" && short(ns.additional), ["ns.example. A"]);
  t.same(short(ns.authority), []);
  t.equal(told(data, "example. ANY"), "nodata", "no record has type ANY");
  t.equal(
    told(zone(`${SOA}@ NS ns\nns A 192.0.2.2\n`), "example. A"),
    "empty",
    "nothing but SOA and NS there",
  );
});

t.test("cuts: glue below the cut only, DS above it, nothing below it", async (t) => {
  const data = zone(
    `${SOA}sub NS ns.sub\nsub NS ns.other\nsub NS ns.far.\nsub DS 1 13 2 00\nsub TXT x\nns.sub A 192.0.2.1\nns.sub AAAA 2001:db8::1\nns.other A 192.0.2.2\n*.sub A 192.0.2.3\n`,
  );
  for (const question of ["sub.example. NS", "sub.example. TXT", "a.b.sub.example. A", "a.sub.example. DS"]) {
    const outcome = ask(data, question);
    t.match(outcome, { kind: "found", result: "referral", answer: [] }, question);
    t.same(short(outcome.authority), ["sub.example. NS", "sub.example. NS", "sub.example. NS"]);
    t.same(outcome.kind === "found" && short(outcome.additional), [
      "ns.sub.example. A",
      "ns.sub.example. AAAA",
    ]);
  }
  t.match(told(data, "sub.example. DS"), /^success: sub\.example\. 60 IN DS/);
  t.same(
    short(ask(data, "x.sub.example. A DO").authority).slice(3),
    ["sub.example. DS"],
    "with DO the DS set joins",
  );
});

t.test("aliases in the zone, out of it, in a circle", async (t) => {
  const data = zone(
    `${SOA}@ NS ns\na CNAME b\nb CNAME c\nc A 192.0.2.1\nout CNAME Www.Other.\nmissing CNAME nope\nx CNAME y\ny CNAME x\nd CNAME h.sub\nsub NS ns.sub\nns.sub A 192.0.2.2\napex CNAME @\n`,
  );
  t.equal(
    told(data, "a.example. A"),
    "success: a.example. 60 IN CNAME b.example., b.example. 60 IN CNAME c.example., c.example. 60 IN A 192.0.2.1",
  );
  t.equal(told(data, "a.example. CNAME"), "success: a.example. 60 IN CNAME b.example.");
  t.same(short(ask(data, "a.example. TXT").authority), ["example. NS"], "a target without the type: no SOA");
  t.match(ask(data, "out.example. A"), { kind: "led" });
  t.match(ask(data, "missing.example. A"), { kind: "led" });
  t.match(ask(data, "apex.example. NS"), { kind: "led" });
  t.match(ask(data, "apex.example. SOA"), { kind: "led" });
  t.equal(ask(data, "x.example. A").answer.length, 10, "a circle ends");
  const cut = ask(data, "d.example. A");
  t.match(cut, { kind: "found", result: "referral" });
  t.same(short(cut.answer), ["d.example. CNAME"]);
  t.same(short(cut.authority), ["sub.example. NS"]);
});

t.test("DNAME (RFC 6672)", async (t) => {
  const long = `${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(60)}`;
  const data = zone(
    `${SOA}d 30 DNAME To\nd TXT here\nhidden.d A 192.0.2.1\nx.to A 192.0.2.2\nself DNAME self\nlong DNAME ${long}.long2\nfar DNAME other.\n`,
  );
  t.equal(
    told(data, "x.d.example. A"),
    "success: d.example. 30 IN DNAME To.example., x.d.example. 30 IN CNAME x.To.example., x.to.example. 60 IN A 192.0.2.2",
  );
  t.equal(told(data, "d.example. TXT"), 'success: d.example. 60 IN TXT "here"', "the owner itself");
  t.equal(
    told(data, "x.d.example. CNAME"),
    "success: d.example. 30 IN DNAME To.example., x.d.example. 30 IN CNAME x.To.example.",
  );
  t.match(ask(data, "hidden.d.example. A"), { kind: "led" }, "what stands below is hidden");
  t.equal(told(data, "x.self.example. A"), "failure");
  t.match(told(data, `${"x".repeat(63)}.long.example. A`), /^too-long: long\.example\. 60 IN DNAME/);
  t.match(ask(data, "x.y.far.example. A"), { kind: "led", target: "\x01x\x01y\x05other\0" });
});

t.test("additional addresses: in the zone, at the very name, once", async (t) => {
  const data = zone(
    `${SOA}@ MX 1 mx\n@ MX 2 mx\n@ MX 3 al\n@ MX 4 w.wild\n@ MX 5 mx.other.\nmx A 192.0.2.1\nmx AAAA 2001:db8::1\nal CNAME mx\n*.wild A 192.0.2.2\n_s._tcp SRV 1 2 3 MX\nh HTTPS 1 .\ns SVCB 1 mx\n`,
  );
  for (const question of ["example. MX", "_s._tcp.example. SRV", "s.example. SVCB"]) {
    const outcome = ask(data, question);
    t.same(
      outcome.kind === "found" && short(outcome.additional),
      ["mx.example. A", "mx.example. AAAA"],
      question,
    );
  }
  t.match(ask(data, "h.example. HTTPS"), { additional: [] });
});

const RRSIG = (type: string): string => `RRSIG ${type} 13 2 60 20400101000000 20260101000000 1 example. AA==`;

t.test("a signed zone: signatures and proofs with DO (RFC 4035 §3.1)", async (t) => {
  const data = zone(`$TTL 60
@ SOA ns admin 1 2 3 4 5
@ ${RRSIG("SOA")}
@ NS ns
@ ${RRSIG("NS")}
@ NSEC a NS SOA RRSIG NSEC
@ ${RRSIG("NSEC")}
a A 192.0.2.1
a ${RRSIG("A")}
a NSEC *.w A RRSIG NSEC
a ${RRSIG("NSEC")}
*.w CNAME a
*.w ${RRSIG("CNAME")}
*.w NSEC y.w CNAME RRSIG NSEC
*.w ${RRSIG("NSEC")}
y.w A 192.0.2.2
y.w ${RRSIG("A")}
y.w NSEC example. A RRSIG NSEC
y.w ${RRSIG("NSEC")}
`);
  const SOA = ["example. SOA", "example. RRSIG"];
  const proof = (name: string): string[] => [`${name} NSEC`, `${name} RRSIG`];
  t.same(short(ask(data, "a.example. A DO").answer), ["a.example. A", "a.example. RRSIG"]);
  t.same(short(ask(data, "a.example. A").answer), ["a.example. A"]);
  t.same(short(ask(data, "a.example. RRSIG").answer), ["a.example. RRSIG", "a.example. RRSIG"]);
  t.same(short(ask(data, "a.example. TXT DO").authority), [...SOA, ...proof("a.example.")]);
  t.same(short(ask(data, "b.example. A DO").authority), [
    ...SOA,
    ...proof("a.example."),
    ...proof("example."),
  ]);
  t.same(short(ask(data, "w.example. A DO").authority), [...SOA, ...proof("a.example.")], "an empty name");
  const wild = ask(data, "z.w.example. A DO");
  t.same(
    short(wild.answer),
    ["z.w.example. CNAME", "z.w.example. RRSIG", "a.example. A", "a.example. RRSIG"],
    "the alias's signature goes with the name that it is expanded to (§3.1.3.3)",
  );
  t.same(short(wild.authority), ["example. NS", "example. RRSIG", ...proof("y.w.example.")]);
  t.same(
    short(ask(data, "b.w.example. TXT DO").authority).slice(2),
    proof("*.w.example."),
    "the wildcard's NSEC record is proof of both",
  );
});

t.test("any question to any zone: what exists is never denied, and a denial says so", async () => {
  const label = fc.constantFrom("a", "b", "*", "\\000");
  const name = fc.array(label, { maxLength: 4 });
  const written = (labels: readonly string[]): string => (labels.length === 0 ? "@" : labels.join("."));
  const rdata = fc.oneof(
    fc.constantFrom("A 192.0.2.1", "TXT x", "NS ns", "NS ns.other."),
    fc.tuple(fc.constantFrom("CNAME", "DNAME"), name).map(([type, to]) => `${type} ${written(to)}`),
  );
  const records = fc.array(fc.tuple(name, rdata), { maxLength: 12 });
  fc.assert(
    fc.property(
      records,
      name,
      fc.constantFrom(1, 2, 5, 6, 16, 43, 255),
      fc.boolean(),
      (all, labels, type, dnssecOk) => {
        const data = zone(
          `${SOA}@ NS ns\n` + all.map(([owner, what]) => `${written(owner)} ${what}\n`).join(""),
        );
        const asked = nameOf([...labels, "example"].join("."));
        const outcome = lookup(data, asked, type, dnssecOk);
        const exists = [...data.nodes.keys()].some((owner) => isWithin(owner, asked));
        if (outcome.kind === "led") return exists || outcome.answer.length > 0;
        switch (outcome.result) {
          case "nxdomain":
            return !exists && outcome.answer.length === 0 && outcome.authority.includes(data.soa);
          case "empty":
            return exists && !data.nodes.has(asked);
          case "nodata":
            return outcome.answer.length === 0 && outcome.authority.includes(data.soa);
          case "referral":
            return outcome.authority.some((rr) => rr.type === TYPE.NS && rr.name !== data.origin);
          default:
            return outcome.result === "failure" || outcome.answer.length > 0;
        }
      },
    ),
  );
});
