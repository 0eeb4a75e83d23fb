import { COLOURS, DRAWN, element, escape } from "./svg.ts";

const STYLE = `${COLOURS}${DRAWN}
* { box-sizing: border-box; }
html { color-scheme: light dark; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin-top: 2rem; } h3 { font-size: 1rem; }
p { color: var(--faint); } svg { display: block; }
.scroll { overflow-x: auto; border: 1px solid var(--rule); border-radius: 4px; }
table { border-collapse: collapse; font-size: 14px; width: 100%; }
th, td { padding: .3rem .6rem; text-align: left; white-space: nowrap; border-top: 1px solid var(--rule); }
thead th { border-top: 0; background: var(--panel); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }`;

/** A page that needs nothing from anywhere. `body` is HTML. */
export const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(title)}</h1>
${body}
</body>
</html>
`;

export type Cell = string | number | null;

/** A table that scrolls within itself where the screen is narrow. The first row is the head. */
export function table(rows: readonly (readonly Cell[])[]): string {
  const [head = [], ...body] = rows;
  const isNumber = head.map((_, i) => body.every((row) => typeof row[i] !== "string"));
  const line = (row: readonly Cell[], tag: "th" | "td"): string =>
    element(
      "tr",
      {},
      ...row.map((cell, i) =>
        element(
          tag,
          isNumber[i] === true ? { class: "number" } : {},
          escape(cell === null ? "" : String(cell)),
        ),
      ),
    );
  return element(
    "div",
    { class: "scroll", tabindex: 0 },
    element(
      "table",
      {},
      element("thead", {}, line(head, "th")),
      element("tbody", {}, ...body.map((row) => line(row, "td"))),
    ),
  );
}
