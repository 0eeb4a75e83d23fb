/** The Corefile of every recorded run, made in this process: at the start, and after each change of template and ConfigMap. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import t from "tap";
import { registry } from "../../plugins/index.ts";
import { checkCorefile } from "../../src/cli/check.ts";
import { createRegistry } from "../../src/metrics/metrics.ts";
import { serviceVariable } from "../../src/nodelocal/corefile.ts";
import { createJournal } from "../../src/nodelocal/journal.ts";
import { createMaker, type Maker } from "../../src/nodelocal/maker.ts";
import { corefileOf, records, type Record } from "./record.ts";

/** A ConfigMap ends no process here: the defaults are served on. */
const REFUSED = new Set(["cm-stub-empty-list", "cm-stub-cluster-domain"]);
/** Their flags are wrong: nothing is made. */
const WRONG_FLAGS = new Set(["flag-syncinterval-no-unit", "flag-unknown", "flag-dns-port-bad"]);

const byId = (id: string): Record => records.find((record) => record.id === id)!;
const defaults = byId("basic").observed.corefile;

/** A folder with a run's files, and a maker of its Corefile. */
function prepare(test: { teardown(done: () => void): unknown }, record: Record) {
  const flag = (name: string): string | undefined => {
    const at = record.args.indexOf(name);
    return at < 0 ? undefined : record.args[at + 1];
  };
  const dir = mkdtempSync(join(tmpdir(), "node-cache-"));
  test.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text.startsWith("hex:") ? Buffer.from(text.slice(4), "hex") : text);
  };
  for (const [name, text] of Object.entries(record.files)) write(name, text);
  for (const command of record.before.commands) {
    const [, name] = /^(?:rm|rm -r|mkdir -p) \$DIR\/(\S+)$/.exec(command) ?? [];
    if (name === undefined) continue;
    if (command.startsWith("rm")) rmSync(join(dir, name), { recursive: true });
    else mkdirSync(join(dir, name));
  }

  const log: string[] = [];
  const metrics = createRegistry().scope("nodecache");
  const journal = createJournal(metrics);
  journal.continueWith((level, text) => log.push(`${level}: ${text}`));
  const clusterDns = record.env[serviceVariable(flag("-upstreamsvc") ?? "kube-dns")] ?? "";
  const make: Maker = createMaker(
    {
      addresses: flag("-localip")!.split(","),
      clusterDns: isIP(clusterDns) === 0 ? undefined : clusterDns,
      port: Number(flag("-dns.port") ?? flag("-p") ?? 53),
      template: join(dir, "base/Corefile.base"),
      corefile: join(dir, "Corefile"),
      kubeDnsDirectory: flag("-kubednscm")?.replace("$DIR", dir) ?? "",
      async check(text) {
        const { errors } = await checkCorefile({ text, file: "Corefile", env: {}, port: 53 }, registry);
        return errors[0]?.message;
      },
    },
    journal,
  );
  return {
    write,
    remove: (name: string) => rmSync(join(dir, name)),
    log,
    make,
    errors: () => metrics.counter("setup_errors_total", "", ["errortype"]).at("configmap").value,
    corefile(): string | null {
      try {
        return readFileSync(join(dir, "Corefile"), "utf8");
      } catch {
        return null;
      }
    },
  };
}

t.test("recorded Corefiles", async (t) => {
  let compared = 0;
  for (const record of records) {
    const { id, args, observed } = record;
    const hasAddress = /-localip \S+\d -conf \$DIR\/Corefile /.test(args.join(" "));
    if (!hasAddress || WRONG_FLAGS.has(id)) continue;
    const run = prepare(t, record);
    await run.make();
    for (const [, what, name, text] of observed.steps) {
      if (what === "snap") {
        const want = name === "running" ? observed : observed.snapshots[String(name)]!;
        const corefile = REFUSED.has(id) ? defaults : want.corefile;
        t.same(corefileOf(run.corefile()), corefileOf(corefile), `${id}, ${String(name)}`);
        compared++;
      } else if (what === "write" || what === "rm") {
        if (what === "write") run.write(String(name), String(text));
        else run.remove(String(name));
        await run.make();
      }
    }
  }
  t.ok(compared > 80, `${compared} compared`);
});

t.test("a broken ConfigMap is looked at again, also when it was broken at the start", async (t) => {
  const run = prepare(t, byId("cm-stub-bad-json"));
  t.ok(await run.make(), "the defaults are served");
  t.same(corefileOf(run.corefile()), corefileOf(defaults));
  t.match(
    run.log.join("\n"),
    /error: Failed to sync kube-dns config directory .*stubDomains: a map of domains/,
  );
  t.equal(await run.make(), false);
  t.equal(run.log.filter((line) => line.startsWith("error")).length, 1, "and said once");
  run.write("kube-dns/stubDomains", '{"acme.local": ["10.96.0.54"]}');
  t.ok(await run.make());
  t.match(
    run.corefile(),
    /\nacme\.local:53 \{\n {4}errors\n {4}cache 30\n {4}bind 169\.254\.20\.10\n {4}forward \. 10\.96\.0\.54\n\}\n$/,
  );
  run.write("kube-dns/stubDomains", "{bad");
  t.equal(await run.make(), false, "what was right last is served on");
  run.remove("kube-dns/stubDomains");
  t.ok(await run.make());
  t.same(corefileOf(run.corefile()), corefileOf(defaults), "without files, the defaults");
});

t.test("a ConfigMap with which the server could not run is refused", async (t) => {
  for (const [id, why] of [
    ["cm-stub-empty-list", /Invalid config: the stub domain \S+ has no nameserver/],
    ["cm-stub-cluster-domain", /Invalid config: .*cannot serve .* already defined/],
    ["cm-stub-hostname", /Invalid config: .*not an IP address or file: "ns1\.acme\.local"/],
  ] as const) {
    const run = prepare(t, byId(id));
    t.ok(await run.make());
    t.match(run.log.join("\n"), why, id);
    t.equal(run.errors(), 1, "and counted");
  }
});

t.test("a template that goes and comes back", async (t) => {
  const run = prepare(t, byId("basic"));
  t.ok(await run.make());
  run.remove("base/Corefile.base");
  t.equal(await run.make(), false);
  t.equal(await run.make(), false);
  t.match(run.log.at(-1), /Failed to read node-cache coreFile .*: no such file or directory/);
  t.equal(run.errors(), 1);
  run.write("base/Corefile.base", ".:53 {\n    bind __PILLAR__LOCAL__DNS__\n    whoami\n}\n");
  t.ok(await run.make());
  t.equal(run.corefile(), ".:53 {\n    bind 169.254.20.10\n    whoami\n}\n");
});

t.test("text of the ConfigMap is not a pattern", async (t) => {
  const run = prepare(t, byId("cm-tcp-block"));
  run.write("kube-dns/upstreamNameservers", '["10.96.0.54"]');
  run.write("base/Corefile.base", ".:53 {\n    # $& __PILLAR__UPSTREAM__SERVERS__ $1\n}\n");
  await run.make();
  t.equal(run.corefile(), ".:53 {\n    # $& 10.96.0.54 $1\n}\n");
});
