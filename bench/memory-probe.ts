/** Loaded before a program (`node --import`): at SIGUSR2 it collects all garbage and writes what is left, in bytes, to the file of MEMORY_FILE. */
import { writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isMainThread } from "node:worker_threads";

const file = process.env["MEMORY_FILE"];
if (file !== undefined && isMainThread) {
  process.on("SIGUSR2", () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    collect();
    collect();
    const { heapUsed, external } = process.memoryUsage();
    writeFileSync(file, String(heapUsed + external));
  });
}
