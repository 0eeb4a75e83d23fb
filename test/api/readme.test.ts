/** The code of the README does what the README says: it is run as it stands. */
import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { root } from "../support/paths.ts";

const readme = readFileSync(join(root, "README.md"), "utf8");
const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);

t.test("the README has code", (t) => {
  t.ok(blocks.length >= 3);
  t.end();
});

for (const [i, code] of blocks.entries()) {
  t.test(`block ${i + 1}: ${code.split("\n").find((line) => line.includes("import"))}`, async (t) => {
    // Within the package, so that its own name resolves; the code has no types to strip.
    const file = join(root, `.readme-${process.pid}-${i}.mjs`);
    writeFileSync(file, `${code}\nconsole.log("done");\n`);
    t.teardown(() => rmSync(file, { force: true }));
    const { out, exit } = await run(file);
    t.equal(exit, 0, out);
    t.match(out, /done/, "it ends by itself: nothing stays open");
  });
}

function run(file: string): Promise<{ out: string; exit: number | null }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [file], { cwd: root, timeout: 20_000 });
    let out = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (out += String(chunk)));
    child.on("close", (exit) => resolve({ out, exit }));
  });
}
