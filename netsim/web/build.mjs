// Builds what runs in browsers: the engine (dist/web/netsim.js) and the page of `netsim map` (dist/web/map.html).
// Modules of Node are replaced by those in shims/; of the rest a browser gets the names, and an error when it calls one.
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";

const web = dirname(fileURLToPath(import.meta.url));
const sources = join(web, "../../src/index.ts");

const NODE = /^node:/;
const ABSENT = "\0absent:";
/** Packages that only servers with a network or a disk use. */
const SERVERS = ["@kubernetes/client-node", "pino", "sonic-boom", "prom-client"];

/** What shims/ has of a module. */
const SHIMS = {
  "node:async_hooks": ["AsyncLocalStorage"],
  "node:crypto": ["createHash", "randomFillSync"],
  "node:fs": ["existsSync", "readFileSync", "readdirSync", "statSync"],
  "node:fs/promises": ["readFile", "readdir", "stat"],
  "node:net": ["isIP", "isIPv4", "isIPv6"],
  "node:os": ["availableParallelism", "hostname", "networkInterfaces"],
  "node:path": ["basename", "dirname", "extname", "isAbsolute", "join", "relative", "resolve"],
  "node:timers/promises": ["setImmediate"],
};

/** A module with all the names that Node's has; what no shim has throws when it is called. */
async function shimmed(id) {
  const own = SHIMS[id] ?? [];
  const file = join(web, "shims", `${id.replace(NODE, "").replace("/", "_")}.ts`);
  const names = Object.keys(await import(id)).filter((n) => /^[A-Za-z_$][\w$]*$/.test(n) && n !== "default");
  return [
    ...(own.length === 0 ? [] : [`export { ${own.join(", ")} } from ${JSON.stringify(file)};`]),
    `const absent = (name) => function () { throw new Error("a browser has no " + name); };`,
    ...names
      .filter((name) => !own.includes(name))
      .map((name) => `export const ${name} = /* @__PURE__ */ absent(${JSON.stringify(`${id} ${name}`)});`),
    "export default {};",
  ].join("\n");
}

const isServers = (id) => SERVERS.some((name) => id === name || id.startsWith(`${name}/`));

const nodeless = {
  name: "nodeless",
  resolveId: {
    filter: { id: /^[^./]/ },
    handler(id, importer) {
      if (id === "clusterdns" && existsSync(sources)) return sources;
      if (isServers(id)) return `${ABSENT}${id}`;
      // The package of that name is what takes the place of Node's module.
      if (id === "buffer" || !(NODE.test(id) || builtinModules.includes(id))) return null;
      return (importer ?? "").startsWith(ABSENT) ? null : `${ABSENT}node:${id.replace(NODE, "")}`;
    },
  },
  load: { filter: { id: new RegExp(`^${ABSENT}`) }, handler: (id) => shimmed(id.slice(ABSENT.length)) },
};

const GLOBALS = ["Buffer", "process", "setImmediate", "setInterval", "setTimeout"];
const inject = Object.fromEntries(GLOBALS.map((name) => [name, [join(web, "shims/globals.ts"), name]]));

/** What cannot be found must not become an import that no browser can follow. */
const FATAL = ["UNRESOLVED_IMPORT", "MISSING_EXPORT", "IMPORT_IS_UNDEFINED"];

/** One script of an entry in `web` or `src`; `engine` says whether it is one that Node's modules are replaced in. */
export async function bundle(entry, { format, name, engine = true }) {
  const build = await rolldown({
    input: entry,
    platform: "browser",
    plugins: engine ? [nodeless] : [],
    transform: {
      target: "es2022",
      define: { "import.meta.url": '"file:///"' },
      ...(engine && { inject }),
    },
    onLog(level, { code, message }) {
      if (FATAL.includes(code)) throw new Error(message);
    },
  });
  const { output } = await build.generate({ format, name, minify: true, codeSplitting: false });
  await build.close();
  const [{ code, imports, dynamicImports }] = output;
  const left = [...imports, ...dynamicImports];
  if (left.length > 0) throw new Error(`${entry}: a browser cannot import ${left.join(", ")}`);
  return code;
}

const sha256 = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
/** As the content of a script element. */
const inScript = (text) => text.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");

/** The page of `netsim map` but for its title and its cluster. */
async function page() {
  const read = (name) => readFileSync(join(web, "map", name), "utf8");
  const [engine, script] = await Promise.all([
    bundle(join(web, "engine.ts"), { format: "iife" }),
    bundle(join(web, "map/main.ts"), { format: "iife", engine: false }).then(inScript),
  ]);
  const css = read("map.css");
  const csp = `default-src 'none'; script-src ${sha256(script)}; worker-src blob:; style-src ${sha256(css)} @THEME_HASH@`;
  const parts = { CSS: css, SCRIPT: script, ENGINE: gzipSync(engine, { level: 9 }).toString("base64") };
  let html = read("map.html").replace("@CSP@", () => csp);
  for (const [name, text] of Object.entries(parts))
    html = html.replace(new RegExp(`\\s*/\\* ${name} \\*/\\s*`), () => text);
  return html;
}

export async function build(to = join(web, "../dist/web")) {
  mkdirSync(to, { recursive: true });
  const [map, engine] = await Promise.all([
    page(),
    bundle(join(web, "../src/browser.ts"), { format: "esm" }),
  ]);
  put(join(to, "map.html"), map);
  put(join(to, "netsim.js"), engine);
}

/** Nobody who reads meanwhile gets half of it. */
function put(file, text) {
  const next = `${file}.${process.pid}`;
  writeFileSync(next, text);
  renameSync(next, file);
}

/** When the latest of the files was changed. */
function newest(dir) {
  const entries = readdirSync(dir, { withFileTypes: true });
  const times = entries.map((e) =>
    e.isDirectory() ? newest(join(dir, e.name)) : statSync(join(dir, e.name)).mtimeMs,
  );
  return Math.max(0, ...times);
}

function isCurrent(file) {
  const sources = [web, join(web, "../src"), join(web, "../../src"), join(web, "../../plugins")];
  return (
    existsSync(file) &&
    sources.filter((dir) => existsSync(dir)).every((dir) => newest(dir) < statSync(file).mtimeMs)
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url) && !isCurrent(join(web, "../dist/web/netsim.js")))
  await build();
