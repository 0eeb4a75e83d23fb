/** Where the program's lines go. Text as CoreDNS writes it, `[INFO] plugin/NAME: ...`, or JSON. */
import sonicBoom from "sonic-boom";
import type { Logger } from "../plugin.ts";

export type Level = "debug" | "info" | "warning" | "error" | "fatal";

export interface Output {
  /** One line of a level, without a line end. */
  write(level: Level, text: string, plugin?: string): void;
  /** A line without level or dress: the banner. */
  print(line: string): void;
  /** Writes what waits, before the process ends. */
  flush(): void;
}

/** `format` text or json, to a file descriptor; debug lines only where `debug` says so. */
export async function createOutput(format: "text" | "json", fd = 1): Promise<Output> {
  const stream = new sonicBoom.SonicBoom({ fd, sync: false });
  // A reader that has gone (a closed pipe) is no reason to end.
  stream.on("error", () => undefined);
  // Lines that are written in one turn go to the stream together: at high rates it costs more for each call than for each byte.
  let waiting: string[] = [];
  const gather = (): void => {
    const pieces = waiting;
    waiting = [];
    if (pieces.length > 0) stream.write(pieces.join(""));
  };
  const add = (dress: string, line: string): void => {
    if (waiting.length === 0) queueMicrotask(gather);
    waiting.push(dress, line, "\n");
  };
  const flush = (): void => {
    try {
      gather();
      stream.flushSync();
    } catch {
      // The reader has gone.
    }
  };
  if (format === "text") {
    return {
      write: (level, text, plugin) => add(textLine(level, "", plugin), text),
      print: (line) => add("", line),
      flush,
    };
  }
  const { pino } = await import("pino");
  const logger = pino({ level: "debug", base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
  const levels = { debug: "debug", info: "info", warning: "warn", error: "error", fatal: "fatal" } as const;
  return {
    write: (level, text, plugin) => logger[levels[level]](plugin === undefined ? {} : { plugin }, text),
    print: (line) => logger.info(line),
    flush,
  };
}

export const textLine = (level: Level, text: string, plugin?: string): string =>
  `[${level.toUpperCase()}] ${plugin === undefined ? "" : `plugin/${plugin}: `}${text}`;

/** What a plugin writes with. `isDebug` is asked at each debug line. */
export function pluginLogger(output: Output, plugin: string, isDebug: () => boolean): Logger {
  return {
    debug: (text) => {
      if (isDebug()) output.write("debug", text, plugin);
    },
    info: (text) => output.write("info", text, plugin),
    warning: (text) => output.write("warning", text, plugin),
    error: (text) => output.write("error", text, plugin),
    plain: (level, text) => output.write(level, text),
    print: (line) => output.print(line),
  };
}

/** An output that keeps nothing. */
export const SILENT: Output = { write: () => undefined, print: () => undefined, flush: () => undefined };
