import t from "tap";
import { createSocketlessServer } from "../../../src/api/create-server.ts";
import { serveWorld } from "../../support/world.ts";

const one = (lines: string): string => `. {\ntemplate IN A {\n${lines}\n}\nworld\n}`;
const WORLD = { "a.example.com": ["192.0.2.200"] };
const address = "{{ .Name }} 60 IN A";

t.test("variables are made in order, of the query and of one another", async (t) => {
  const { ask } = await serveWorld(
    t,
    one(`match ^(?P<host>[a-z]+)-(?P<n>\\d+)[.]
      var n int(group('n'))
      var half n / 2
      var labels "split(group(0) + 'x', '-')"
      var big n > 100
      expr not big
      answer "${address} 10.{{ .Var.n }}.{{ .Var.half }}.{{ len .Var.labels }}{{ if eq .Var.n 8 }}1{{ end }}"
      fallthrough`),
    { world: WORLD },
  );
  t.equal(await ask("web-8.example.com A"), "A 10.8.4.21/60");
  t.equal(await ask("web-200.example.com A"), "NXDOMAIN", "not taken");
});

t.test("an expression that fails is SERVFAIL, one that is false goes on", async (t) => {
  for (const [expr, outcome] of [
    ["split(name(), '.')[9] == ''", "SERVFAIL"],
    ["name() == 'b.example.com.'", "A 192.0.2.200/120"],
    ["1 + 1", "A 192.0.2.200/120"],
    ["client_ip() == '10.0.0.1'", "A 192.0.2.1/60"],
  ] as const) {
    const { ask } = await serveWorld(t, one(`expr "${expr}"\nanswer "${address} 192.0.2.1"\nfallthrough`), {
      world: WORLD,
    });
    t.equal(await ask("a.example.com A", "10.0.0.1"), outcome, expr);
  }
});

t.test("what can't be is refused", async (t) => {
  for (const [lines, problem] of [
    ["var name 1", /the name "name" is taken/],
    ["var len 1", /the name "len" is taken/],
    ["var in 1", /the name "in" is taken/],
    ["var a 1\nvar a 2", /the name "a" is taken/],
    ["var a b + 1", /var: "b \+ 1": b is not known/],
    ["var a 1\nexpr a == 'x'", /expr: .*makes no sense/],
    ["expr group()", /group: it takes 1 argument/],
  ] as const) {
    const server = createSocketlessServer({ corefile: one(lines).replace("\nworld", "") });
    await t.rejects(server.listen(), { message: problem }, lines);
    await server.close();
  }
});
