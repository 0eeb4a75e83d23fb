/** The direction of imports in netsim: a room may use only what its line here says, and only some rooms know Node. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";

const hasSources = (dir: string): boolean =>
  existsSync(join(dir, "src/model/types.ts")) && existsSync(join(dir, "package.json"));
const find = (dir: string): string => (hasSources(dir) ? dir : find(dirname(dir)));
const src = join(find(dirname(fileURLToPath(import.meta.url))), "src");

const ALL = "everything";

/** For each room, the rooms that it may import from, beside its own; `type ROOM`: only its types. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  conntrack: [],
  page: [],
  select: ["type model"],
  model: ["select"],
  packet: ["select", "type model"],
  service: ["model", "select"],
  policy: ["model", "select"],
  gateway: ["model", "select"],
  mesh: ["model", "select", "service", "policy", "trace"],
  cni: ["model", "select", "service", "policy", "packet"],
  trace: ["model", "select", "service", "policy", "gateway", "cni", "packet", "page"],
  // What a trace's packets look like on the wire stands above both.
  "packet/capture.ts": ["packet", "trace", "cni", "model"],
  flow: ["model", "select", "service", "policy", "trace"],
  doctor: ["model", "select", "service", "policy", "conntrack", "gateway", "mesh", "cni", "packet", "trace"],
  museum: [
    "model",
    "select",
    "service",
    "policy",
    "conntrack",
    "gateway",
    "mesh",
    "cni",
    "packet",
    "trace",
    "doctor",
  ],
  map: ["model", "select", "policy", "service", "trace", "cni", "page"],
  proxy: ["gateway", "model"],
  cli: [ALL],
  "index.ts": [ALL],
  "browser.ts": [ALL],
};

/** Where Node's own modules may be used; all else runs in a browser too. */
const KNOWS_NODE = ["cli", "proxy", "model/files.ts", "model/live.ts", "model/load.ts", "map/page.ts"];

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
const covers = (room: string, file: string): boolean => file === room || file.startsWith(`${room}/`);

/** The most particular line that covers a file. */
const roomOf = (file: string): string =>
  Object.keys(MAY_USE)
    .filter((room) => covers(room, file))
    .sort((a, b) => b.length - a.length)[0] ?? "";

interface Import {
  readonly from: string;
  readonly target: string;
  readonly types: boolean;
}

function importsOf(file: string): readonly Import[] {
  const text = readFileSync(join(src, file), "utf8");
  const found = text.matchAll(/(import|export)(\s+type)?\b[^;"]*?(?:\bfrom\s*|\(\s*)?"([^"]+)"/g);
  return [...found].map(([, , type, target = ""]) => ({ from: file, target, types: type !== undefined }));
}

t.test("imports go one way", (t) => {
  t.ok(files.length > 100, "the sources are found");
  for (const file of files) {
    const room = roomOf(file);
    if (room === "") {
      t.fail(`${file} is in no room of this test: say what it may use`);
      continue;
    }
    const allowed = MAY_USE[room] ?? [];
    const wrong = importsOf(file).filter(({ target, types }) => {
      if (!target.startsWith(".")) return false;
      const to = roomOf(normalize(join(dirname(file), target)));
      return !(
        to === room ||
        allowed.includes(ALL) ||
        allowed.includes(to) ||
        (types && allowed.includes(`type ${to}`))
      );
    });
    t.same(
      wrong.map(({ target }) => target),
      [],
      `${file} imports only what ${room} may use`,
    );
  }
  t.end();
});

t.test("no room leads back to itself", (t) => {
  const beyond = (room: string, seen: Set<string>): Set<string> => {
    for (const next of (MAY_USE[room] ?? []).filter((r) => r in MAY_USE && !seen.has(r)))
      beyond(next, seen.add(next));
    return seen;
  };
  for (const room of Object.keys(MAY_USE)) t.notOk(beyond(room, new Set()).has(room), room);
  t.end();
});

t.test("the core runs without Node", (t) => {
  const core = files.filter((file) => !KNOWS_NODE.some((place) => covers(place, file)));
  const wrong = core.filter((file) =>
    importsOf(file).some(({ target, types }) => target.startsWith("node:") && !types),
  );
  t.same(wrong, []);
  t.end();
});

t.test("clusterdns is used as a stranger would use it: by its public API", (t) => {
  const deep = files.flatMap(importsOf).filter(({ from, target }) => {
    if (target.startsWith("clusterdns/")) return true;
    return target.startsWith(".") && normalize(join(dirname(from), target)).startsWith("..");
  });
  t.same(deep, []);
  t.end();
});

t.test("no default exports", (t) => {
  t.same(
    files.filter((file) => /^export default/m.test(readFileSync(join(src, file), "utf8"))),
    [],
  );
  t.end();
});
