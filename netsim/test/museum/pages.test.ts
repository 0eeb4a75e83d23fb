/** The manual's pages are what the exhibits show today. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { EXHIBITS, show } from "../../src/museum/index.ts";
import { addressOf, index, page } from "../../src/museum/tell.ts";
import { pages } from "./support.ts";

const ANEW = "netsim museum --pages netsim/docs/museum writes them anew";

t.test("a page for each exhibit, and one that leads to them", async (t) => {
  const directory = pages();
  const all = [];
  for (const exhibit of EXHIBITS) all.push(await show(exhibit));
  const written = readdirSync(directory).filter((name) => name.endsWith(".md"));
  t.same(
    written.sort(),
    ["README.md", ...EXHIBITS.map(({ id }) => `${id}.md`)].sort(),
    `no more and no fewer: ${ANEW}`,
  );
  for (const shown of all) {
    const text = page(shown);
    t.equal(
      readFileSync(join(directory, `${shown.exhibit.id}.md`), "utf8"),
      text,
      `${shown.exhibit.id}: ${ANEW}`,
    );
    for (const one of shown.exhibit.threads)
      t.ok(text.includes(`](${addressOf(one)})`), `it links ${one.cite}`);
  }
  const contents = index(all);
  t.equal(readFileSync(join(directory, "README.md"), "utf8"), contents, ANEW);
  for (const { id } of EXHIBITS) t.ok(contents.includes(`(${id}.md)`), `${id} is in the list`);
});

t.test("threads are addresses", (t) => {
  const at = (cite: string) => addressOf({ cite, title: "", found: "" });
  t.equal(at("coredns/coredns#2087"), "https://github.com/coredns/coredns/issues/2087");
  t.equal(at("https://example.com/x"), "https://example.com/x");
  t.end();
});
