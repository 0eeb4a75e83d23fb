// `npm test [-- PART...]`: sets up, lints, and runs every test file whose path contains one of PART (all, without any).
// Each file is a TAP program of its own; what it skips is named at the end, with its reason.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { root, setup } from "./setup.mjs";

/** Longest time of one file, in milliseconds: a test that hangs is a failure, not a hanging run. */
const FILE_LIMIT = 600_000;

const parts = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const options = new Set(process.argv.slice(2).filter((word) => word.startsWith("--")));

if (!options.has("--no-setup")) setup();
// Not before: on a fresh clone the set-up installs it.
const { Parser } = await import("tap-parser");

const totals = { passed: 0, failed: 0 };
const skipped = [];
const failures = [];

if (parts.length === 0 && !options.has("--no-lint")) lint();

const files = testFiles().filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
if (files.length === 0) {
  console.error(`no test file's path contains ${parts.join(" or ")}`);
  process.exit(2);
}
// Tests of sockets and timing are not to disturb each other more than two cores allow.
const workers = Math.max(1, Math.min(2, availableParallelism()));
await Promise.all(Array.from({ length: workers }, work));

report();

function lint() {
  for (const [name, args] of [
    ["types in the browser", ["node_modules/typescript/bin/tsc", "-p", "netsim/web"]],
    ["eslint", ["node_modules/eslint/bin/eslint.js", "."]],
    ["prettier", ["node_modules/prettier/bin/prettier.cjs", "--check", "--log-level", "warn", "."]],
  ]) {
    const begin = Date.now();
    const done = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
    count(name, done.status === 0, Date.now() - begin, `${done.stdout}${done.stderr}`);
  }
}

function count(name, ok, ms, output) {
  totals[ok ? "passed" : "failed"]++;
  console.log(`${ok ? "ok  " : "FAIL"} ${name} (${(ms / 1000).toFixed(1)} s)`);
  if (!ok) failures.push({ name, text: output });
}

function testFiles() {
  return walk("dist/test").concat(walk("netsim/dist/test")).sort();
}

function walk(dir) {
  return readdirSync(join(root, dir), { recursive: true, encoding: "utf8" })
    .map((name) => join(dir, name))
    .filter((file) => file.endsWith(".test.js") && existsSync(join(root, sourceOf(file))));
}

/** What a compiled file was made of: one whose source has gone is no test any more. */
function sourceOf(file) {
  return file.replace("dist/", "").replace(/\.js$/, ".ts");
}

async function work() {
  for (let file = files.shift(); file !== undefined; file = files.shift()) await run(file);
}

function run(file) {
  return new Promise((resolve) => {
    const begin = Date.now();
    const parser = new Parser();
    const child = spawn(process.execPath, ["--enable-source-maps", join(root, file)], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      // tap would end a file after 30 s.
      env: { ...process.env, TAP: "1", TAP_TIMEOUT: String(FILE_LIMIT / 1000) },
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), FILE_LIMIT);
    let noise = "";
    let asserted = 0;
    const failed = [];
    const watch = (one, path) => {
      let summaryOf; // The subtest that ended last: the parent's next point only repeats its outcome.
      one.on("child", (child) => {
        summaryOf = { name: child.name, failures: failed.length, points: asserted };
        watch(child, [...path, child.name]);
      });
      one.on("assert", (result) => {
        const had = summaryOf?.name === result.name ? summaryOf : undefined;
        const repeats =
          had !== undefined && asserted > had.points && (result.ok || failed.length > had.failures);
        summaryOf = undefined;
        if (repeats) return;
        asserted++;
        const name = [...path, result.name].join(" > ");
        if (result.skip) skipped.push(`${name}: ${result.skip === true ? "no reason given" : result.skip}`);
        else if (result.ok || result.todo) totals.passed++;
        else {
          totals.failed++;
          failed.push(`${name}\n${JSON.stringify(result.diag, null, 1)?.slice(0, 3000) ?? ""}`);
        }
      });
    };
    watch(parser, []);
    child.stdout.pipe(parser);
    child.stderr.on("data", (chunk) => (noise = (noise + chunk).slice(-4000)));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const seconds = ((Date.now() - begin) / 1000).toFixed(1);
      if (failed.length === 0 && (code !== 0 || asserted === 0)) {
        totals.failed++;
        const why =
          signal !== null
            ? `ended by ${signal}`
            : asserted === 0
              ? "no test was executed"
              : `exit code ${code}`;
        failed.push(`${why}\n${noise}`);
      }
      console.log(
        `${failed.length === 0 ? "ok  " : "FAIL"} ${file.replace("dist/", "").replace(".js", "")} (${asserted} in ${seconds} s)`,
      );
      for (const text of failed) failures.push({ name: file, text });
      resolve();
    });
  });
}

function report() {
  for (const { name, text } of failures) console.log(`\nFAIL ${name}\n${text.trim()}`);
  if (skipped.length > 0) console.log(`\nskipped:\n${skipped.map((line) => `  ${line}`).join("\n")}`);
  console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${skipped.length} skipped`);
  process.exitCode = totals.failed > 0 ? 1 : 0;
}
