/** secondary and its primaries: fetching, refreshing, expiry, NOTIFY, catalogs. */
import t, { type Test } from "tap";
import { OPCODE, RCODE } from "../../../src/dns/types.ts";
import { closedPort } from "../../upstream/fake-upstream.ts";
import { serveZones, until, zoneText, type ZoneServer } from "../../support/zone-server.ts";

/** Refresh, retry, expire, minimum. */
const QUICK = "1 1 3 1";
const WWW1 = "www.example.org. 300 IN A 192.0.2.1";
const WWW2 = "www.example.org. 300 IN A 192.0.2.2";

const primary = (
  t: Test,
  files: Readonly<Record<string, string>>,
  at = "127.0.0.1",
  port = 0,
): Promise<ZoneServer> =>
  serveZones(
    t,
    `.:${port} {\nbind ${at}\nauto {\ndirectory DIR\nreload 20ms\n}\ntransfer {\nto *\n}\n}`,
    files,
    { sockets: true },
  );

const portOf = ({ server }: ZoneServer): number => server.addresses()[0]!.port;

t.test("fetched at the start, served as from a file, handed on", async (t) => {
  const upstream = await primary(t, { "db.example.org": zoneText(1, "www A 192.0.2.1") });
  const at = `127.0.0.1:${portOf(upstream)}`;
  const { text, log } = await serveZones(
    t,
    `example.org {\nsecondary {\ntransfer from ${at}\n}\ntransfer {\nto *\n}\n}`,
    {},
  );
  await until(async () => (await text("www.example.org. A")) === WWW1);
  t.equal(await text("www.example.org. A"), WWW1);
  t.equal(await text("nope.example.org. A"), "NXDOMAIN");
  t.same(log, [`[info] plugin/secondary: Transferred: example.org. from ${at}`]);
});

t.test("NOTIFY of a primary is looked into at once, that of anybody else dropped", async (t) => {
  const upstream = await primary(t, { "db.example.org": zoneText(1, "www A 192.0.2.1") });
  const { text, ask, log } = await serveZones(
    t,
    `example.org {\nsecondary {\ntransfer from 127.0.0.1:${portOf(upstream)}\n}\n}`,
    {},
  );
  await until(async () => (await text("www.example.org. A")) === WWW1);
  log.length = 0;
  const notify = { opcode: OPCODE.NOTIFY };
  t.match(await ask("example.org. SOA", notify), { rcode: RCODE.NOERROR, answer: [] });
  await until(() => log.length >= 2);
  t.same(log.splice(0), [
    "[info] plugin/secondary: Notify from 127.0.0.1 for example.org.: checking transfer",
    "[info] plugin/secondary: Notify from 127.0.0.1 for example.org.: no SOA serial increase seen",
  ]);
  upstream.write("db.example.org", zoneText(2, "www A 192.0.2.2"));
  await until(() => upstream.log.some((line) => line.includes("with 2 SOA serial")));
  t.equal(await ask("example.org. SOA", { ...notify, from: "127.0.0.2" }), undefined);
  t.same(log.splice(0), ["[info] plugin/secondary: Dropping notify from 127.0.0.2 for example.org."]);
  await ask("example.org. SOA", notify);
  await until(async () => (await text("www.example.org. A")) === WWW2);
  t.equal(await text("www.example.org. A"), WWW2);
});

t.test("a primary tells by itself: transfer and secondary together", async (t) => {
  const port = await closedPort();
  const upstream = await serveZones(
    t,
    `example.org {\nbind 127.0.0.1\nfile DIR/db {\nreload 20ms\n}\ntransfer {\nto 127.0.0.1:${port}\n}\n}`,
    { db: zoneText(1, "www A 192.0.2.1") },
    { sockets: true },
  );
  const { text } = await serveZones(
    t,
    `example.org:${port} {\nbind 127.0.0.1\nsecondary {\ntransfer from 127.0.0.1:${portOf(upstream)}\n}\n}`,
    {},
    { sockets: true },
  );
  await until(async () => (await text("www.example.org. A")) === WWW1);
  upstream.write("db", zoneText(2, "www A 192.0.2.2"));
  await until(async () => (await text("www.example.org. A")) === WWW2);
  t.equal(await text("www.example.org. A"), WWW2, "long before the refresh time");
});

t.test("refreshed after the SOA's time; expired when no primary answers; back when one does", async (t) => {
  const first = await primary(t, { "db.example.org": zoneText(1, "www A 192.0.2.1", QUICK) });
  const port = portOf(first);
  const { text, log } = await serveZones(
    t,
    `example.org {\nsecondary {\ntransfer from 127.0.0.1:${port}\n}\n}`,
    {},
  );
  await until(async () => (await text("www.example.org. A")) === WWW1);
  first.write("db.example.org", zoneText(2, "www A 192.0.2.2", QUICK));
  await until(async () => (await text("www.example.org. A")) === WWW2);
  t.equal(await text("www.example.org. A"), WWW2, "refreshed");

  await first.server.close();
  await until(async () => (await text("www.example.org. A")) === "SERVFAIL");
  t.equal(await text("www.example.org. A"), "SERVFAIL", "expired");
  t.ok(log.includes("[error] plugin/secondary: Zone example.org. is expired"));
  t.ok(log.some((line) => line.startsWith("[warning] plugin/secondary: Failed refresh check dial tcp")));
  t.ok(log.some((line) => line.startsWith("[warning] plugin/secondary: Failed retry check dial tcp")));

  await primary(t, { "db.example.org": zoneText(2, "www A 192.0.2.2", QUICK) }, "127.0.0.1", port);
  await until(async () => (await text("www.example.org. A")) === WWW2);
  t.equal(await text("www.example.org. A"), WWW2, "though nothing new came");
});

