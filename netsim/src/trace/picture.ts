/** A trace as a picture: the two ends, and a box for each hop between them. Self-contained, by day and by night. */
import { escape, pageOf, THEME } from "../page/page.ts";
import { ARTICLE_CSS, endText, placeText, toneOf, traceArticle } from "./article.ts";
import { REASONS, type End, type Hop, type Trace } from "./types.ts";

const WIDTH = 880;
const LEFT = 130;
/** Characters that fit a line of the box, at 13 px in a monospaced font. */
const COLUMNS = 88;
const LINE = 17;
const GAP = 14;

const STYLE = `${THEME.replaceAll(":root", "svg")}
text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: var(--ink) }
.paper { fill: var(--paper) } .box { fill: var(--card); stroke-width: 1.5 } .stopped { fill: var(--bad-card) }
.wire { stroke: var(--edge); stroke-width: 2 } .dim { fill: var(--dim) } .label { font-weight: bold }
.box.good { stroke: var(--ok) } .box.bad { stroke: var(--bad) } .box.lost { stroke: var(--warn) } .box.end { stroke: var(--accent) }
.label.good { fill: var(--ok) } .label.bad { fill: var(--bad) } .label.lost { fill: var(--warn) } .label.end { fill: var(--accent) }`;

const titleOf = ({ from, to, verdict }: Trace): string => `${from.text} → ${to.text}: ${verdict}`;

