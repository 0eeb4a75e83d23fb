// Compiles the batched UDP socket, and what hands sockets over, with the machine's C compiler. Nothing is downloaded; no compiler, no socket: the server then uses node:dgram.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const sources = ["udp.c", "handover.c", "upstream.c"].map((name) => join(here, name));
const target = join(here, "build", `udp-${process.platform}-${process.arch}.node`);

if (process.platform !== "linux") {
  console.log("note: the batched socket is for Linux; node:dgram is used here");
} else if (
  existsSync(target) &&
  sources.every((source) => statSync(target).mtimeMs >= statSync(source).mtimeMs)
) {
  console.log("note: is there already");
} else {
  const compiler = [process.env.CC, "cc", "gcc", "clang"].find(
    (name) => name && spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0,
  );
  if (compiler === undefined) {
    console.log(
      "note: no C compiler found (cc, gcc, clang); node:dgram is used, at about twice the CPU a query",
    );
  } else {
    const include = createRequire(import.meta.url)("node-api-headers").include_dir;
    mkdirSync(dirname(target), { recursive: true });
    const fresh = `${target}.${process.pid}`;
    const flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-pthread"];
    const done = spawnSync(compiler, [...flags, "-I", include, "-o", fresh, ...sources], {
      encoding: "utf8",
    });
    if (done.status !== 0) {
      console.error(done.stderr);
      process.exit(1);
    }
    // In one step: a server that runs keeps the file that it has open.
    renameSync(fresh, target);
  }
}
