// `npm run pack [DIRECTORY]`: what is published, as tarballs: clusterdns, @clusterdns/netsim, and the batched UDP socket built for this machine as
// a package of its own, which clusterdns asks for as an optional dependency: npm installs the one that fits, and nothing is compiled or run.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { root, setup } from "./setup.mjs";

/** Where the socket exists: Linux, both C libraries. */
const PLATFORMS = ["linux-x64-gnu", "linux-x64-musl", "linux-arm64-gnu", "linux-arm64-musl"];

const args = process.argv.slice(2).filter((arg) => arg !== "--no-setup");
const target = resolve(args[0] ?? join(root, "dist", "packages"));
const stage = mkdtempSync(join(tmpdir(), "clusterdns-pack-"));
process.on("exit", () => rmSync(stage, { recursive: true, force: true }));

if (!process.argv.includes("--no-setup")) setup();
mkdirSync(target, { recursive: true });
const main = manifestOf(root);
pack(root, {
  ...main,
  optionalDependencies: Object.fromEntries(
    PLATFORMS.map((name) => [`@clusterdns/native-${name}`, main.version]),
  ),
});
const netsim = manifestOf(join(root, "netsim"));
pack(join(root, "netsim"), {
  ...netsim,
  dependencies: { ...netsim.dependencies, clusterdns: `^${main.version}` },
});
packNative();

function manifestOf(directory) {
  return JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
}

/** The package's files and this manifest, without what only a checkout needs. */
function pack(directory, manifest) {
  const place = join(stage, manifest.name.replace("/", "-"));
  mkdirSync(place);
  for (const name of [...manifest.files, "README.md", "LICENSE"]) {
    const from = [directory, root].map((base) => join(base, name)).find((path) => existsSync(path));
    if (from !== undefined) cpSync(from, join(place, name), { recursive: true });
  }
  const published = { ...manifest };
  for (const field of ["scripts", "devDependencies", "workspaces"]) delete published[field];
  finish(place, published);
}

function packNative() {
  const { platform, arch } = process;
  const built = join(root, "native", "build", `udp-${platform}-${arch}.node`);
  if (!existsSync(built)) {
    console.log("the native socket was not built on this machine: no package of it");
    return;
  }
  const musl = process.report.getReport().header.glibcVersionRuntime === undefined;
  const name = `native-${platform}-${arch}-${musl ? "musl" : "gnu"}`;
  const place = join(stage, name);
  mkdirSync(place);
  cpSync(built, join(place, "udp.node"));
  cpSync(join(root, "LICENSE"), join(place, "LICENSE"));
  writeFileSync(
    join(place, "README.md"),
    `# @clusterdns/${name}\n\nThe batched UDP socket of clusterdns, compiled for this platform. clusterdns installs and loads it by itself.\n`,
  );
  finish(place, {
    name: `@clusterdns/${name}`,
    version: main.version,
    description: "The batched UDP socket of clusterdns, compiled",
    license: main.license,
    os: [platform],
    cpu: [arch],
    libc: [musl ? "musl" : "glibc"],
    main: "udp.node",
    files: ["udp.node"],
  });
}

function finish(place, manifest) {
  writeFileSync(join(place, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  const done = spawnSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", target], {
    cwd: place,
    encoding: "utf8",
  });
  if (done.status !== 0) {
    console.error(done.stderr);
    process.exit(1);
  }
  const [{ filename, size }] = JSON.parse(done.stdout);
  console.log(
    `${join(target, filename.replace(/^@/, "").replace("/", "-"))} (${Math.ceil(size / 1024)} KiB)`,
  );
}
