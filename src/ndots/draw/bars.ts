import { element, LINE, percent, text, type Part } from "./svg.ts";

export type Colour = "a" | "b" | "c" | "d";

/** A row of a bar chart: its title and a bar for each series. */
export interface Row {
  readonly title: string;
  /** As many as there are series; null where there is no value. */
  readonly values: readonly (number | null)[];
  /** Said in place of bars, where all values are null. */
  readonly note?: string;
}

export interface Series {
  readonly title: string;
  readonly colour: Colour;
}

export interface Bars {
  readonly series: readonly Series[];
  readonly rows: readonly Row[];
  readonly format: (value: number) => string;
}

/** Behind the longest bar is room for its number. */
const WIDEST = 0.8;
const BAR = 11;
const PITCH = 14;

/** Horizontal bars: a title over its bars, numbers behind them, so that a narrow screen will do. */
export function bars({ series, rows, format }: Bars): Part {
  const values = rows.flatMap((row) => row.values.filter((value) => value !== null));
  const most = Math.max(...values, Number.MIN_VALUE);
  const parts: string[] = [legend(series)];
  let y = series.length > 1 ? LINE + 8 : 0;
  for (const { title, values: own, note } of rows) {
    parts.push(text(0, y + 13, title));
    y += LINE;
    if (own.every((value) => value === null)) {
      parts.push(text(0, y + 11, note ?? "", { class: "faint" }));
      y += LINE + 4;
      continue;
    }
    for (const [i, value] of own.entries()) {
      if (value === null) continue;
      const width = percent((value / most) * WIDEST);
      parts.push(element("rect", { class: series[i]!.colour, x: 0, y, width, height: BAR, rx: 1 }));
      parts.push(text(width, y + 10, format(value), { dx: 5, class: "faint" }));
      y += PITCH;
    }
    y += 8;
  }
  return { height: y, body: parts.join("") };
}

/** Names of the series beside their colours, in a row. One series needs none. */
export function legend(series: readonly Series[]): string {
  if (series.length < 2) return "";
  return series
    .map(({ title, colour }, i) => {
      const x = percent(i / series.length);
      return (
        element("rect", { class: colour, x, y: 3, width: 10, height: 10, rx: 1 }) +
        text(x, 13, title, { dx: 15, class: "faint" })
      );
    })
    .join("");
}
