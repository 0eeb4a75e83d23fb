/** RFC 9432: what is a catalog, and how members change hands. */
import t from "tap";
import { readCatalog, type Member } from "../../../plugins/secondary/catalog.ts";
import type { Keeper } from "../../../plugins/secondary/keeper.ts";
import { createMembers, type Catalog } from "../../../plugins/secondary/members.ts";
import { nameOf, nameText, type Name } from "../../../src/dns/name.ts";
import { Zone } from "../../../src/zone/zone.ts";
import { SOA, zone } from "../../zone/zones.ts";

const read = (text: string): unknown => {
  const result = readCatalog(zone(SOA + text, "catalog.example."));
  if ("error" in result) return result.error;
  return [...result.members.values()].map(({ id, zone, movesTo }) => [
    id,
    nameText(zone),
    movesTo === undefined ? undefined : nameText(movesTo),
  ]);
};
const GOOD = '@ NS invalid.\nversion TXT "2"\n';

t.test("members, and what is passed over (§4)", async (t) => {
  t.same(
    read(
      `${GOOD}b.zones PTR Example.NET.\na.zones PTR example.com.\ngroup.a.zones TXT "nodnssec"\ncoo.b.zones PTR other.example.\nmore.x.a.zones PTR no.test.\next.b.zones PTR no.test.\nzones PTR no.test.\nexample.ext TXT x\n`,
    ),
    [
      ["b", "example.net.", "other.example."],
      ["a", "example.com.", undefined],
    ],
  );
  t.same(read(GOOD), []);
});

t.test("broken catalogs (§5.1)", async (t) => {
  for (const [text, error] of [
    ['version TXT "2"\n', "has no NS record"],
    ["@ NS invalid.\n", "must have exactly one TXT record at version"],
    [`${GOOD}version TXT "2"\n`, "must have exactly one TXT record at version"],
    ['@ NS invalid.\nversion TXT "1"\n', 'has version "1", which is not 2'],
    [
      `${GOOD}a.zones PTR a.test.\na.zones PTR b.test.\n`,
      "has a member with more than one PTR record: a.zones.catalog.example.",
    ],
    [`${GOOD}a.zones PTR a.test.\nb.zones PTR A.test.\n`, "lists a.test. twice"],
    [
      `${GOOD}a.zones PTR a.test.\ncoo.a.zones PTR x.\ncoo.a.zones PTR y.\n`,
      "has a member with more than one coo record: a.zones.catalog.example.",
    ],
    [`${GOOD}a.zones CH PTR a.test.\n`, "has a record of another class than IN"],
  ] as const)
    t.equal(read(text), `catalog zone catalog.example. ${error}`);
});

t.test("a member goes over to another catalog only if both say so (§4.3.1)", async (t) => {
  const kept = new Map<Name, Keeper>();
  const members = createMembers({
    log: { debug() {}, info() {}, warning() {}, error() {}, plain() {}, print() {} },
    isTaken: () => false,
    keep(origin, primaries, data) {
      const keeper = {
        zone: new Zone(origin, data),
        isPrimary: (address: string) => primaries.some((one) => one.address === address),
        notified() {},
        close() {},
      };
      kept.set(origin, keeper);
      return keeper;
    },
    drop: (keeper) => kept.delete(keeper.zone.origin),
  });
  const catalog = (name: string): Catalog => ({
    origin: nameOf(name),
    primaries: [{ address: name, port: 53, text: name }],
    allowed: [],
  });
  const [old, next] = [catalog("old."), catalog("new.")];
  const member = nameOf("member.test.");
  const listing = (id: string, movesTo?: string): Map<Name, Member> =>
    new Map([[member, { id, zone: member, movesTo: movesTo === undefined ? undefined : nameOf(movesTo) }]]);
  const owner = (): string => (kept.get(member)?.isPrimary("new.") === true ? "new" : "old");

  members.update(old, listing("a"));
  const data = zone(SOA, "member.test.");
  kept.get(member)!.zone.data = data;
  members.update(next, listing("a"));
  t.equal(owner(), "old", "nobody gave it away");
  members.update(old, listing("a", "elsewhere."));
  members.update(next, listing("a"));
  t.equal(owner(), "old", "it was given to another");
  members.update(old, listing("a", "new."));
  t.equal(owner(), "old", "the other has to take it");
  members.update(next, listing("a"));
  t.equal(owner(), "new");
  t.equal(kept.get(member)!.zone.data, data, "the same id: the same zone");
  members.update(old, new Map());
  t.equal(owner(), "new", "the old one may forget it");

  members.update(next, listing("a", "old."));
  members.update(old, listing("b"));
  t.equal(owner(), "old");
  t.equal(kept.get(member)!.zone.data, undefined, "another id: another zone");
  members.update(old, new Map());
  t.equal(kept.size, 0);
});
