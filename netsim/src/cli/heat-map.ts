/** Who reaches whom as a heat map in a page of its own: a row for each group that connects, a column for each that is connected to. */
import { escape, pageOf } from "../page/page.ts";
import type { Table } from "./groups.ts";

/** Steps of the scale between nothing (0) and everything (10) that is open. */
const STEPS = 10;
/** Larger tables go without a sentence in each cell: rows and columns have their names, and the file stays small. */
const MOST_TOLD = 120;

/** Colours between the theme's: from closed by way of half open to open. */
const scale = Array.from({ length: STEPS + 1 }, (_, i) => {
  const [from, to, part] =
    i <= STEPS / 2 ? ["--closed", "--half", i / (STEPS / 2)] : ["--half", "--open", i / (STEPS / 2) - 1];
  return `.c${i} { background: color-mix(in oklab, var(${from}), var(${to}) ${Math.round(part * 100)}%) }`;
});

const COLORS = {
  light: "--closed: #e5766a; --half: #f0cf6b; --open: #57ab6f; --on: #16191d;",
  dark: "--closed: #9e3a35; --half: #7f6714; --open: #22733d; --on: #ffffff;",
};

const CSS = `:root { ${COLORS.light} }
@media (prefers-color-scheme: dark) { :root { ${COLORS.dark} } }
main { max-width: none }
table { border-collapse: separate; border-spacing: 0; font-size: 13px }
caption { text-align: left; color: var(--dim); padding: .25rem 0; position: sticky; left: 0 }
th { font-weight: 400; background: var(--paper); white-space: nowrap }
thead th { position: sticky; top: 0; z-index: 1; vertical-align: bottom; padding: .4rem 0 }
thead th span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 14rem; overflow: hidden; text-overflow: ellipsis }
tbody th { position: sticky; left: 0; text-align: right; padding: 0 .6rem 0 0; max-width: min(22rem, 45vw); overflow: hidden; text-overflow: ellipsis }
thead th:first-child { left: 0; z-index: 2; text-align: right; padding-right: .6rem; color: var(--dim) }
td { min-width: 1.7rem; width: 1.7rem; height: 1.7rem; text-align: center; border: 1px solid var(--paper); border-radius: 4px; color: var(--on); padding: 0 }
td.none { background: var(--card); color: var(--dim) }
tbody tr:hover th { font-weight: 600 }
td:hover { outline: 2px solid var(--accent) }
.scroll { max-height: calc(100vh - 9rem) }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1rem; padding: 0; margin: .5rem 0; list-style: none }
.legend b { display: inline-block; min-width: 1.7rem; text-align: center; border-radius: 4px; margin-right: .3rem; color: var(--on); font-weight: 400 }
.legend b.none { background: var(--card); color: var(--dim) }
@media print { .scroll { max-height: none; overflow: visible } thead th, tbody th { position: static } }
${scale.join("\n")}`;

interface Look {
  readonly css: string;
  readonly mark: string;
  readonly text: string;
}

/** Shape and colour of a cell: either is enough to read it. */
function lookOf(open: number, total: number): Look {
  if (total === 0) return { css: "none", mark: "", text: "nothing to connect to" };
  const text = `${open} of ${total} open`;
  if (open === 0) return { css: "c0", mark: "·", text };
  if (open === total) return { css: `c${STEPS}`, mark: "●", text };
  const step = Math.min(STEPS - 1, Math.max(1, Math.round((open / total) * STEPS)));
  return { css: `c${step}`, mark: "◐", text };
}

const LEGEND = `<ul class="legend"><li><b class="c${STEPS}">●</b>all connections are open</li><li><b class="c5">◐</b>some are</li><li><b class="c0">·</b>none is</li><li><b class="none">&nbsp;</b>nothing to connect to</li></ul>`;

export function* heatMap({ names, cell }: Table, endpoints: number, classes: number): Generator<string> {
  const [head = "", tail = ""] = pageOf({ title: "Who reaches whom", css: CSS, body: "\u0001" }).split(
    "\u0001",
  );
  const told = names.length <= MOST_TOLD;
  yield `${head}<h1>Who reaches whom</h1>
<p>${endpoints} endpoints in ${classes} classes. A connection is two pods and a port; rows connect to columns.</p>
${LEGEND}
<div class="scroll" tabindex="0" role="region" aria-label="Table"><table><thead><tr><th scope="col">from ↓ to →</th>`;
  yield names.map((n) => `<th scope="col" title="${escape(n)}"><span>${escape(n)}</span></th>`).join("");
  yield "</tr></thead><tbody>\n";
  for (const [i, from] of names.entries()) {
    yield `<tr><th scope="row" title="${escape(from)}">${escape(from)}</th>`;
    for (const [j, to] of names.entries()) {
      const { open, total } = cell(i, j);
      const { css, mark, text } = lookOf(open, total);
      yield told
        ? `<td class="${css}" title="${escape(`${from} → ${to}: ${text}`)}">${mark}</td>`
        : `<td class="${css}">${mark}</td>`;
    }
    yield "</tr>\n";
  }
  yield `</tbody></table></div>${tail}`;
}
