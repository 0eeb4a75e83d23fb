/** Colours of the canvas: those of the page's style, and a hue for each namespace. */
export interface Colors {
  readonly paper: string;
  readonly card: string;
  readonly ink: string;
  readonly dim: string;
  readonly line: string;
  readonly edge: string;
  readonly accent: string;
  readonly ok: string;
  readonly bad: string;
  readonly warn: string;
  /** Behind letters in `text`, with a contrast of at least 4.5. */
  fill(namespace: number): string;
  readonly text: string;
}

const NAMES = ["paper", "card", "ink", "dim", "line", "edge", "accent", "ok", "bad", "warn"] as const;
/** Degrees: neighbours in the list are far apart on the circle. */
const GOLDEN_ANGLE = 137.508;

export function readColors(): Colors {
  const style = getComputedStyle(document.documentElement);
  const read = Object.fromEntries(NAMES.map((n) => [n, style.getPropertyValue(`--${n}`).trim()])) as Record<
    (typeof NAMES)[number],
    string
  >;
  const dark = isDark();
  const fills: string[] = [];
  return {
    ...read,
    text: dark ? "#ffffff" : "#101418",
    fill: (namespace) => {
      if (namespace < 0) return read.card;
      const hue = (namespace * GOLDEN_ANGLE + 210) % 360;
      return (fills[namespace] ??= dark
        ? `hsl(${hue.toFixed(0)} 42% 29%)`
        : `hsl(${hue.toFixed(0)} 62% 77%)`);
    },
  };
}

export function isDark(): boolean {
  const { theme } = document.documentElement.dataset;
  return theme === undefined ? matchMedia("(prefers-color-scheme: dark)").matches : theme === "dark";
}
