/** A trace as a picture: the two ends, and a box for each hop between them. Self-contained. */
import { REASONS, type Hop, type Trace, type TraceVerdict } from "./types.ts";

const COLORS: Readonly<Record<TraceVerdict, string>> = {
  allow: "#1a7f37",
  deny: "#cf222e",
  reject: "#cf222e",
  timeout: "#9a6700",
  nxdomain: "#9a6700",
  unroutable: "#cf222e",
};
const WIDTH = 880;
const LEFT = 130;
/** Characters that fit a line of the box, at 13 px in a monospaced font. */
const COLUMNS = 88;
const LINE = 17;
const GAP = 14;

const escape = (text: string): string =>
  text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`).replace(/[\u0000-\u0008\u000b-\u001f]/g, "");

/** An SVG document. */
export function traceSvg(trace: Trace): string {
  const boxes = [
    endBox(trace.from.id ?? trace.from.text, trace.from.address, trace.from.node),
    ...trace.hops.map(hopBox),
    ...(trace.verdict === "allow"
      ? [endBox(trace.to.id ?? trace.to.text, trace.to.address, trace.to.node)]
      : []),
    verdictBox(trace),
  ];
  let y = 10;
  const parts: string[] = [];
  for (const [i, { label, lines, color, verdict }] of boxes.entries()) {
    const height = lines.length * LINE + 14;
    if (i > 0)
      parts.push(`<path d="M${LEFT + 20} ${y - GAP} v${GAP - 2}" stroke="#8c959f" stroke-width="2"/>`);
    parts.push(
      `<g><rect x="${LEFT}" y="${y}" width="${WIDTH - LEFT - 10}" height="${height}" rx="6" fill="${verdict === "allow" ? "#f6f8fa" : "#fff1f0"}" stroke="${color}" stroke-width="1.5"/>`,
      `<text x="${LEFT - 12}" y="${y + 20}" text-anchor="end" fill="${color}" font-weight="bold">${escape(label)}</text>`,
      ...lines.map(
        ({ text, dim }, k) =>
          `<text x="${LEFT + 10}" y="${y + 20 + k * LINE}" fill="${dim ? "#57606a" : "#1f2328"}">${escape(text)}</text>`,
      ),
      "</g>",
    );
    y += height + GAP;
  }
  const title = `${trace.from.text} -> ${trace.to.text}: ${trace.verdict}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13">`,
    `<title>${escape(title)}</title><rect width="${WIDTH}" height="${y}" fill="#ffffff"/>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

interface Box {
  readonly label: string;
  readonly lines: readonly { readonly text: string; readonly dim: boolean }[];
  readonly color: string;
  readonly verdict: TraceVerdict;
}

const linesOf = (text: string, dim = false): Box["lines"] => fold(text).map((line) => ({ text: line, dim }));

const endBox = (id: string, address: string | null, node: string | null): Box => ({
  label: node === null ? "end" : node,
  lines: linesOf(`${id}${address === null || address === id ? "" : ` (${address})`}`),
  color: "#0969da",
  verdict: "allow",
});

function hopBox({ layer, verdict, what, rule, object, file, line }: Hop): Box {
  const place = [file === null ? "" : `${file}${line === null ? "" : `:${line}`}`, object ?? "", rule ?? ""]
    .filter((s) => s !== "")
    .join("  ");
  return {
    label: verdict === "allow" ? layer : `${layer} ${verdict}`,
    lines: [...linesOf(what), ...(place === "" ? [] : linesOf(place, true))],
    color: COLORS[verdict],
    verdict,
  };
}

function verdictBox({ verdict, reason, remedy, notes }: Trace): Box {
  const change =
    remedy === null
      ? []
      : linesOf(
          `to change: ${remedy.text}${remedy.file === null ? "" : ` (${remedy.file}:${remedy.line ?? 1})`}`,
        );
  const line = remedy?.change == null ? [] : linesOf(`+ ${remedy.change}`);
  return {
    label: verdict,
    lines: [
      ...linesOf(`${reason}: ${REASONS[reason]}`),
      ...change,
      ...line,
      ...notes.flatMap((n) => linesOf(`${n.code}: ${n.text}`, true)),
    ],
    color: COLORS[verdict],
    verdict,
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

/** One HTML page with the picture. */
export function traceHtml(trace: Trace): string {
  const title = escape(`${trace.from.text} -> ${trace.to.text}: ${trace.verdict}`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>body { margin: 2rem; font: 15px system-ui, sans-serif } svg { max-width: 100%; height: auto }</style>
<h1>${title}</h1>
${traceSvg(trace)}</html>
`;
}
