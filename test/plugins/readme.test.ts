/** The manual pages: every plugin has one, in the fixed sections, and the Corefiles in it are right. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { parseCorefile, tokensOf } from "../../src/corefile/index.ts";
import { parseDirective, zonesOf } from "../../src/directive/index.ts";
import { root } from "../support/paths.ts";
import { directives } from "../support/directives.ts";
import { tables } from "../directive/tables.ts";

const SECTIONS = ["Name", "Description", "Syntax", "Examples"];

/** The first thing that is wrong with a Corefile. */
function problem(text: string): string | undefined {
  const corefile = parseCorefile({
    text,
    file: "Corefile",
    directives: new Set([...directives, ...Object.keys(tables)]),
    env: {},
    cwd: "/",
  });
  if (corefile.error !== undefined) return corefile.error.message;
  for (const block of corefile.blocks) {
    for (const [name, table] of Object.entries(tables)) {
      const tokens = tokensOf(block, name);
      if (tokens.length === 0) continue;
      const parsed = parseDirective(name, table, tokens, { zones: zonesOf(block) });
      if (parsed.error !== undefined) return parsed.error.message;
    }
  }
  return undefined;
}

for (const name of Object.keys(tables)) {
  t.test(name, (t) => {
    const file = join(root, "plugins", name, "README.md");
    t.ok(existsSync(file), "there is a README.md");
    if (!existsSync(file)) return t.end();
    const text = readFileSync(file, "utf8");
    t.match(text, new RegExp(`^# ${name}\n\n## Name\n\n\\*${name}\\* - `), "it says what it is");
    const sections = [...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title!);
    t.same(
      sections.filter((title) => SECTIONS.includes(title)),
      SECTIONS,
      "its sections, in order",
    );
    for (const [, corefile] of text.matchAll(/^~~~ corefile\n([\s\S]*?)^~~~$/gm))
      t.equal(problem(corefile!), undefined, corefile!);
    t.end();
  });
}

t.test("no folder without its plugin", (t) => {
  const folders = readdirSync(join(root, "plugins"), { withFileTypes: true }).filter((one) =>
    one.isDirectory(),
  );
  t.same(
    folders.map(({ name }) => name).filter((name) => tables[name] === undefined),
    [],
  );
  t.end();
});
