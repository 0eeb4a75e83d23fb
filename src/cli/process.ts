/** A server's life as a process: banner, pidfile and signals as CoreDNS has them. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Output } from "../log/output.ts";
import type { Registry as MetricsRegistry } from "../metrics/metrics.ts";
import type { Source } from "../server/configuration.ts";
import type { Descriptors } from "../server/descriptors.ts";
import type { Registry } from "../server/registry.ts";
import { ConfigurationFailure, createServerCore, type Server } from "../server/server.ts";
import { COREDNS_VERSION, versionLines } from "../version.ts";

export interface ProcessOptions {
  readonly source: () => Source;
  readonly registry: Registry;
  readonly output: Output;
  readonly port: number;
  readonly pidfile: string | undefined;
  readonly quiet: boolean;
  /** Default: of its own. */
  readonly metrics?: MetricsRegistry;
  readonly descriptors?: Descriptors;
  /** Called when queries are answered and the pidfile is written. */
  listening?(server: Server): void;
  /** Called at the process's end, once: while everything still answers, or after a start that failed. */
  teardown?(): Promise<void>;
}

/** Resolves with the exit code where nothing keeps running, else when queries are answered. */
export async function runProcess(options: ProcessOptions): Promise<number> {
  const { source, registry, output, port, pidfile, quiet, metrics, descriptors } = options;
  let teardown: Promise<void> | undefined;
  const tearDown = (): Promise<void> => (teardown ??= options.teardown?.() ?? Promise.resolve());
  const exit = (code: number): void => {
    if (pidfile !== undefined) removePidfile(pidfile);
    output.flush();
    process.exit(code);
  };
  const server = createServerCore({
    source,
    registry,
    output,
    port,
    version: COREDNS_VERSION,
    onFatal: () => void tearDown().finally(() => exit(1)),
    ...(metrics === undefined ? {} : { metrics }),
    ...(descriptors === undefined ? {} : { descriptors }),
  });
  handleSignals(server, output, exit, options.teardown === undefined ? undefined : tearDown);
  try {
    await server.listen();
  } catch (error) {
    if (!(error instanceof ConfigurationFailure)) throw error;
    await tearDown();
    output.flush();
    process.stderr.write(`${error.message}\n`, () => process.exit(1));
    return 1;
  }
  if (!quiet) for (const line of [...bannerLines(server), ...versionLines()]) output.print(line);
  if (server.addresses().length === 0) {
    await tearDown();
    exit(0);
    return 0;
  }
  if (pidfile !== undefined) writePidfile(pidfile, output);
  options.listening?.(server);
  return 0;
}

function bannerLines(server: Server): string[] {
  return server
    .banner()
    .flatMap(({ zone, text }) =>
      isPreferred(zone)
        ? [text]
        : [`Warning: Domain ${quoted(zone)} does not follow RFC1035 preferred syntax`, text],
    );
}

/** As Go's %q: what can't be printed is escaped. */
const quoted = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\u00a0\u200b-\u200f\u2028-\u202f\ufeff]/g,
    (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"),
  );

/** Labels that begin with a letter, end with a letter or digit, and have only these and hyphens inside (RFC 1035 §2.3.1); numbers in reverse zones. */
function isPreferred(zone: string): boolean {
  if (zone === "." || /(^|\.)(in-addr|ip6)\.arpa\.$/.test(zone)) return true;
  return zone
    .replace(/\.$/, "")
    .split(".")
    .every((label) => /^[a-z]([a-z0-9-]*[a-z0-9])?$/i.test(label));
}

function writePidfile(file: string, output: Output): void {
  try {
    writeFileSync(file, `${process.pid}\n`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "no such file or directory" : (error as Error).message;
    output.write("error", `Could not write pidfile: open ${file}: ${why}`);
  }
}

/** Ours alone: a process that has taken over may have written its own id there. */
function removePidfile(file: string): void {
  try {
    if (readFileSync(file, "utf8").trim() === String(process.pid)) rmSync(file, { force: true });
  } catch {
    // It is not there.
  }
}

function handleSignals(
  server: Server,
  output: Output,
  exit: (code: number) => void,
  tearDown: (() => Promise<void>) | undefined,
): void {
  let interrupted = false;
  let terminating = false;
  const end = async (): Promise<void> => {
    await server.prepareShutdown();
    await tearDown?.();
    await server.close(true);
  };
  process.on("SIGTERM", () => {
    if (terminating || interrupted) return;
    terminating = true;
    output.write("info", "SIGTERM: Shutting down servers then terminating");
    void end().finally(() => exit(0));
  });
  process.on("SIGINT", () => {
    if (interrupted) {
      output.write("info", "SIGINT: Force quit");
      // What was set up in the system goes first in any case.
      if (tearDown === undefined) exit(2);
      return;
    }
    interrupted = true;
    output.write("info", "SIGINT: Shutting down");
    void Promise.resolve(tearDown?.())
      .then(() => server.prepareShutdown())
      .then(() => server.close(false))
      .finally(() => exit(0));
  });
  process.on("SIGQUIT", () => {
    output.write("info", "SIGQUIT: Quitting process immediately");
    if (tearDown === undefined) exit(0);
    else void tearDown().finally(() => exit(0));
  });
  process.on("SIGHUP", () => undefined);
  process.on("SIGUSR1", () => {
    output.write("info", "SIGUSR1: Reloading");
    output.write("info", "Reloading");
    void server.reload().then((outcome) => {
      if (outcome.kind === "reloaded") {
        output.write("info", "Reloading complete");
      } else if (outcome.kind !== "unchanged") {
        output.write("error", `Restart failed: ${outcome.error}`);
        output.write("error", `SIGUSR1: starting with listener file descriptors: ${outcome.error}`);
      }
    });
  });
}
