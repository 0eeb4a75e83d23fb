/** The engine without Node: no import of its modules, and in Chromium the same traces, letter by letter. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import t from "tap";
import { takeSnapshot } from "../../src/map/snapshot.ts";
import { loadFiles, loadText } from "../../src/model/load.ts";
import { trace, type TraceOptions } from "../../src/trace/trace.ts";
import { built, data, fileOf, launch, netsimRoot, open, skip } from "./support.ts";

t.setTimeout(180_000);

t.test("the core imports nothing of Node", (t) => {
  const seen = new Set<string>();
  const wrong: string[] = [];
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(file, "utf8");
    for (const [, types, path = ""] of text.matchAll(
      /^(?:import|export)\s+(type\s)?[^;]*?from\s+"([^"]+)"/gm,
    )) {
      if (types !== undefined) continue;
      if (path.startsWith(".")) visit(join(dirname(file), path));
      else if (/^node:/.test(path)) wrong.push(`${relative(netsimRoot, file)} imports ${path}`);
    }
  };
  visit(join(netsimRoot, "src/browser.ts"));
  t.ok(seen.size > 80, `${seen.size} files are looked at`);
  t.same(wrong, []);
  t.end();
});

/** Rooms that are the core, and the few files in them that read what only Node can read. */
const CORE = "model select policy service conntrack cni packet gateway mesh trace doctor page map".split(" ");
const READERS = ["model/load.ts", "model/files.ts", "model/live.ts", "policy/net.ts", "map/page.ts"];

t.test("nothing of Node in the core's rooms", (t) => {
  let count = 0;
  for (const room of CORE) {
    for (const name of readdirSync(join(netsimRoot, "src", room), { recursive: true, encoding: "utf8" })) {
      const file = join(room, name);
      if (!name.endsWith(".ts") || READERS.includes(file)) continue;
      count++;
      const code = readFileSync(join(netsimRoot, "src", file), "utf8").replace(
        /\/\*[^]*?\*\/|^\s*\/\/.*$/gm,
        "",
      );
      const found =
        /^import (?!type ).*"node:.*|\bBuffer\b|\bprocess\.\w+|\brequire\(|\bsetImmediate\b|\b__dirname\b/m.exec(
          code,
        );
      if (found !== null) t.fail(`${file}: ${found[0]}`);
    }
  }
  t.ok(count > 150, `${count} files`);
  t.end();
});

t.test("the script for browsers imports nothing", (t) => {
  const script = readFileSync(built("netsim.js"), "utf8");
  t.notMatch(script, /\bfrom\s*"node:|\bimport\s*\(\s*["']|\brequire\s*\(\s*["']/);
  t.match(script, /export\s*\{[^}]*\btrace\b/);
  t.end();
});

/** Ways through services, policies, plugins and modes, most of them with names. */
const SHOP: readonly [from: string, to: string, options?: TraceOptions][] = [
  ["shop/web", "http://api.payments/orders"],
  ["shop/web", "http://api.payments/orders", { mode: "nftables", resolver: "musl" }],
  ["shop/web", "api.payments:80", { mode: "ipvs", resolver: "go" }],
  ["shop/web", "payments/api:9102"],
  ["shop/web", "api.payments:80", { mode: "ebpf" }],
  ["shop/web", "db.payments:5432"],
  ["payments/api", "db-0.db:5432"],
  ["payments/db", "api:80"],
  ["payments/api", "empty:80"],
  ["payments/batch", "api.payments:80"],
  ["shop/web", "http://shop.example.org/"],
  ["shop/web", "api.internal.example:80"],
  ["shop/web", "legacy.example.net:443"],
  ["shop/web", "7.wild.example.net:443"],
  ["shop/web", "stripe.payments:443"],
  ["shop/web", "https://www.example.com/", { resolver: "c-ares" }],
  ["shop/web", "nowhere.payments:80"],
  ["198.51.100.7", "shop/web:8080"],
  ["shop/web", "10.244.0.250:80"],
  ["shop/ghost", "shop/web:80"],
];
const CILIUM: typeof SHOP = [
  ["shop/job", "https://api.stripe.com"],
  ["shop/job", "https://www.example.com"],
  ["shop/job", "http://api/orders/7"],
  ["shop/job", "http://api/admin", { method: "POST" }],
  ["shop/api", "shop/job:80"],
];
/** Through node-cache and a server with nearly every plugin that a Corefile can name. */
const PLUGINS: typeof SHOP = [
  ["shop/client", "http://web.shop/"],
  ["shop/client", "web:80", { resolver: "musl" }],
  ["shop/client", "http://web.shop.example.net/"],
  ["shop/client", "https://www.example.com/"],
  ["shop/client", "nowhere:80"],
];

t.test("traces in Chromium", { skip }, async (t) => {
  const browser = await launch();
  t.teardown(() => browser.close());
  const script = readFileSync(built("netsim.js"), "utf8");
  const { page, said } = await open(browser, fileOf("engine.html", "<!doctype html><title>engine</title>"));
  await page.evaluate(
    `import(URL.createObjectURL(new Blob([${JSON.stringify(script)}], { type: "text/javascript" }))).then((m) => { globalThis.netsim = m; })`,
  );
  const inPage = (cluster: string, from: string, to: string, options: TraceOptions): Promise<string> =>
    page.evaluate<string>(
      `(async () => JSON.stringify(await netsim.trace(${cluster}, ...${JSON.stringify([from, to, options])})))()`,
    );
  const reasons = new Set<string>();
  for (const [name, cases] of [
    ["shop", SHOP],
    ["cilium", CILIUM],
    ["plugins", PLUGINS],
  ] as const) {
    const file = data(`${name}.yaml`);
    const cluster = loadFiles([file]);
    const snapshot = JSON.stringify(takeSnapshot(cluster));
    await page.evaluate(`globalThis.${name} = netsim.openSnapshot(${snapshot})`);
    for (const [from, to, options = {}] of cases) {
      const here = await trace(cluster, from, to, options);
      reasons.add(here.reason);
      t.equal(
        await inPage(name, from, to, options),
        JSON.stringify(here),
        `${from} -> ${to}: ${here.reason}`,
      );
    }
  }
  t.ok(reasons.size >= 8, `they end in many ways: ${[...reasons].join(", ")}`);

  const text = readFileSync(data("shop.yaml"), "utf8");
  await page.evaluate(`globalThis.text = netsim.loadText(${JSON.stringify(text)}, "shop.yaml")`);
  const here = await trace(loadText(text, "shop.yaml"), "payments/db", "api:80");
  t.equal(
    await inPage("text", "payments/db", "api:80", {}),
    JSON.stringify(here),
    "YAML that is read in the page",
  );
  t.same(said, [], "nothing in the console, nothing loaded from elsewhere");
});

t.test("a snapshot", async (t) => {
  const { openSnapshot } = await import("../../src/map/snapshot.ts");
  const cluster = loadFiles([data("shop.yaml")]);
  const json = JSON.stringify(takeSnapshot(cluster));
  t.notMatch(json, /hidden-in/, "takes no secrets along, no arguments, no configuration of applications");
  t.match(json, /Corefile/, "but the cluster's DNS");
  const again = openSnapshot(JSON.parse(json));
  for (const list of ["nodes", "pods", "services", "endpointSlices", "networkPolicies"] as const)
    t.equal(again[list].length, cluster[list].length, list);
  for (const file of readdirSync(data("")).filter((f) => f.endsWith(".yaml"))) {
    const one = loadFiles([data(file)]);
    t.doesNotThrow(() => openSnapshot(JSON.parse(JSON.stringify(takeSnapshot(one)))), file);
  }
});
