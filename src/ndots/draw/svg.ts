/**
 * Pictures as SVG text that fit any width: lengths across are in percent, letters keep their size, and colours follow the reader's
 * choice of light or dark.
 */

/** Text or an attribute's value. */
export const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => `&#${String(c.charCodeAt(0))};`);

type Attributes = Readonly<Record<string, string | number>>;

/** An element; `inner` is SVG or HTML already. */
export function element(name: string, attributes: Attributes, ...inner: readonly string[]): string {
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${escape(String(value))}"`);
  return `<${name}${list.join("")}>${inner.join("")}</${name}>`;
}

export const percent = (part: number): string => `${String(Math.round(part * 10_000) / 100)}%`;

/** A part of a picture, of some height in pixels. */
export interface Part {
  readonly height: number;
  /** Drawn from y = 0 on. */
  readonly body: string;
}

export const LINE = 18;

export const text = (x: string | number, y: number, content: string, attributes: Attributes = {}): string =>
  element("text", { x, y, ...attributes }, escape(content));

export const heading = (content: string): Part => ({
  height: 28,
  body: text(0, 18, content, { class: "heading" }),
});

/** The parts below each other. */
export function stack(parts: readonly Part[], gap = 10): Part {
  let y = 0;
  const bodies = parts.map(({ height, body }) => {
    const placed = element("g", { transform: `translate(0 ${String(y)})` }, body);
    y += height + gap;
    return placed;
  });
  return { height: Math.max(0, y - gap), body: bodies.join("") };
}

/** Colours by what they stand for; each is told from the other two without colour vision, and in the dark. */
export const COLOURS: string = `
:root { --paper: #ffffff; --ink: #1a1d21; --faint: #5a626b; --rule: #d9dee3; --panel: #f4f6f8;
  --a: #0b62a8; --b: #d9790b; --c: #7a3db8; --d: #15803d; --alert: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171a; --ink: #e8eaed; --faint: #a3abb3; --rule: #3a4148; --panel: #1d2125;
    --a: #63b0f0; --b: #f2a54a; --c: #c49bf0; --d: #5fcf86; --alert: #ff8a80; }
}`;

export const DRAWN: string = `
svg text { font: 13px system-ui, sans-serif; fill: var(--ink); }
svg .heading { font-weight: 600; font-size: 15px; }
svg .faint { fill: var(--faint); font-size: 12px; }
svg .a { fill: var(--a); } svg .b { fill: var(--b); } svg .c { fill: var(--c); } svg .d { fill: var(--d); }
svg .rule { stroke: var(--rule); stroke-width: 1; }
svg polyline { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; }
svg polyline.a { stroke: var(--a); fill: none; } svg polyline.b { stroke: var(--b); fill: none; }
svg polyline.c { stroke: var(--c); fill: none; } svg polyline.d { stroke: var(--d); fill: none; }`;

/** For a page that has the styles. `label` is for who can't see it. */
export const inlineSvg = ({ height, body }: Part, label: string): string =>
  element(
    "svg",
    { width: "100%", height: Math.ceil(height), role: "img", "aria-label": label, overflow: "visible" },
    body,
  );

/** A picture that stands alone. */
export function svgFile(part: Part, label: string): string {
  const margin = 16;
  const height = Math.ceil(part.height + 2 * margin);
  return (
    element(
      "svg",
      {
        xmlns: "http://www.w3.org/2000/svg",
        width: "100%",
        height,
        role: "img",
        "aria-label": label,
      },
      `<style>${COLOURS}${DRAWN}\nsvg .paper { fill: var(--paper); }</style>`,
      element("rect", { class: "paper", width: "100%", height }),
      element(
        "svg",
        { x: "4%", y: margin, width: "92%", height: Math.ceil(part.height), overflow: "visible" },
        part.body,
      ),
    ) + "\n"
  );
}
