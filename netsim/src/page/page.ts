/** Pages in one file: the shell around a report, its colours by day and by night, and how texts get into it. */

/** Text as HTML or as an attribute's value: nothing in it is markup. Characters that HTML and XML forbid are left out. */
export const escape = (text: string): string =>
  text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "")
    .replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const LIGHT = `--paper: #ffffff; --card: #f6f8fa; --ink: #1f2328; --dim: #57606a; --line: #d0d7de; --edge: #818b98;
  --ok: #1a7f37; --bad: #cf222e; --warn: #8a5a00; --accent: #0550ae; --bad-card: #fff1f0; --ok-card: #effaf1;`;
const DARK = `--paper: #0d1117; --card: #161b22; --ink: #e6edf3; --dim: #9aa4af; --line: #30363d; --edge: #6e7681;
  --ok: #3fb950; --bad: #ff7b72; --warn: #d29922; --accent: #79b8ff; --bad-card: #2a1416; --ok-card: #10251a;`;

/** The colours that pages and pictures share, as the reader's system has it, or as \`data-theme\` says. */
export const THEME = `:root { color-scheme: light dark; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
:root[data-theme=light] { color-scheme: light; ${LIGHT} }
:root[data-theme=dark] { color-scheme: dark; ${DARK} }`;

const SHELL = `${THEME}
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif }
main { max-width: 72rem; margin: 0 auto; padding: 1rem clamp(.75rem, 3vw, 2rem) 2rem }
h1 { font-size: 1.25rem; line-height: 1.3; overflow-wrap: anywhere; margin: .25rem 0 1rem }
p { overflow-wrap: anywhere }
.scroll { overflow: auto; max-width: 100% }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }`;

export interface Page {
  readonly title: string;
  readonly css: string;
  /** HTML. */
  readonly body: string;
}

/** An HTML document that runs nothing and asks nobody for anything. */
export function pageOf({ title, css, body }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escape(title)}</title>
<style>
${SHELL}
${css}
</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}
