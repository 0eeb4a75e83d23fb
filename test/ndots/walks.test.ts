/** Which questions are needless steps of a search list, told from the questions alone. */
import t from "tap";
import { KIND, Walks, type Client, type Kind } from "../../src/ndots/walk/walks.ts";

interface Named extends Client {
  readonly who: string;
}

interface Told {
  readonly walks: Walks<Named>;
  readonly client: (who: string) => Named;
  /** `CLIENT NAME`: needless questions. */
  readonly wasted: Record<string, number>;
  readonly namespaces: string[];
  readonly found: string[];
  readonly ended: string[];
  readonly other: string[];
  /** Milliseconds of all. */
  ms: number;
}

function watch(options: { search?: string[]; most?: number } = {}): Told {
  const clients = new Map<string, Named>();
  const told: Told = {
    walks: new Walks<Named>({
      clusterDomain: "cluster.local",
      search: options.search ?? [],
      most: options.most ?? 1000,
      sink: {
        wasted({ who }, { name, namespace }, _kind, questions, ms) {
          told.wasted[`${who} ${name}`] = (told.wasted[`${who} ${name}`] ?? 0) + questions;
          told.namespaces.push(namespace);
          told.ms += ms;
        },
        found: ({ who }, dots, name) => void told.found.push(`${who} ${name} ${String(dots)}`),
        ended: ({ who }, { name }) => void told.ended.push(`${who} ${name}`),
        other: ({ who }, name) => void told.other.push(`${who} ${name}`),
      },
    }),
    client(who) {
      const known = clients.get(who) ?? { ...Walks.client(), who };
      clients.set(who, known);
      return known;
    },
    wasted: {},
    namespaces: [],
    found: [],
    ended: [],
    other: [],
    ms: 0,
  };
  return told;
}

const BOTH: readonly Kind[] = [KIND.A, KIND.AAAA];

/** A and AAAA of each name; those with a `+` in front are found. Each answer takes 1 ms. */
function ask(told: Told, who: string, ...names: readonly string[]): void {
  for (const name of names) {
    const found = name.startsWith("+");
    for (const kind of BOTH) told.walks.see(told.client(who), found ? name.slice(1) : name, kind, !found, 1);
  }
}

const SHOP = ["shop.svc.cluster.local.", "svc.cluster.local.", "cluster.local."];
const below = (name: string, domains = SHOP): string[] => domains.map((domain) => `${name}.${domain}`);

void t.test("an external name: three steps for nothing, A and AAAA", async (t) => {
  const told = watch();
  ask(told, "pod", ...below("api.example.com"), "+api.example.com.");
  t.same(told.wasted, { "pod api.example.com": 6 });
  t.equal(told.ms, 6);
  t.same(new Set(told.namespaces), new Set(["shop"]));
  t.same(told.ended, ["pod api.example.com", "pod api.example.com"]);
  ask(told, "pod", ...below("api.example.com"), "+api.example.com.");
  t.same(told.wasted, { "pod api.example.com": 12 }, "and again");
});

void t.test("a name that is found on the way", async (t) => {
  const told = watch();
  ask(told, "pod", "web.payments.shop.svc.cluster.local.", "+web.payments.svc.cluster.local.");
  ask(told, "pod", "+cart.shop.svc.cluster.local.");
  t.same(told.wasted, { "pod web.payments": 2 });
  t.same(new Set(told.found), new Set(["pod web.payments 1", "pod cart 0"]));
});

void t.test("a Service's name with svc, and with all of it but the dot", async (t) => {
  const told = watch();
  ask(told, "pod", "web.payments.svc.shop.svc.cluster.local.", "web.payments.svc.svc.cluster.local.");
  ask(told, "pod", "+web.payments.svc.cluster.local.");
  t.same(told.wasted, { "pod web.payments.svc": 4 });
  t.same(new Set(told.found), new Set(["pod web.payments.svc 2"]));
  const full = "web.payments.svc.cluster.local";
  ask(told, "other", ...below(full), `+${full}.`);
  t.equal(told.wasted[`other ${full}`], 6);
});