/** An SVG document. */
export function traceSvg(trace: Trace): string {
  const boxes = [
    endBox(trace.from),
    ...trace.hops.map(hopBox),
    ...(trace.verdict === "allow" ? [endBox(trace.to)] : []),
    verdictBox(trace),
  ];
  let y = 10;
  const parts: string[] = [];
  for (const [i, { label, lines, tone }] of boxes.entries()) {
    const height = lines.length * LINE + 14;
    const stopped = tone === "bad" || tone === "lost" ? " stopped" : "";
    if (i > 0) parts.push(`<path class="wire" d="M${LEFT + 20} ${y - GAP} v${GAP - 2}"/>`);
    parts.push(
      `<g><rect class="box ${tone}${stopped}" x="${LEFT}" y="${y}" width="${WIDTH - LEFT - 10}" height="${height}" rx="6"/>`,
      `<text class="label ${tone}" x="${LEFT - 12}" y="${y + 20}" text-anchor="end">${escape(label)}</text>`,
      ...lines.map(
        ({ text, dim }, k) =>
          `<text${dim ? ' class="dim"' : ""} x="${LEFT + 10}" y="${y + 20 + k * LINE}">${escape(text)}</text>`,
      ),
      "</g>",
    );
    y += height + GAP;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img">`,
    `<title>${escape(titleOf(trace))}</title><style>${STYLE}</style><rect class="paper" width="${WIDTH}" height="${y}"/>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

interface Box {
  readonly label: string;
  readonly lines: readonly { readonly text: string; readonly dim: boolean }[];
  readonly tone: "good" | "bad" | "lost" | "end";
}

const linesOf = (text: string, dim = false): Box["lines"] => fold(text).map((line) => ({ text: line, dim }));

function endBox(end: End): Box {
  const [name, facts] = endText(end);
  return {
    label: shorten(end.node ?? "end"),
    lines: linesOf(facts === "" ? name : `${name}  ${facts}`),
    tone: "end",
  };
}

/** What stands beside the boxes has room for 14 characters. */
const shorten = (text: string): string => (text.length <= 14 ? text : `${text.slice(0, 13)}…`);

function hopBox(hop: Hop): Box {
  const { layer, verdict, what } = hop;
  const place = placeText(hop);
  return {
    label: shorten(verdict === "allow" ? layer : `${layer} ${verdict}`),
    lines: [...linesOf(what), ...(place === "" ? [] : linesOf(place, true))],
    tone: toneOf(verdict),
  };
}

function verdictBox({ verdict, reason, remedy, notes }: Trace): Box {
  const place = remedy?.file == null ? "" : ` (${remedy.file}:${remedy.line ?? 1})`;
  return {
    label: verdict,
    lines: [
      ...linesOf(`${reason}: ${REASONS[reason]}`),
      ...(remedy === null ? [] : linesOf(`to change: ${remedy.text}${place}`)),
      ...(remedy?.change == null ? [] : linesOf(`+ ${remedy.change}`)),
      ...notes.flatMap((n) => linesOf(`${n.code}: ${n.text}`, true)),
    ],
    tone: toneOf(verdict),
  };
}

/** Lines of at most COLUMNS characters; longer words are cut. */
function fold(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((w) => w.match(new RegExp(`.{1,${COLUMNS}}`, "gsu")) ?? [""])) {
    if (line !== "" && line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

const PAGE_CSS = `${ARTICLE_CSS}
.way { display: none; max-width: 100%; height: auto; margin: 0 0 1rem }
.way text { font: 12px system-ui, sans-serif; fill: var(--ink); text-anchor: middle }
.way path { stroke: var(--edge); stroke-width: 2 } .way .rest { stroke-dasharray: 3 4 } .way .mark { fill: var(--paper); font-weight: 700 }
.way .good { fill: var(--ok) } .way .bad { fill: var(--bad) } .way .lost { fill: var(--warn) } .way .end { fill: var(--accent) }
@media (min-width: 50rem) { .way { display: block } }`;

/** One HTML page with the way at a glance, and hop by hop. */
export function traceHtml(trace: Trace): string {
  const title = titleOf(trace);
  return pageOf({
    title,
    css: PAGE_CSS,
    body: `<h1>${escape(title)}</h1>\n${wayStrip(trace)}\n${traceArticle(trace)}`,
  });
}

const STOP = 120;
/** The way on one line: a station for each layer that was passed, the last where it ended. */
function wayStrip(trace: Trace): string {
  const stations: { label: string; tone: Box["tone"]; count: number }[] = [];
  for (const { layer, verdict } of trace.hops) {
    const before = stations[stations.length - 1];
    if (before?.label === layer) {
      before.count++;
      before.tone = toneOf(verdict);
    } else stations.push({ label: layer, tone: toneOf(verdict), count: 1 });
  }
  const reached = trace.verdict === "allow";
  const last = stations[stations.length - 1];
  // Queries for names that do not exist are the walk along the search list; what ended the way is the verdict's.
  if (last !== undefined) last.tone = toneOf(trace.verdict);
  for (const s of stations) if (s !== last) s.tone = "good";
  const all = [
    { label: endText(trace.from)[0], tone: "end" as const, count: 1 },
    ...stations,
    { label: endText(trace.to)[0], tone: "end" as const, count: 1 },
  ];
  const width = all.length * STOP;
  const x = (i: number) => i * STOP + STOP / 2;
  return [
    `<svg class="way" viewBox="0 0 ${width} 64" width="${width}" height="64" role="img" aria-label="${escape(all.map((s) => s.label).join(", "))}: ${trace.verdict}">`,
    ...all
      .slice(1)
      .map(
        (_, i) =>
          `<path${!reached && i === all.length - 2 ? ' class="rest"' : ""} d="M${x(i) + 12} 22 H${x(i + 1) - 12}"/>`,
      ),
    ...all.map(({ label, tone, count }, i) => {
      const shape =
        tone === "end"
          ? `<rect class="end" x="${x(i) - 10}" y="12" width="20" height="20" rx="4"/>`
          : `<circle class="${tone}" cx="${x(i)}" cy="22" r="11"/><text class="mark" x="${x(i)}" y="26">${MARK[tone]}</text>`;
      const name = `${label}${count > 1 ? ` ×${count}` : ""}`;
      return `${shape}<text x="${x(i)}" y="54">${escape(name.length > 18 ? `…${name.slice(-17)}` : name)}</text>`;
    }),
    "</svg>",
  ].join("\n");
}

const MARK = { good: "✓", bad: "✕", lost: "?" } as const;
