import t from "tap";
import type { Query } from "../../../src/dns/query.ts";
import { definePlugin, type Plugin } from "../../../src/plugin.ts";
import { serveWorld } from "../../support/world.ts";

const WORLD = {
  "www.example.com": ["192.0.2.1"],
  "alias.example.com": ["CNAME cdn.example.net"],
  "cdn.example.net": ["192.0.2.2"],
  "edge.example.net": ["192.0.2.3"],
  "broken.example.com": ["SERVFAIL"],
};

t.test("names go back as they were asked, also where the answer comes later", async (t) => {
  for (const isLate of [false, true]) {
    const { ask, asked, exchange } = await serveWorld(
      t,
      ". {\nrewrite name suffix .shop.test .example.com answer auto\nworld\n}",
      { world: WORLD, isLate },
    );
    const { questions, answers } = await exchange("WWW.Shop.test A");
    t.match(questions, [{ name: "WWW.Shop.test" }]);
    t.match(answers, [{ name: "www.shop.test", data: "192.0.2.1" }]);
    t.equal(await ask("alias.shop.test A"), "CNAME cdn.example.net/120, A 192.0.2.2/120");
    t.same(asked, ["www.example.com. A", "alias.example.com. A"]);
  }
});

t.test("targets of aliases are looked up anew", async (t) => {
  const { ask } = await serveWorld(t, ". {\nrewrite cname exact cdn.example.net edge.example.net\nworld\n}", {
    world: WORLD,
    isLate: true,
  });
  t.equal(await ask("alias.example.com A"), "CNAME edge.example.net/120, A 192.0.2.3/120");
  t.equal(await ask("www.example.com A"), "A 192.0.2.1/120");
});

t.test("rules for answers, the last one first", async (t) => {
  const { ask } = await serveWorld(
    t,
    `. {
      rewrite continue ttl suffix .example.com 30-60
      rewrite continue rcode suffix .example.com SERVFAIL REFUSED
      rewrite rcode suffix .example.com NXDOMAIN NOERROR
      world
    }`,
    { world: WORLD },
  );
  t.equal(await ask("www.example.com A"), "A 192.0.2.1/60");
  t.equal(await ask("broken.example.com A"), "REFUSED", "also where the server makes the answer");
  t.equal(await ask("none.example.com A"), "NODATA");
  t.equal(await ask("none.example.net A"), "NXDOMAIN");
});

t.test("the error of a failed query is still reported", async (t) => {
  const { ask, log } = await serveWorld(t, ". {\nerrors\nrewrite ttl regex .* 5\nworld\n}", { world: WORLD });
  t.equal(await ask("broken.example.com A"), "SERVFAIL");
  t.match(log.at(-1), /2 broken\.example\.com\. A: the world's end$/);
});

t.test("a name that is none is an error, and nothing is sent that is no message", async (t) => {
  const { ask, log, asked } = await serveWorld(
    t,
    `. {
      errors
      rewrite name regex ^dots\\.(.*)$ a..{1}
      rewrite name exact loose.test alias.example.com answer value ^cdn\\.(.*)$ web.{1}
      world
    }`,
    { world: WORLD },
  );
  t.equal(await ask("dots.test A"), "SERVFAIL");
  t.match(log.at(-1), /invalid name after rewrite: a\.\.test\.\.$/);
  t.same(asked, []);
  t.equal(await ask("loose.test A"), "SERVFAIL");
  t.match(log.at(-1), /plugin\/rewrite: a name of the answer can't become "web\.example\.net\.\."$/);
});

t.test("EDNS options for the following plugins, and in the answer", async (t) => {
  let seen: Query | undefined;
  const { exchange } = await serveWorld(
    t,
    `. {
      metadata
      rewrite continue edns0 local set 0xfff0 {qtype}
      rewrite continue edns0 local append 0xfff0 0x4142 revert
      rewrite continue edns0 local set 0xfff1 {witness/label}
      rewrite edns0 subnet set 24 56
      witness
      world
    }`,
    { world: WORLD, plugins: witnesses((query) => (seen = query)) },
  );
  const { additionals } = await exchange("www.example.com A", "192.0.2.77");
  t.same(
    seen!.options.map(({ code, data }) => [code, Buffer.from(data, "latin1").toString("hex")]),
    [
      [0xfff0, "0001"],
      [0xfff0, "4142"],
      [0xfff1, Buffer.from("known").toString("hex")],
      [8, "00011800c00002"],
    ],
  );
  t.match(additionals, [
    {
      type: "OPT",
      udpPayloadSize: 4096,
      options: [{ code: 0xfff0, data: Buffer.from("AB") }, { code: 0xfff1 }],
    },
  ]);
});

function witnesses(see: (query: Query) => void): Plugin[] {
  return [
    definePlugin({
      name: "witness",
      before: ["world"],
      directive: {},
      setup: () => ({
        metadata: (_query, label) => (label === "witness/label" ? "known" : undefined),
        answer(query, next) {
          see(query);
          return next(query);
        },
      }),
    }),
  ];
}

t.test("a query that no rule fits passes as it is", async (t) => {
  const seen: Query[] = [];
  const before = definePlugin({
    name: "before",
    before: ["rewrite"],
    directive: {},
    setup: () => ({
      answer(query, next) {
        seen.push(query);
        return next(query);
      },
    }),
  });
  const { ask } = await serveWorld(
    t,
    `. {
      before
      rewrite name old.example.com www.example.com
      rewrite name prefix blue. green.
      rewrite name suffix .a.test .b.test
      rewrite name substring mid.dle. x.
      rewrite type MX TXT
      rewrite class CH IN
      rewrite ttl exact other.example.com 5
      witness
      world
    }`,
    { world: WORLD, plugins: [before, ...witnesses((query) => seen.push(query))] },
  );
  await ask("www.example.com A");
  t.equal(seen[0], seen[1], "the same query, not a copy");
  seen.length = 0;
  for (const name of [
    "old.example.com",
    "blue.example.com",
    "x.a.test",
    "a.mid.dle.test",
    "other.example.com",
  ]) {
    await ask(`${name} A`);
    const [first, second] = seen.splice(0);
    if (name === "other.example.com") t.equal(first, second, `${name}: only the answer changes`);
    else t.not(first!.name, second!.name, name);
  }
});
