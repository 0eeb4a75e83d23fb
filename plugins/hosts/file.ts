import { readFileSync, statSync } from "node:fs";

/** A file that is looked at in intervals: read anew where its time or size changed. */
export interface WatchedFile {
  close(): void;
}

/** Calls `onText` with the content now and after each change, looked for every `interval` milliseconds (0: never again). */
export function watchFile(
  path: string,
  interval: number,
  onText: (text: string, changed: Date) => void,
): WatchedFile {
  let seen = "";
  const look = (): void => {
    try {
      const { mtime, size } = statSync(path);
      const now = `${mtime.getTime()} ${size}`;
      if (now === seen) return;
      const text = readFileSync(path, "utf8");
      seen = now;
      onText(text, mtime);
    } catch {
      // Not there now: what was read last stays.
    }
  };
  look();
  const timer = interval > 0 ? setInterval(look, interval) : undefined;
  timer?.unref();
  return { close: () => clearInterval(timer) };
}
