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
/** A query that takes no time at all is still to be seen. */
const LEAST = 0.004;

/** A lookup's queries over time: each from when it was sent to its answer, in the colour of who answered. */
export function timeline({ queries, result }: TracedLookup, hops: readonly Hop[]): Part {
  const end = Math.max(result.ms, ...queries.map(({ t_ms, took_ms }) => t_ms + (took_ms ?? 0)), 0.1);
  const parts: string[] = [legend(hops.map((hop) => HOP_SERIES[hop]))];
  let y = hops.length > 1 ? LINE + 8 : 0;
  for (const { name, type, t_ms, took_ms, by, answer } of queries) {
    const label = `${name} ${type}: ${answer}${took_ms === null ? "" : `, ${took_ms.toFixed(1)} ms`}`;
    parts.push(text(0, y + 11, label, { class: "faint" }));
    const width = Math.max(LEAST, ((took_ms ?? end - t_ms) / end) * (1 - LEAST));
    const x = Math.min(t_ms / end, 1 - width);
    parts.push(
      element("rect", {
        class: by === null ? "c" : HOP_SERIES[by].colour,
        x: percent(x),
        y: y + 15,
        width: percent(width),
        height: BAR,
        rx: 1,
      }),
    );
    y += 32;
  }
  parts.push(element("line", { class: "rule", x1: 0, x2: "100%", y1: y, y2: y }));
  parts.push(text(0, y + 14, "0 ms", { class: "faint" }));
  parts.push(text("100%", y + 14, `${end.toFixed(1)} ms`, { class: "faint", "text-anchor": "end" }));
  return { height: y + LINE, body: parts.join("") };
}
