import type { Hop } from "../chain/chain.ts";
import type { TracedLookup } from "../trace.ts";
import { legend, type Colour, type Series } from "./bars.ts";
import { element, LINE, percent, text, type Part } from "./svg.ts";

export const HOP_SERIES: Readonly<Record<Hop, Series & { readonly colour: Colour }>> = {
  nodelocal: { title: "NodeLocal", colour: "d" },
  cluster: { title: "cluster DNS", colour: "a" },
  upstream: { title: "upstream", colour: "b" },
};

const BAR = 10;
/** Behind the last bar is room for what came of it. */
const WIDEST = 0.62;
/** A query that takes no time at all is still to be seen. */
const LEAST = 0.004;

/** A lookup's queries over time: each from when it was sent to its answer, in the colour of who answered. */
export function timeline({ queries, result }: TracedLookup, hops: readonly Hop[]): Part {
  const end = Math.max(result.ms, ...queries.map(({ t_ms, took_ms }) => t_ms + (took_ms ?? 0)), 0.1);
  const parts: string[] = [legend(hops.map((hop) => HOP_SERIES[hop]))];
  let y = hops.length > 1 ? LINE + 8 : 0;
  for (const { name, type, t_ms, took_ms, by, answer } of queries) {
    const x = (t_ms / end) * WIDEST;
    const width = Math.max(LEAST, ((took_ms ?? end - t_ms) / end) * WIDEST);
    const outcome = took_ms === null ? "no answer" : `${answer}, ${took_ms.toFixed(1)} ms`;
    parts.push(
      text(0, y + 11, `${name} ${type}`, { class: "faint" }),
      element("rect", {
        class: by === null ? "c" : HOP_SERIES[by].colour,
        x: percent(x),
        y: y + 16,
        width: percent(width),
        height: BAR,
        rx: 1,
      }),
      text(percent(x + width), y + 25, outcome, { class: "faint", dx: 5 }),
    );
    y += 34;
  }
  const axis = { class: "rule", y1: y, y2: y };
  parts.push(
    element("line", { ...axis, x1: 0, x2: percent(WIDEST) }),
    text(0, y + 14, "0 ms", { class: "faint" }),
    text(percent(WIDEST), y + 14, `${end.toFixed(1)} ms`, { class: "faint", "text-anchor": "end" }),
  );
  return { height: y + LINE, body: parts.join("") };
}
