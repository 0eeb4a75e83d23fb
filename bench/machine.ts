import { cpus, release, totalmem } from "node:os";

/** The machine in one line. */
export function machineText(): string {
  const all = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${all.length} × ${all[0]?.model.trim() ?? "unknown CPU"}, ${memory} GiB, Linux ${release()}`;
}
