/** file in a server: what is loaded when, what goes on to other plugins; what zones answer is in test/zone and in the recorded scenarios. */
import { utimesSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { reply, serverFailure } from "../../../src/dns/message.ts";
import { nameText } from "../../../src/dns/name.ts";
import { rdata, record } from "../../../src/dns/records.ts";
import { FLAG, OPCODE, RCODE, TYPE } from "../../../src/dns/types.ts";
import { definePlugin, type Plugin } from "../../../src/plugin.ts";
import { serveZones, until, zoneText } from "../../support/zone-server.ts";

/** Answers every query that comes so far, later. */
const behind: Plugin = definePlugin({
  name: "behind",
  after: ["file"],
  directive: { args: {} },
  setup: () => ({
    async answer(query) {
      await sleep(1);
      switch (nameText(query.name).split(".")[0]) {
        case "nx":
          return reply(query, RCODE.NXDOMAIN, 0);
        case "fails":
          return serverFailure("on purpose");
        case "empty":
          return reply(query, RCODE.NOERROR, 0);
        default:
          return reply(query, RCODE.NOERROR, 0, {
            answer: [record(query.rawName, TYPE.A, 9, rdata.a("198.51.100.1"))],
          });
      }
    },
  }),
});

t.test("a zone is taken anew when its serial differs, and only then", async (t) => {
  const { text, write, remove, log } = await serveZones(
    t,
    "example.org {\nroot DIR\nfile db {\nreload 20ms\n}\n}",
    { db: zoneText(5, "www A 192.0.2.1") },
  );
  t.equal(await text("www.example.org. A"), "www.example.org. 300 IN A 192.0.2.1");

  write("db", zoneText(5, "www A 192.0.2.2"));
  await sleep(100);
  t.equal(await text("www.example.org. A"), "www.example.org. 300 IN A 192.0.2.1", "the same serial");

  write("db", zoneText(4, "www A 192.0.2.2"));
  await until(() => log.length > 0);
  t.equal(await text("www.example.org. A"), "www.example.org. 300 IN A 192.0.2.2", "a lower one counts, too");
  t.match(log.splice(0), [
    /^\[info\] plugin\/file: Successfully reloaded zone "example\.org\." in ".*db" with 4 SOA serial$/,
  ]);

  write("db", `${zoneText(6)}www A 300.1.1.1\n`);
  await until(() => log.length >= 2);
  t.match(log[0], /^\[error\] plugin\/file: Parsing zone "example\.org\.": .*db:6: A: /);
  t.match(log[1], /^\[error\] plugin\/file: Parsing zone "example\.org\."/, "said each time");
  t.equal(await text("www.example.org. A"), "www.example.org. 300 IN A 192.0.2.2", "the old zone stays");

  remove("db");
  await until(() => /Failed to open/.test(log.at(-1)!));
  t.match(
    log.at(-1),
    /Failed to open zone "example\.org\." in ".*db": open .*db: no such file or directory$/,
  );
  t.equal(await text("www.example.org. A"), "www.example.org. 300 IN A 192.0.2.2");

  write("db", zoneText(7, "www A 192.0.2.3"));
  await until(() => /with 7 SOA/.test(log.at(-1)!));
  t.equal(await text("www.example.org. A"), "www.example.org. 300 IN A 192.0.2.3");
});

t.test("reload_by_mtime: taken anew when the file's time has changed", async (t) => {
  const { text, write, dir } = await serveZones(
    t,
    "example.org {\nfile DIR/db {\nreload 20ms\nreload_by_mtime\n}\n}",
    { db: zoneText(5, "www A 192.0.2.1") },
  );
  write("db", zoneText(5, "www A 192.0.2.2"));
  utimesSync(join(dir, "db"), 1_900_000_000, 1_900_000_000);
  await until(async () => /192\.0\.2\.2/.test(await text("www.example.org. A")));
  t.equal(await text("www.example.org. A"), "www.example.org. 300 IN A 192.0.2.2");
});

t.test("a file that comes later; those of the lines behind it wait, too", async (t) => {
  const { text, write, log } = await serveZones(
    t,
    `. {
      root DIR
      file db.first first.test {
        reload 50ms
      }
      file db.late late.test
      file db.behind behind.test
    }`,
    { "db.first": zoneText(1), "db.behind": zoneText(1) },
  );
  t.match(log, [
    /^\[warning\] plugin\/file: Failed to open "open .*db\.late: no such file or directory": trying again in 50ms$/,
  ]);
  t.match(await text("first.test. NS"), /ns\.first\.test/);
  t.equal(await text("late.test. NS"), "SERVFAIL");
  t.equal(await text("behind.test. NS"), "SERVFAIL");
  t.equal(await text("late.test. AXFR"), "REFUSED");
  write("db.late", zoneText(1));
  await until(async () => (await text("late.test. NS")) !== "SERVFAIL");
  await until(async () => (await text("behind.test. NS")) !== "SERVFAIL");
  t.match(await text("late.test. NS"), /ns\.late\.test/);
  t.match(await text("behind.test. NS"), /ns\.behind\.test/, "the reload of the first line holds for all");
});

t.test("what is refused at the start", async (t) => {
  for (const [lines, files, expected] of [
    [
      "file DIR/none {\nreload 0\n}",
      {},
      /^Corefile:2: file: open .*none: no such file or directory: reload is off/,
    ],
    ["file DIR/db", { db: `${zoneText(1)}www A x\n` }, /^Corefile:2: file: .*db:6: A: /],
    ["file DIR/db", { db: zoneText(0) }, /^Corefile:2: file: .*db: the serial of zone example\.org\. is 0/],
    ["file DIR/db", { db: "" }, /^Corefile:2: file: .*db: no SOA record for zone example\.org\./],
    ["file DIR", {}, /^Corefile:2: file: read .*: illegal operation on a directory/],
    [
      "file DIR/db",
      { db: `${zoneText(1)}$INCLUDE none\n` },
      /^Corefile:2: file: .*db:6: \$INCLUDE: open .*none: no such file/,
    ],
  ] as const)
    await t.rejects(serveZones(t, `example.org {\n${lines}\n}`, files), { message: expected });
});

t.test("fallthrough: for names that do not exist, in the zones of the last line that says it", async (t) => {
  const { text } = await serveZones(
    t,
    `. {
      file DIR/db example.org {
        fallthrough
      }
      file DIR/db example.net {
        fallthrough sub.example.org
      }
      behind
    }`,
    { db: zoneText(1, "www A 192.0.2.1\na.b.sub TXT x\nout CNAME x.other.test.\nhome CNAME nope") },
    { plugins: [behind] },
  );
  t.equal(await text("x.sub.example.org. A"), "x.sub.example.org. 9 IN A 198.51.100.1");
  t.equal(await text("b.sub.example.org. A"), "b.sub.example.org. 9 IN A 198.51.100.1", "an empty name");
  t.equal(await text("a.b.sub.example.org. A"), "NOERROR", "no data is an answer");
  t.equal(await text("x.example.org. A"), "NXDOMAIN", "not in the zones");
  t.equal(await text("x.example.net. A"), "NXDOMAIN");
  t.equal(await text("x.example.com. A"), "x.example.com. 9 IN A 198.51.100.1", "other zones go on anyway");
});

t.test("an alias that leads out of the zone", async (t) => {
  const { text, ask } = await serveZones(
    t,
    `example.org {
      file DIR/db
    }
    other.test {
      behind
    }`,
    {
      db: zoneText(
        1,
        "a CNAME www.other.test.\nb CNAME nx.other.test.\nc CNAME fails.other.test.\nd CNAME empty.other.test.\ne CNAME www.nowhere.test.",
      ),
    },
    { plugins: [behind] },
  );
  t.equal(
    await text("a.example.org. A"),
    "a.example.org. 300 IN CNAME www.other.test., www.other.test. 9 IN A 198.51.100.1",
  );
  for (const [name, rcode, authority] of [
    ["a", RCODE.NOERROR, TYPE.NS],
    ["b", RCODE.NXDOMAIN, TYPE.SOA],
    ["c", RCODE.SERVFAIL, TYPE.NS],
    ["d", RCODE.NOERROR, TYPE.SOA],
    ["e", RCODE.NOERROR, TYPE.NS],
  ] as const) {
    const message = await ask(`${name}.example.org. A`);
    t.match(message, { rcode, answer: [{ type: TYPE.CNAME }], authority: [{ type: authority }] }, name);
    t.ok(message!.flags & FLAG.AA);
  }
});

t.test("outside of all zones: refused where nothing comes behind", async (t) => {
  const { text, ask, log } = await serveZones(t, ". {\nfile DIR/db example.org\n}", { db: zoneText(1) });
  t.equal(await text("example.net. A"), "REFUSED");
  t.equal(await text("example.org. AXFR", { protocol: "tcp" }), "REFUSED", "transfers are another plugin's");
  t.equal(await ask("example.org. SOA", { opcode: OPCODE.NOTIFY }), undefined, "a primary is told nothing");
  t.same(log, ["[info] plugin/file: Dropping notify from 127.0.0.1 for example.org."]);
});

t.test("letters: the question's are the client's, the owners' the zone's", async (t) => {
  const { ask } = await serveZones(t, "example.org {\nfile DIR/db\n}", {
    db: zoneText(1, "WWW A 192.0.2.1"),
  });
  const message = await ask("wWw.ExAmple.Org. A");
  t.equal(nameText(message!.question!.name), "wWw.ExAmple.Org.");
  t.same(
    message!.answer.map((rr) => nameText(rr.name)),
    ["www.example.org."],
  );
});

t.test("what a wildcard answered is known to other plugins", async (t) => {
  const { text, log } = await serveZones(
    t,
    'example.org {\nmetadata\nlog . "{name} {/zone/wildcard}"\nfile DIR/db\n}',
    { db: zoneText(1, "*.w A 192.0.2.1\nwww A 192.0.2.2") },
  );
  await text("x.w.example.org. A");
  await text("www.example.org. A");
  t.same(log, ["[info] x.w.example.org. *.w.example.org.", "[info] www.example.org. -"]);
});
