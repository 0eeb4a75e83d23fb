/**
 * Builds the kube-apiserver and the etcd that `npm test` runs against where they are there, once, into `.cache/apiserver/`.
 * KUBEBUILDER_ASSETS (a directory with both, as envtest's tools set it) takes their place. Exits 1 where neither can be had.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { clearInterval, setInterval } from "node:timers";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const sources = join(root, "test/apiserver/go");
const cache = join(root, ".cache/apiserver");
const programs = ["etcd", "kube-apiserver"];
const say = (text) => console.log(`setup:apiserver: ${text}`);

function stop(text) {
  console.error(`setup:apiserver: ${text}`);
  process.exit(1);
}

const assets = process.env.KUBEBUILDER_ASSETS;
if (assets !== undefined && assets !== "") {
  const missing = programs.filter((name) => !existsSync(join(assets, name)));
  if (missing.length > 0)
    stop(
      `KUBEBUILDER_ASSETS=${assets} has no ${missing.join(" and no ")}: correct it, or unset it to build them here`,
    );
  say(`the tests use the programs of KUBEBUILDER_ASSETS=${assets}; nothing to build`);
  process.exit(0);
}

const inputs = ["go.mod", "go.sum", ...programs.map((name) => `${name}/main.go`)].map((name) =>
  readFileSync(join(sources, name)),
);
const wanted = inputs.reduce((hash, text) => hash.update(text), createHash("sha256")).digest("hex");
const stamp = join(cache, "built");
if (
  existsSync(stamp) &&
  readFileSync(stamp, "utf8") === wanted &&
  programs.every((name) => existsSync(join(cache, name)))
) {
  say(`${programs.join(" and ")} are in .cache/apiserver already`);
  process.exit(0);
}

const go = spawnSync("go", ["env", "GOVERSION"], { encoding: "utf8" });
if (go.status !== 0)
  stop(
    "needs Go 1.26 (https://go.dev/dl) or KUBEBUILDER_ASSETS; without them the tests with a real API server are skipped",
  );

const version = /k8s\.io\/kubernetes (v[\d.]+)/.exec(inputs[0].toString())[1];
const [major, minor] = version.slice(1).split(".");
const stamps = { gitVersion: version, gitMajor: major, gitMinor: minor };
// Without these the API server calls itself v0.0.0-master, which clients that compare versions refuse.
const ldflags = [
  "-s",
  "-w",
  ...Object.entries(stamps).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`),
].join(" ");

const build = (name) =>
  new Promise((resolve, reject) => {
    const args = [
      "build",
      "-trimpath",
      "-buildvcs=false",
      "-ldflags",
      ldflags,
      "-o",
      join(cache, name),
      `./${name}`,
    ];
    const child = spawn("go", args, {
      cwd: sources,
      env: { ...process.env, CGO_ENABLED: "0" },
      stdio: ["ignore", "inherit", "inherit"],
    });
    child.on("error", reject);
    child.on("spawn", () => setPriority(child.pid, constants.priority.PRIORITY_LOW));
    child.on("exit", (code) =>
      code === 0
        ? resolve()
        : reject(new Error(`go build ./${name} in test/apiserver/go ended with ${code}`)),
    );
  });

mkdirSync(cache, { recursive: true });
const started = performance.now();
const seconds = () => Math.round((performance.now() - started) / 1000);
say(
  `builds etcd and kube-apiserver ${version} with ${go.stdout.trim()} into .cache/apiserver: once, about 5 minutes on 2 cores, 1.5 GB of module and build cache`,
);
const beat = setInterval(() => say(`still building (${seconds()} s)`), 30_000);
try {
  for (const name of programs) {
    await build(name);
    say(`${name} done after ${seconds()} s`);
  }
  writeFileSync(stamp, wanted);
} catch (error) {
  stop(error.message);
} finally {
  clearInterval(beat);
}
