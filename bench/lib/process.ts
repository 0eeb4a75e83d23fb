/** Server processes under measurement: what they cost is read from /proc (Linux). */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** CPU time in seconds since the process began, all its threads together. */
export interface CpuTime {
  readonly user: number;
  readonly system: number;
}

export interface ServerProcess {
  readonly pid: number;
  /** Throws where the process has ended, with the end of its log. */
  cpu(): CpuTime;
  /** Resident memory in MiB: what the process has to itself, and all that it has mapped. */
  memory(): { readonly rss: number; readonly anonymous: number };
  /** The end of what it wrote. */
  log(): string;
  /** `SIGKILL` by default: what is measured is over. Another signal is given 10 seconds. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface ProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What it writes goes here. */
  readonly logFile: string;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));

const ticks = (): number => Number(spawnSync("getconf", ["CLK_TCK"], { encoding: "utf8" }).stdout) || 100;
let ticksPerSecond = 0;

export function startProcess({ command, args, cwd, env = {}, logFile }: ProcessOptions): ServerProcess {
  ticksPerSecond ||= ticks();
  const fd = openSync(logFile, "w");
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", fd, fd] });
  closeSync(fd);
  running.add(child);
  let failure = "";
  child.once("error", (error) => {
    failure = error.message;
    running.delete(child);
  });
  child.once("exit", (code, signal) => {
    failure = `ended with ${code ?? signal}`;
    running.delete(child);
  });
  const log = (): string => tail(logFile);

  const proc = (file: string): string => {
    try {
      return readFileSync(`/proc/${child.pid}/${file}`, "utf8");
    } catch {
      throw new Error(`${command} ${failure || "has gone"}:\n${log()}`);
    }
  };

  return {
    pid: child.pid ?? 0,
    log,
    cpu() {
      if (failure !== "") throw new Error(`${command} ${failure}:\n${log()}`);
      const stat = proc("stat");
      // The second field, the program's name, may contain anything: count from behind it (proc_pid_stat(5)).
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return { user: Number(fields[11]) / ticksPerSecond, system: Number(fields[12]) / ticksPerSecond };
    },
    memory() {
      const status = proc("status");
      const field = (name: string): number =>
        Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0) / 1024;
      return { rss: field("VmRSS"), anonymous: field("RssAnon") };
    },
    async stop(signal = "SIGKILL") {
      if (!running.has(child)) return;
      const ended = once(child, "exit");
      child.kill(signal);
      await Promise.race([ended, sleep(10_000, undefined, { ref: false })]);
      if (!running.has(child)) return;
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** The last 2000 bytes of a file. */
function tail(file: string): string {
  const { size } = statSync(file);
  const bytes = Buffer.alloc(Math.min(size, 2000));
  const fd = openSync(file, "r");
  readSync(fd, bytes, 0, bytes.length, size - bytes.length);
  closeSync(fd);
  return bytes.toString();
}

/** The path of a program, or undefined where it is not installed. System directories count though they are not in PATH. */
export function findProgram(name: string): string | undefined {
  const path = `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;
  const found = spawnSync("sh", ["-c", `command -v ${name}`], {
    env: { ...process.env, PATH: path },
    encoding: "utf8",
  });
  return found.status === 0 ? found.stdout.trim() : undefined;
}