void t.test("names that are gone and were meant: nobody goes on behind them", async (t) => {
  const told = watch();
  ask(
    told,
    "pod",
    "old.shop.svc.cluster.local.",
    "older.shop.svc.cluster.local.",
    "old.shop.svc.cluster.local.",
  );
  ask(told, "neighbour", "old.svc.cluster.local.");
  t.same(told.wasted, {}, "another client's questions say nothing of this one's");
});

void t.test("a name that is nowhere: the last step was needed, to know it", async (t) => {
  const told = watch();
  ask(told, "pod", ...below("typo.example"), "typo.example.");
  t.same(told.wasted, { "pod typo.example": 6 });
});

void t.test("enough dots: the name itself comes first, then the search list", async (t) => {
  const told = watch();
  ask(told, "pod", "a.b.c.d.e.example.", ...below("a.b.c.d.e.example"));
  t.same(told.wasted, { "pod a.b.c.d.e.example": 6 });
});

void t.test("autopath and its like: the first step is answered, nothing is needless", async (t) => {
  const told = watch();
  ask(told, "pod", "+api.example.com.shop.svc.cluster.local.");
  t.same(told.wasted, {});
});

void t.test("search domains of nodes: given, or learned", async (t) => {
  const given = watch({ search: ["zone.internal"] });
  ask(given, "pod", ...below("api.example.com"), "api.example.com.zone.internal.", "+api.example.com.");
  t.same(given.wasted, { "pod api.example.com": 8 });

  const learned = watch();
  for (let i = 0; i < 50; i++)
    ask(learned, "pod", ...below("api.example.com"), "api.example.com.zone.internal.", "+api.example.com.");
  t.same(learned.walks.nodeDomains, ["zone.internal"]);
  t.ok(learned.wasted["pod api.example.com"]! >= 50 * 8 - 8, "all but what was needed to learn it");
  t.ok(learned.wasted["pod api.example.com"]! <= 50 * 8);
});

void t.test("many clients behind one address: each walk tells its namespace", async (t) => {
  const told = watch();
  ask(told, "node", ...below("api.example.com"), "+api.example.com.");
  ask(
    told,
    "node",
    ...below("api.example.com", ["pay.svc.cluster.local.", ...SHOP.slice(1)]),
    "+api.example.com.",
  );
  for (const namespace of ["shop", "pay"])
    t.equal(told.namespaces.filter((one) => one === namespace).length, 6, namespace);
  t.equal(told.wasted["node api.example.com"], 12);
});

void t.test("lines out of order: no step is lost", async (t) => {
  const told = watch();
  const names = [...below("api.example.com"), "api.example.com."];
  for (const kind of BOTH) told.walks.see(told.client("pod"), names[0]!, kind, true, 1);
  for (const name of [names[2]!, names[1]!]) ask(told, "pod", name);
  ask(told, "pod", `+${names[3]!}`);
  t.same(told.wasted, { "pod api.example.com": 6 });
});

void t.test("what is remembered is bounded, and forgotten walks are told again", async (t) => {
  const told = watch({ most: 100 });
  for (let i = 0; i < 5000; i++)
    ask(
      told,
      `pod${String(i % 7)}`,
      ...below(`host${String(i)}.example.com`),
      `+host${String(i)}.example.com.`,
    );
  const sum = Object.values(told.wasted).reduce((all, one) => all + one, 0);
  t.equal(sum, 5000 * 6);
  let kept = 0;
  for (let i = 0; i < 7; i++) {
    const { young, old } = told.client(`pod${String(i)}`);
    kept += young.size + old.size;
  }
  t.ok(kept <= 200, `${String(kept)} walks in memory`);
});

void t.test("names that look like something else", async (t) => {
  const told = watch();
  ask(told, "pod", "svc.cluster.local.", "cluster.local.", ".", "shop.svc.cluster.local.", "xcluster.local.");
  ask(told, "pod", "+1.0.96.10.in-addr.arpa.");
  t.same(told.wasted, {});
});
