/** What is published: `npm run pack` makes tarballs that work without a checkout, the native socket without a compiler. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { nativeBinding } from "../../src/native/binding.ts";
import { root } from "../support/paths.ts";

const run = (command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = process.env) =>
  spawnSync(command, args, { cwd, encoding: "utf8", env, timeout: 120_000 });

const hasSocket = nativeBinding().binding !== undefined;

t.test("the packages", (t) => {
  const place = t.testdir({ tarballs: {}, app: { node_modules: { "@clusterdns": {} } } });
  const tarballs = join(place, "tarballs");
  const packed = run(process.execPath, [join(root, "scripts/pack.mjs"), "--no-setup", tarballs], root);
  t.equal(packed.status, 0, packed.stderr);
  const files = readdirSync(tarballs);
  t.match(files.join(" "), /clusterdns-\d/);
  t.match(files.join(" "), /clusterdns-netsim-\d/);

  // Installed as npm would, but for the other packages: those are the checkout's.
  const modules = join(place, "app/node_modules");
  const install = (prefix: string, name: string): void => {
    const file = files.find((name) => name.startsWith(prefix) && /^\d/.test(name.slice(prefix.length)));
    mkdirSync(join(modules, name), { recursive: true });
    const done = run(
      "tar",
      ["-xzf", join(tarballs, file ?? "none"), "--strip-components=1"],
      join(modules, name),
    );
    t.equal(done.status, 0, done.stderr);
  };
  install("clusterdns-", "clusterdns");
  install("clusterdns-netsim-", "@clusterdns/netsim");
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name.startsWith(".") || name === "clusterdns" || name === "@clusterdns") continue;
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  }

  const manifest = JSON.parse(readFileSync(join(modules, "clusterdns/package.json"), "utf8")) as {
    optionalDependencies: Record<string, string>;
    scripts?: unknown;
  };
  t.equal(manifest.scripts, undefined, "nothing runs at installation");

  const app = join(place, "app");
  writeFileSync(
    join(app, "app.mjs"),
    `import { Resolver } from "node:dns/promises";
     import { createServer } from "clusterdns";
     const server = createServer({ corefile: ".:0 {\\n bind 127.0.0.1\\n hosts {\\n 192.0.2.7 a.example\\n }\\n}\\n", log: () => {} });
     const [{ port }] = await server.listen();
     const resolver = new Resolver();
     resolver.setServers(["127.0.0.1:" + port]);
     console.log(await resolver.resolve4("a.example"));
     await server.close();`,
  );
  const answered = run(process.execPath, ["app.mjs"], app);
  t.match(answered.stdout, /192\.0\.2\.7/, answered.stderr);

  const listed = run(join(modules, "clusterdns/bin/clusterdns"), ["-plugins"], app);
  t.match(listed.stdout, /kubernetes/, listed.stderr);
  const helped = run(join(modules, "@clusterdns/netsim/bin/netsim"), ["help"], app);
  t.match(helped.stdout, /trace/, helped.stderr);

  if (hasSocket) {
    const name = Object.keys(manifest.optionalDependencies).find((name) =>
      files.some((file) => file.startsWith(`${name.replace(/^@/, "").replace("/", "-")}-`)),
    );
    t.ok(name, "the native package is among the optional dependencies");
    const script = `import { nativeBinding } from "./node_modules/clusterdns/dist/src/native/binding.js";
      const { binding, reason } = nativeBinding(); console.log(binding === undefined ? reason : "loaded");`;
    writeFileSync(join(app, "socket.mjs"), script);
    t.match(run(process.execPath, ["socket.mjs"], app).stdout, /none was built for this machine/);
    install(`${name!.replace(/^@/, "").replace("/", "-")}-`, name!);
    t.equal(run(process.execPath, ["socket.mjs"], app).stdout, "loaded\n");
  }
  t.end();
});
