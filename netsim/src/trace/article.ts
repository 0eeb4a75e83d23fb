/** A trace as a part of an HTML page: the verdict, the hops along a line, what to change. It wraps at any width. */
import { escape } from "../page/page.ts";
import {
  REASONS,
  type End,
  type Hop,
  type Note,
  type Remedy,
  type Trace,
  type TraceVerdict,
} from "./types.ts";

/** Its style; colours are those of the page's theme. */
export const ARTICLE_CSS = `.trace { font: 14px/1.45 system-ui, sans-serif }
.trace p { margin: 0; overflow-wrap: anywhere }
.trace code, .trace pre, .trace .place { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 12.5px }
.trace .verdict { border: 1px solid currentColor; border-left-width: 6px; border-radius: 6px; padding: .5rem .75rem; background: var(--card) }
.trace .verdict > * { color: var(--ink) }
.trace .verdict strong { color: inherit; font-size: 1.05rem; text-transform: uppercase; letter-spacing: .03em }
.trace .good { color: var(--ok) } .trace .bad { color: var(--bad) } .trace .lost { color: var(--warn) }
.trace ol { list-style: none; margin: 1rem 0; padding: 0 }
.trace li.hop, .trace li.end { position: relative; padding: 0 0 .9rem 1.9rem }
.trace li.hop::before { content: ""; position: absolute; left: .42rem; top: 1.2rem; bottom: -.25rem; border-left: 2px solid var(--edge) }
.trace li.end.from::before { content: ""; position: absolute; left: .42rem; top: 1.2rem; bottom: -.25rem; border-left: 2px solid var(--edge) }
.trace li.hop.last::before { display: none }
.trace .mark { position: absolute; left: 0; top: .2rem; width: .9rem; height: .9rem; line-height: .9rem; border-radius: 50%; background: currentColor; text-align: center }
.trace li.more { padding: 0 0 .9rem 1.9rem; position: relative }
.trace li.more > details > ol { margin: .5rem 0 0 -1.9rem }
.trace li.more > details > summary { cursor: pointer; color: var(--dim) }
.trace li.more::before { content: ""; position: absolute; left: .42rem; top: 0; bottom: -.25rem; border-left: 2px dotted var(--edge) }
.trace li.end .mark { border-radius: 3px; color: var(--accent) }
.trace .mark::after { content: attr(data-mark); color: var(--paper); font-size: .7rem; font-weight: 700 }
.trace .layer { font-weight: 600; margin-right: .4rem }
.trace .place, .trace .dim { color: var(--dim) }
.trace li.end strong { overflow-wrap: anywhere }
.trace .remedy { border: 1px solid var(--line); border-radius: 6px; padding: .5rem .75rem; background: var(--card) }
.trace pre { margin: .4rem 0 0; padding: .4rem .5rem; overflow-x: auto; background: var(--paper); border: 1px solid var(--line); border-radius: 4px; color: var(--ok) }
.trace .notes { margin: 1rem 0 0; padding: 0 0 0 1.1rem; color: var(--dim) }
.trace .notes li { overflow-wrap: anywhere; margin: .25rem 0 }`;

/** Which of three colours a verdict has. */
export const toneOf = (verdict: TraceVerdict): "good" | "bad" | "lost" =>
  verdict === "allow" ? "good" : verdict === "timeout" || verdict === "nxdomain" ? "lost" : "bad";

export function traceArticle(trace: Trace): string {
  const { verdict, reason, hops, notes, remedy } = trace;
  const last = hops.length - 1;
  return [
    `<article class="trace" data-verdict="${verdict}">`,
    `<div class="verdict ${toneOf(verdict)}"><strong class="${toneOf(verdict)}">${verdict}</strong> <code>${reason}</code>`,
    `<p>${escape(REASONS[reason])}</p></div>`,
    "<ol>",
    endItem("from", trace.from, hops.length === 0),
    ...runs(hops).flatMap((run) => {
      const items = run.map((i) => hopItem(hops[i] as Hop, hops[i - 1], i === last && verdict !== "allow"));
      return items.length <= SHOWN + 1 ? items : [...items.slice(0, SHOWN), folded(items.slice(SHOWN))];
    }),
    ...(verdict === "allow" ? [endItem("to", trace.to, true)] : []),
    "</ol>",
    remedy === null ? "" : remedyBox(remedy),
    notes.length === 0 ? "" : `<ul class="notes">${notes.map(noteItem).join("\n")}</ul>`,
    "</article>",
  ].join("\n");
}

