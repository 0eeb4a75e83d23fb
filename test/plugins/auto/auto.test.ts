import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RE2JS } from "re2js";
import t from "tap";
import { nameText } from "../../../src/dns/name.ts";
import { originsBy } from "../../../plugins/auto/origin.ts";
import { serveZones, until, zoneText } from "../../support/zone-server.ts";

t.test("zones come, change and go with their files", async (t) => {
  const { text, write, remove, log } = await serveZones(
    t,
    ". {\nauto org test {\ndirectory DIR/zones\nreload 20ms\n}\n}",
    { "zones/db.Example.org": zoneText(1, "www A 192.0.2.1"), "zones/notes.txt": "x" },
  );
  t.same(log.splice(0), ["[info] plugin/auto: Inserting zone `example.org.' from: DIR/zones/db.Example.org"]);
  t.equal(await text("www.example.org. A"), "www.example.org. 300 IN A 192.0.2.1");
  t.equal(await text("www.shop.test. A"), "REFUSED");
  t.equal(await text("www.example.net. A"), "SERVFAIL", "not of its zones, and nothing behind");

  write("zones/deep/er/db.shop.test", zoneText(1, "www A 192.0.2.2"));
  await until(() => log.length > 0);
  t.same(log.splice(0), [
    "[info] plugin/auto: Inserting zone `shop.test.' from: DIR/zones/deep/er/db.shop.test",
  ]);
  t.equal(await text("www.shop.test. A"), "www.shop.test. 300 IN A 192.0.2.2");

  write("zones/deep/er/db.shop.test", zoneText(2, "www A 192.0.2.3"));
  await until(() => log.length > 0);
  t.match(log.splice(0), [
    /Successfully reloaded zone "shop\.test\." in "DIR\/zones\/deep\/er\/db\.shop\.test" with 2/,
  ]);
  t.equal(await text("www.shop.test. A"), "www.shop.test. 300 IN A 192.0.2.3");

  remove("zones/deep");
  await until(() => log.some((line) => line.includes("Deleting")));
  t.match(log.splice(0).at(-1), /Deleting zone `shop\.test\.'$/);
  t.equal(await text("www.shop.test. A"), "REFUSED");
});

t.test("two files of one zone, and files that are none", async (t) => {
  const { text, log } = await serveZones(t, ". {\nauto {\ndirectory DIR\nreload 0\n}\n}", {
    "a/db.example.org": zoneText(1, "www A 192.0.2.1"),
    "db.example.org": zoneText(1, "www A 192.0.2.2"),
    "db.broken.test": "x (",
    [`db.${"x".repeat(64)}`]: zoneText(1),
  });
  t.equal(await text("www.example.org. A"), "www.example.org. 300 IN A 192.0.2.1");
  t.equal(log.length, 4);
  t.match(log[0], /^\[info\] plugin\/auto: Inserting zone `example\.org\.' from: DIR\/a\/db\.example\.org$/);
  t.match(log[1], /^\[warning\] plugin\/auto: Parse zone `broken\.test\.': DIR\/db\.broken\.test:1: /);
  t.equal(
    log[2],
    '[warning] plugin/auto: Multiple zone files match origin "example.org.": using "DIR/a/db.example.org" instead of "DIR/db.example.org"',
  );
  t.match(log[3], /^\[warning\] plugin\/auto: Parse zone `x{64}': .* is no domain name$/);
});

t.test("a ConfigMap's volume: the links are exchanged, the zone stays", async (t) => {
  const served = await serveZones(t, ". {\nauto {\ndirectory DIR/link\nreload 20ms\n}\n}", {});
  const { dir, text, log } = served;
  const version = (n: number): void => {
    mkdirSync(join(dir, `volume/..v${n}`), { recursive: true });
    writeFileSync(join(dir, `volume/..v${n}/db.example.org`), zoneText(n, `www A 192.0.2.${n}`));
    symlinkSync(`..v${n}`, join(dir, "volume/..data.new"));
    renameSync(join(dir, "volume/..data.new"), join(dir, "volume/..data"));
  };
  t.match(log.splice(0), [/Directory does not exist/, /error reading/]);
  mkdirSync(join(dir, "volume"));
  version(1);
  symlinkSync("..data/db.example.org", join(dir, "volume/db.example.org"));
  symlinkSync("volume", join(dir, "link"));
  await until(async () => (await text("www.example.org. A")) !== "REFUSED");
  t.equal(await text("www.example.org. A"), "www.example.org. 300 IN A 192.0.2.1");
  version(2);
  served.remove("volume/..v1");
  await until(async () => /192\.0\.2\.2/.test(await text("www.example.org. A")));
  t.equal(await text("www.example.org. A"), "www.example.org. 300 IN A 192.0.2.2");
  t.notOk(log.some((line) => line.includes("Deleting")));
});

t.test("zones are handed over", async (t) => {
  const { text } = await serveZones(t, ". {\nauto {\ndirectory DIR\n}\n}", { "db.example.org": zoneText(1) });
  t.equal(await text("example.org. AXFR", { protocol: "tcp" }), "REFUSED", "by transfer alone");
});

t.test("a zone's name from a file's", async (t) => {
  const name = (file: string, pattern?: string, template?: string): string | undefined => {
    const origin = originsBy(pattern === undefined ? undefined : RE2JS.compile(pattern), template)(file);
    return origin === undefined
      ? undefined
      : typeof origin === "string"
        ? nameText(origin)
        : `wrong: ${origin.wrong}`;
  };
  t.equal(name("db.Example.org"), "example.org.");
  t.equal(name("old.db.example.org"), "example.org.", "anywhere in the name");
  t.equal(name("zone.example.org"), undefined);
  t.equal(name("db."), ".");
  t.equal(name("org.example.zone", "^(.*)\\.(.*)\\.zone$", "{2}.{1}"), "example.org.");
  t.equal(name("example.zone", "^(?P<name>.*)\\.zone$", "{name}.test"), "example.test.");
  t.equal(
    name("a.b", "^(.)\\.(.)$", "$2.$1.{3}test{none}"),
    "b.a.test.",
    "groups that there are not are empty",
  );
  t.equal(name("a", "(a)|(b)", "x{2}{1}"), "xa.");
  t.equal(name("a", "(a)", "{1}$$"), "a$.");
  t.equal(name("db.a..b"), "wrong: a..b");
});
