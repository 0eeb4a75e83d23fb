/** A line on a terminal that shows how far a long work has come. */
export interface ProgressBar {
  /** `part`: 0 to 1, undefined where nobody knows the whole. `text` stands behind the bar. */
  show(part: number | undefined, text: string): void;
  /** Takes the line away. */
  end(): void;
}

const WIDTH = 30;
/** Milliseconds between two looks, and before the first: short works need no bar. */
const PAUSE = 100;
const PATIENCE = 500;

/** Writes nothing where `out` is no terminal. */
export function progressBar(
  out: { readonly isTTY?: boolean; write(text: string): unknown },
  now: () => number = () => performance.now(),
): ProgressBar {
  const begun = now();
  let last = begun + PATIENCE - PAUSE;
  let shown = false;
  return {
    show(part, text) {
      const time = now();
      if (out.isTTY !== true || time - last < PAUSE) return;
      last = time;
      shown = true;
      const full = Math.round((part ?? 0) * WIDTH);
      const bar = part === undefined ? "" : `[${"#".repeat(full)}${" ".repeat(WIDTH - full)}] `;
      const left =
        part === undefined || part <= 0 ? "" : `, ${seconds(((time - begun) / part) * (1 - part))} left`;
      out.write(`\r\x1b[K${bar}${text}${left}`);
    },
    end() {
      if (shown) out.write("\r\x1b[K");
    },
  };
}

const seconds = (ms: number): string => `${Math.ceil(ms / 1000)} s`;
