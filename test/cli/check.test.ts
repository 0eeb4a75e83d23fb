import { join } from "node:path";
import t from "tap";
import { checkCorefile, run } from "../../src/cli/check.ts";
import type { AnyDirective } from "../../src/directive/index.ts";
import type { Plugin } from "../../src/plugin.ts";
import type { Registry } from "../../src/server/registry.ts";
import { tables } from "../directive/tables.ts";
import { directives } from "../support/directives.ts";

const plugin = (name: string, directive: AnyDirective): Plugin => ({
  name,
  directive,
  setup: () => undefined,
});
const registry: Registry = {
  order: directives.map((name) => {
    const table = tables[name];
    return { name, load: table === undefined ? undefined : () => Promise.resolve(plugin(name, table)) };
  }),
};
const check = (text: string) => checkCorefile({ text, file: "Corefile" }, registry);

t.test("a right file", async (t) => {
  t.same(await check("shop.test 10.0.0.0/23 {\n  cache 30\n  whoami\n}\n"), {
    file: "Corefile",
    ok: true,
    errors: [],
    warnings: [],
    blocks: [
      {
        keys: ["shop.test.:53", "0.0.10.in-addr.arpa.:53", "1.0.10.in-addr.arpa.:53"],
        directives: ["cache", "whoami"],
      },
    ],
  });
});

t.test("all that is wrong is said, in the file's order", async (t) => {
  const { ok, errors } = await check(". {\n  whoami x\n  route53 a:b\n  cache 0\n}\n. {\n  health x\n}\n");
  t.notOk(ok);
  t.same(
    errors.map(({ code, message }) => [code, message]),
    [
      ["argument-count", 'Corefile:2: whoami: "x" is too much: whoami takes nothing behind it'],
      ["not-built-yet", "Corefile:3: route53: this plugin is not built yet: leave it out"],
      ["bad-value", 'Corefile:4: cache: "0" is out of range: it must be at least 1'],
      [
        "zone-overlap",
        "Corefile:6: cannot serve dns://.:53 - it is already defined: leave one of them out, or give it a view",
      ],
      [
        "bad-value",
        'Corefile:7: health: "x" is not an address with a port such as :8080, localhost:8080 or [::1]:8080',
      ],
    ],
  );
});

t.test("zones that are bound to addresses", async (t) => {
  t.ok((await check("a {\n bind 127.0.0.1 {\n except lo\n }\n}\na {\n bind 127.0.0.2\n}\n")).ok);
  t.match((await check("a {\n bind 127.0.0.1\n}\na {\n}\n")).errors, [{ code: "zone-overlap", line: 4 }]);
});

t.test("the command", async (t) => {
  const dir = t.testdir({ good: ". {\n  whoami\n}\n", bad: ". {\n  whoamy\n}\n" });
  const said = async (...argv: string[]) => {
    const out = t.capture(process.stdout, "write", () => true);
    const err = t.capture(process.stderr, "write", () => true);
    const code = await run(argv, registry);
    const text = (calls: { args: unknown[] }[]) => calls.map(({ args }) => String(args[0])).join("");
    const result = [code, text(out()), text(err())] as const;
    out.restore();
    err.restore();
    return result;
  };
  t.same(await said(join(dir, "good")), [0, `${dir}/good is right: 1 server block, 1 zone\n`, ""]);
  t.same(await said(join(dir, "bad")), [
    1,
    "",
    `${dir}/bad:2: unknown directive "whoamy": did you mean "whoami"?\n`,
  ]);
  const [code, json] = await said(join(dir, "bad"), "--json");
  t.equal(code, 1);
  t.match(JSON.parse(json), { ok: false, errors: [{ code: "unknown-directive", line: 2 }] });
  t.match(await said(join(dir, "none")), [1, "", /none: it can't be read \(ENOENT\)/]);
  t.match(await said("a", "b"), [2, "", /one file at a time: leave out b/]);
  t.match(await said("--no-such"), [2, "", /usage: clusterdns check/]);
});
