import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import type { Message } from "../../src/dns/message.ts";
import { nameOf, nameText, type Name } from "../../src/dns/name.ts";
import { Query } from "../../src/dns/query.ts";
import { FLAG, TYPE } from "../../src/dns/types.ts";
import { inSlices } from "../../src/zone/slices.ts";
import { Zone } from "../../src/zone/zone.ts";
import { Zones } from "../../src/zone/zones.ts";
import { short, SOA, texts, zone } from "./zones.ts";

const ORIGIN = nameOf("example.");

function query(name: string, type: number = TYPE.A): Query {
  const made = new Query();
  made.name = made.rawName = nameOf(name);
  made.type = type;
  return made;
}
const ask = (from: Zone, name: string): Message => from.answer(query(name)) as Message;

t.test("an answer is made once, until the zone changes", async (t) => {
  const served = new Zone(ORIGIN, zone(`${SOA}www A 192.0.2.1\n`));
  const first = ask(served, "www.example.");
  t.equal(ask(served, "www.example.").body, first.body);
  t.equal(first.flags & FLAG.AA, FLAG.AA);
  served.data = zone(`${SOA}www A 192.0.2.2\n`);
  t.same(texts(ask(served, "www.example.").answer), ["www.example. 60 IN A 192.0.2.2"]);
  t.same(texts(first.answer), ["www.example. 60 IN A 192.0.2.1"], "what was given away stays");
});

t.test("any number of names is asked for, and memory stays bounded", async (t) => {
  const served = new Zone(ORIGIN, zone(`${SOA}* A 192.0.2.1\nwww A 192.0.2.2\n`));
  const { body } = ask(served, "www.example.");
  for (let i = 0; i < 100_000; i++) ask(served, `h${i}.example.`);
  t.not(ask(served, "www.example.").body, body, "what was kept made room");
});

t.test("without data all fails; transfers are never answered", async (t) => {
  const served = new Zone(ORIGIN);
  t.match(served.answer(query("example.", TYPE.SOA)), { kind: "failure", rcode: 2 });
  t.match(served.answer(query("example.", TYPE.AXFR)), { kind: "failure", rcode: 5 });
  t.same([...served.transfer(undefined)], []);
});

t.test("names that do not exist may be passed on", async (t) => {
  const served = new Zone(ORIGIN, zone(`${SOA}a.b A 192.0.2.1\n`));
  const pass = (name: Name): boolean => nameText(name) !== "stays.example.";
  t.equal(served.answer(query("x.example."), pass), undefined);
  t.equal(served.answer(query("b.example."), pass), undefined);
  t.match(served.answer(query("stays.example."), pass), { kind: "message", rcode: 3 });
  t.match(served.answer(query("a.b.example.", TYPE.TXT), pass), { kind: "message", rcode: 0 });
});

t.test("a transfer goes from SOA to SOA, its names in canonical order", async (t) => {
  const served = new Zone(ORIGIN, zone(`${SOA}@ NS ns\nb A 192.0.2.1\na.b TXT x\na A 192.0.2.2\n@ MX 1 a\n`));
  const whole = [
    "example. SOA",
    "example. NS",
    "example. MX",
    "a.example. A",
    "b.example. A",
    "a.b.example. TXT",
    "example. SOA",
  ];
  t.same(short([...served.transfer(undefined)]), whole);
  t.same(short([...served.transfer(2)]), whole);
  t.same(short([...served.transfer(1)]), ["example. SOA"]);
});

t.test("the longest zone that a name is in", async (t) => {
  const zones = new Zones();
  for (const name of ["example.", "sub.example.", "test."]) zones.add(new Zone(nameOf(name)));
  const find = (name: string): string | undefined => {
    const found = zones.find(nameOf(name));
    return found === undefined ? undefined : nameText(found.origin);
  };
  t.equal(find("www.example."), "example.");
  t.equal(find("a.sub.example."), "sub.example.");
  t.equal(find("xsub.example."), "example.");
  t.equal(find("org."), undefined);
  // Its last label's bytes end like the zone's wire form.
  t.equal(find("x\\007example."), undefined);
  zones.remove(nameOf("sub.example."));
  t.equal(find("a.sub.example."), "example.");
  zones.add(new Zone(nameOf(".")));
  t.equal(find("org."), ".");
});

t.test("long work lets others have their turn, and can be stopped", async (t) => {
  const work = function* (milliseconds: number): Generator<void, string> {
    for (const end = performance.now() + milliseconds; performance.now() < end;) yield;
    return "done";
  };
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  t.equal(await inSlices(work(50)), "done");
  clearInterval(timer);
  t.ok(turns >= 3, `${turns} turns of a timer meanwhile`);
  let isStopped = false;
  const stopped = inSlices(work(10_000), () => isStopped);
  await sleep(5);
  isStopped = true;
  t.equal(await stopped, undefined);
});
