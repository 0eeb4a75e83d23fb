// Installs and builds what is not there yet. `npm run setup` calls it, and so do `npm start` and `npm test`.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, "node_modules", ".clusterdns-installed");

const MIN_NODE = [20, 19];

export function setup() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < MIN_NODE[0] || (major === MIN_NODE[0] && minor < MIN_NODE[1])) {
    console.error(`clusterdns needs Node ${MIN_NODE.join(".")} or later; this is ${process.version}`);
    process.exit(1);
  }
  install();
  step("building", "node", [join(root, "node_modules/typescript/bin/tsc"), "-b", ".", "netsim"]);
  step("building what runs in browsers", "node", [join(root, "netsim/web/build.mjs")]);
  buildNative();
}

function install() {
  const lock = ["package-lock.json", "package.json", "netsim/package.json"].map((file) =>
    readFileSync(join(root, file)),
  );
  const wanted = createHash("sha256").update(Buffer.concat(lock)).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  step("installing packages", "npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
}

/** The batched UDP socket: where there is no compiler the server runs on node:dgram. */
function buildNative() {
  const script = join(root, "native", "build.mjs");
  if (existsSync(script)) step("building the native socket", "node", [script], { optional: true });
}

/** Runs a command, says so, and ends the program where it fails and is needed. */
export function step(what, command, args, { optional = false } = {}) {
  const begin = Date.now();
  process.stdout.write(`${what} ... `);
  const done = spawnSync(command, args, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  const seconds = ((Date.now() - begin) / 1000).toFixed(1);
  if (done.status === 0) {
    console.log(`done in ${seconds} s${done.stdout.startsWith("note: ") ? ` (${done.stdout.trim()})` : ""}`);
    return;
  }
  console.log(optional ? "left out" : "failed");
  const output =
    `${done.stdout ?? ""}${done.stderr ?? ""}${done.error === undefined ? "" : done.error.message}`.trim();
  if (output !== "") console.error(output);
  if (!optional) process.exit(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setup();