/** Of queries that fail alike so many are shown at once. */
const SHOWN = 2;

/** The hops in order, by their places; queries that fail alike, one after the other, are together. */
function runs(hops: readonly Hop[]): number[][] {
  const out: number[][] = [];
  for (const [i, hop] of hops.entries()) {
    const before = hops[i - 1];
    const alike =
      before?.layer === "dns" &&
      hop.layer === "dns" &&
      hop.verdict !== "allow" &&
      hop.verdict === before.verdict &&
      placeText(hop) === placeText(before);
    if (alike) (out[out.length - 1] as number[]).push(i);
    else out.push([i]);
  }
  return out;
}

const folded = (items: readonly string[]): string =>
  `<li class="more"><details><summary>${items.length} more queries that fail alike</summary><ol>${items.join("\n")}</ol></details></li>`;

/** Who an end is, and where: the text as it was given is said where it is another. */
export const endText = ({ id, text, address, node, port, protocol }: End): readonly [string, string] => {
  const at = address === null || address === id ? "" : address;
  const facts = [
    at,
    port === null ? "" : `port ${port}${protocol === null ? "" : `/${protocol}`}`,
    node === null || node === id ? "" : `on ${node}`,
  ];
  return [id ?? text, facts.filter((f) => f !== "").join(" · ")];
};

function endItem(kind: "from" | "to", end: End, alone: boolean): string {
  const [name, facts] = endText(end);
  return `<li class="end ${kind === "from" && !alone ? "from" : "to"}"><span class="mark"></span><strong>${escape(name)}</strong> <span class="dim">${escape(facts)}</span></li>`;
}

const MARKS = { good: "✓", bad: "✕", lost: "?" } as const;

/** The place of a query that is the same as the last one's is not said again. */
function hopItem(hop: Hop, before: Hop | undefined, isLast: boolean): string {
  const tone = toneOf(hop.verdict);
  const own = placeText(hop);
  const again = hop.layer === "dns" && before?.layer === "dns" && placeText(before) === own;
  const place = again ? "" : own;
  const said = hop.verdict === "allow" ? "" : ` <strong class="${tone}">${hop.verdict}</strong>`;
  return [
    `<li class="hop${isLast ? " last" : ""}"><span class="mark ${tone}" data-mark="${MARKS[tone]}"></span>`,
    `<p><span class="layer">${hop.layer}</span>${said} ${escape(hop.what)}</p>`,
    place === "" ? "" : `<p class="place">${escape(place)}</p>`,
    "</li>",
  ].join("");
}

export function placeText({
  rule,
  object,
  file,
  line,
}: Pick<Hop, "rule" | "object" | "file" | "line">): string {
  const at = file === null ? "" : `${file}${line === null ? "" : `:${line}`}`;
  return [at, object ?? "", rule ?? ""].filter((s) => s !== "").join("  ");
}

function remedyBox(remedy: Remedy): string {
  const place = placeText({ ...remedy, rule: null });
  return [
    `<div class="remedy"><p><strong>To change:</strong> ${escape(remedy.text)}</p>`,
    place === "" ? "" : `<p class="place">${escape(place)}</p>`,
    remedy.change === null ? "" : `<pre tabindex="0">+ ${escape(remedy.change)}</pre>`,
    "</div>",
  ].join("");
}

const noteItem = ({ code, text, file, line }: Note): string =>
  `<li><code>${escape(code)}</code> ${escape(text)}${file === null ? "" : ` <span class="place">${escape(`${file}${line === null ? "" : `:${line}`}`)}</span>`}</li>`;
