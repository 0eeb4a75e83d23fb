/** The README's table names exactly what there is, and each plugin has its manual page. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { registry } from "../../plugins/index.ts";
import { root } from "../support/paths.ts";

t.test("the README's table of plugins", (t) => {
  const script = `import { readmeWithTable } from ${JSON.stringify(join(root, "scripts/plugins.mjs"))}; process.stdout.write(await readmeWithTable());`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  t.equal(readFileSync(join(root, "README.md"), "utf8"), stdout, "node scripts/plugins.mjs writes it anew");
  t.end();
});

t.test("manual pages", (t) => {
  for (const { name, load } of registry.order) {
    if (load === undefined) continue;
    const file = join(root, "plugins", name, "README.md");
    t.ok(existsSync(file), `plugins/${name}/README.md`);
    if (existsSync(file))
      t.match(readFileSync(file, "utf8"), /^## (Syntax|Description)/m, `${name}'s has its sections`);
  }
  t.end();
});