t.test("no primary yet: failures until there is one, the next one where one fails", async (t) => {
  const other = await primary(t, { "db.example.net": zoneText(1) });
  const port = portOf(other);
  const { text, log } = await serveZones(
    t,
    `example.org {\nsecondary {\ntransfer from 127.0.0.1:1 127.0.0.1:${port}\nfallthrough\n}\n}`,
    {},
  );
  t.equal(await text("www.example.org. A"), "SERVFAIL");
  await until(() => log.some((line) => line.includes("All")));
  t.same(log.slice(0, 3), [
    '[error] plugin/secondary: Failed to transfer `example.org.\' from "127.0.0.1:1": dial tcp 127.0.0.1:1: connect: connection refused',
    `[error] plugin/secondary: Failed to transfer \`example.org.' from "127.0.0.1:${port}": the primary says REFUSED`,
    "[warning] plugin/secondary: All 'example.org.' masters failed to transfer, retrying in 250ms: the primary says REFUSED",
  ]);
  other.write("db.example.org", zoneText(1, "www A 192.0.2.1"));
  await until(async () => (await text("www.example.org. A")) === WWW1);
  t.equal(await text("www.example.org. A"), WWW1);
  t.equal(await text("nope.example.org. A"), "SERVFAIL", "fallthrough to nobody");
});

t.test("a catalog's members come, are reset and go; a wrong catalog changes nothing", async (t) => {
  const catalog = (serial: number, ...lines: string[]): string =>
    zoneText(serial, ['version TXT "2"', ...lines].join("\n"));
  const upstream = await primary(t, {
    "db.catalog.test": catalog(
      1,
      "one.zones PTR one.example.",
      "out.zones PTR out.test.",
      "own.zones PTR own.example.",
    ),
    "db.one.example": zoneText(1, "www A 192.0.2.1"),
    "db.two.example": zoneText(1, "www A 192.0.2.2"),
    "db.out.test": zoneText(1),
    "db.own.example": zoneText(1),
  });
  const from = `transfer from 127.0.0.1:${portOf(upstream)}`;
  const { text, ask, log } = await serveZones(
    t,
    `. {\nsecondary catalog.test {\n${from}\ncatalog example\n}\nsecondary own.example {\n${from}\n}\n}`,
    {},
  );
  const say = (line: string): boolean => log.includes(`[${line}`);
  const change = async (text: string, serial: number): Promise<void> => {
    upstream.write("db.catalog.test", text);
    await until(() => upstream.log.some((line) => line.includes(`with ${serial} SOA serial`)));
    await ask("catalog.test. SOA", { opcode: OPCODE.NOTIFY });
  };
  await until(async () => (await text("www.one.example. A")).includes("192.0.2.1"));
  t.equal(await text("www.one.example. A"), "www.one.example. 300 IN A 192.0.2.1");
  t.equal(await text("www.out.test. A"), "REFUSED", "outside of the zones that are allowed");
  t.ok(say("info] plugin/secondary: Added catalog member zone one.example. from catalog catalog.test."));
  t.ok(
    say(
      "warning] plugin/secondary: Skipping catalog member zone own.example. from catalog.test.: zone already exists",
    ),
  );
  t.ok(
    say(
      "warning] plugin/secondary: Skipped 1 member zones from catalog catalog.test.: outside configured member zones",
    ),
  );

  await change(catalog(2, "one.zones PTR one.example.", "two.zones PTR Two.Example."), 2);
  await until(async () => (await text("www.two.example. A")).includes("192.0.2.2"));
  t.equal(await text("www.two.example. A"), "www.two.example. 300 IN A 192.0.2.2");

  await change(zoneText(3, "one.zones PTR one.example."), 3);
  await until(() => log.some((line) => line.includes("must have exactly one TXT record at version")));
  t.equal(
    await text("www.two.example. A"),
    "www.two.example. 300 IN A 192.0.2.2",
    "the last good one counts",
  );

  await change(catalog(4, "uno.zones PTR one.example."), 4);
  await until(() => log.some((line) => line.includes("Removed")));
  t.ok(
    say(
      "info] plugin/secondary: Reset catalog member zone one.example. from catalog.test. after member ID changed from one to uno",
    ),
  );
  t.ok(say("info] plugin/secondary: Removed catalog member zone two.example. from catalog catalog.test."));
  t.equal(await text("www.two.example. A"), "REFUSED");
  await until(async () => (await text("www.one.example. A")).includes("192.0.2.1"));
  t.equal(await text("www.one.example. A"), "www.one.example. 300 IN A 192.0.2.1");
});
