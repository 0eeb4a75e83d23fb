/** The direction of imports: a room may use only what its line here says. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import t from "tap";
import { root } from "./support/paths.ts";

/** For each room, the rooms that its files may import from, beside their own. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  "src/dns": [],
  "src/zone": ["src/dns"],
  "src/corefile": [],
  "src/metrics": [],
  "src/directive": ["src/corefile", "src/dns"],
  "src/cluster": ["src/dns"],
  "src/resolver": ["src/dns"],
  "src/plugin.ts": ["src/directive", "src/dns", "src/metrics", "src/upstream"],
  "src/capabilities.ts": ["src/plugin.ts", "src/dns", "src/cluster"],
  "src/log": ["src/plugin.ts"],
  "src/gotemplate": [],
  "src/ndots/walk": ["src/dns"],
  "src/ndots": [
    "src/ndots/walk",
    "src/api",
    "src/cluster",
    "src/dns",
    "src/plugin.ts",
    "src/resolver",
    "src/upstream",
    "plugins/index.ts",
  ],
  "src/expr": ["src/dns"],
  "src/native": ["src/dns"],
  "src/nodelocal": ["src/directive", "src/dns", "src/log", "src/metrics", "src/native"],
  "src/upstream": ["src/dns", "src/metrics", "src/native"],
  "src/server": [
    "src/corefile",
    "src/directive",
    "src/dns",
    "src/log",
    "src/metrics",
    "src/native",
    "src/plugin.ts",
    "src/upstream",
  ],
  plugins: [
    "src/plugin.ts",
    "src/capabilities.ts",
    "src/directive",
    "src/dns",
    "src/metrics",
    "src/cluster",
    "src/upstream",
    "src/zone",
    "src/gotemplate",
    "src/ndots/walk",
    "src/expr",
    "src/corefile",
  ],
  "plugins/index.ts": ["plugins", "src/plugin.ts", "src/server"],
  "src/cli": ["src", "plugins"],
  "src/api": ["src", "plugins"],
  "src/version.ts": [],
  "src/index.ts": ["src", "plugins"],
};

const files = ["src", "plugins"].flatMap((dir) =>
  readdirSync(join(root, dir), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(dir, name)),
);

/** The most particular line that covers a file. */
function roomOf(file: string): string {
  const found = Object.keys(MAY_USE).filter((room) => file === room || file.startsWith(`${room}/`));
  return found.sort((a, b) => b.length - a.length)[0] ?? "";
}

t.test("imports go one way", (t) => {
  t.ok(files.length > 50, "the sources are found");
  for (const file of files) {
    const room = roomOf(file);
    if (room === "") {
      t.fail(`${file} is in no room of this test: say what it may use`);
      continue;
    }
    const text = readFileSync(join(root, file), "utf8");
    const wrong: string[] = [];
    for (const [, path] of text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
      const target = relative(root, join(root, dirname(file), path!));
      const to = roomOf(target);
      // A plugin is a room of its own: none imports another.
      const own =
        room === "plugins" && to === "plugins" ? target.split("/")[1] === file.split("/")[1] : to === room;
      if (!own && !MAY_USE[room]!.some((allowed) => target === allowed || target.startsWith(`${allowed}/`)))
        wrong.push(path!);
    }
    t.same(wrong, [], `${file} imports only what ${room} may use`);
  }
  t.end();
});

t.test("no default exports in src and plugins", (t) => {
  const having = files.filter((file) => /^export default/m.test(readFileSync(join(root, file), "utf8")));
  t.same(having, []);
  t.end();
});
