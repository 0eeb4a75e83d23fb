import { legend, type Series } from "./bars.ts";
import { element, LINE, percent, text, type Part } from "./svg.ts";

export interface Lines {
  readonly series: readonly Series[];
  /** What stands under each place, from left to right; the places are equally far apart. */
  readonly places: readonly string[];
  /** By series, then by place. */
  readonly values: readonly (readonly number[])[];
  readonly format: (value: number) => string;
}

const HEIGHT = 170;
/** Parts of the width that are left free, for numbers at both ends. */
const MARGIN = 0.08;

/** Lines over places, from zero on, with the numbers at their points. */
export function lines({ series, places, values, format }: Lines): Part {
  const top = series.length > 1 ? LINE + 20 : 20;
  const most = Math.max(...values.flat(), Number.MIN_VALUE);
  const x = (place: number): number =>
    places.length === 1 ? 0.5 : MARGIN + (place / (places.length - 1)) * (1 - 2 * MARGIN);
  const y = (value: number): number => (1 - value / most) * HEIGHT;
  const axis = element("line", { class: "rule", x1: 0, x2: "100%", y1: top + HEIGHT, y2: top + HEIGHT });
  // The lines alone are stretched; letters and points are placed in percent.
  const stretched = element(
    "svg",
    {
      x: 0,
      y: top,
      width: "100%",
      height: HEIGHT,
      viewBox: `0 0 1000 ${String(HEIGHT)}`,
      preserveAspectRatio: "none",
    },
    ...values.map((list, i) =>
      element("polyline", {
        class: series[i]!.colour,
        points: list
          .map((value, place) => `${(x(place) * 1000).toFixed(1)},${y(value).toFixed(1)}`)
          .join(" "),
      }),
    ),
  );
  const points = values.flatMap((list, i) =>
    list.map((value, place) => {
      const at = { cx: percent(x(place)), cy: top + y(value), r: 3.5, class: series[i]!.colour };
      return element("circle", at);
    }),
  );
  const labels = places.flatMap((place, at) => {
    // Numbers that would lie on each other are told once.
    const taken: number[] = [];
    const numbers = values.flatMap((list) => {
      const height = top + y(list[at]!) - 8;
      if (taken.some((other) => Math.abs(other - height) < 12)) return [];
      taken.push(height);
      return [text(percent(x(at)), height, format(list[at]!), { class: "faint", "text-anchor": "middle" })];
    });
    const under = text(percent(x(at)), top + HEIGHT + 16, place, { "text-anchor": "middle" });
    return [...numbers, under];
  });
  return {
    height: top + HEIGHT + 22,
    body: [legend(series), axis, stretched, ...points, ...labels].join(""),
  };
}
