import t from "tap";
import { createSocketlessServer } from "../../../src/api/create-server.ts";
import { serveWorld } from "../../support/world.ts";

const WORLD = { "www.example.com": ["192.0.2.1"] };

t.test("the first view that agrees takes the query, and says so", async (t) => {
  const block = (view: string, text: string): string =>
    `example.com {\nmetadata\n${view}\nlog . "${text} {/view/name} {name}"\nworld\n}`;
  const corefile = [
    block("view inside {\nexpr incidr(client_ip(), '10.0.0.0/8')\nexpr type() in ['A', 'AAAA']\n}", "one"),
    block("view empty", "two"),
    block("", "three"),
  ].join("\n");
  const { ask, log } = await serveWorld(t, corefile, { world: WORLD });
  await ask("www.example.com A", "10.1.2.3");
  await ask("www.example.com MX", "10.1.2.3");
  await ask("www.example.com A", "192.0.2.9");
  t.same(log.slice(-3), [
    "one inside www.example.com.",
    "two empty www.example.com.",
    "two empty www.example.com.",
  ]);
});

t.test("what is not true is no match", async (t) => {
  const views = [
    "1",
    "'true'",
    "nil",
    "incidr('x', '10.0.0.0/8')",
    "[true]",
    "split(name(), '.')[9] == ''",
  ].map(
    (expr, i) =>
      `. {\nview v${i} {\nexpr "${expr}"\n}\nhosts /dev/null {\n192.0.2.${i} www.example.com\n}\n}`,
  );
  const { ask } = await serveWorld(
    t,
    [...views, '. {\nview "" {\nexpr true\n}\nany\n}', ". {\nworld\n}"].join("\n"),
    {
      world: WORLD,
    },
  );
  t.equal(await ask("www.example.com A"), "A 192.0.2.1/120");
});

t.test("an expression that can't be is refused with its place", async (t) => {
  for (const [expr, problem] of [
    ["nosuch()", /^Corefile:3: view: expr: "nosuch\(\)": nosuch is not known/],
    ["name() == 1", /^Corefile:3: view: expr: .*makes no sense \(character 8\)$/],
    ["type( ==", /^Corefile:3: view: expr: /],
    ["", /^Corefile:3: view: expr: "": it ends too early/],
  ] as const) {
    const server = createSocketlessServer({ corefile: `. {\nview v {\nexpr ${expr}\n}\nwhoami\n}` });
    await t.rejects(server.listen(), { message: problem }, expr);
    await server.close();
  }
});
