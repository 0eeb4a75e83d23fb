/** Colours of a terminal, and what keeps the text of flows from driving it. */
const CODES = { red: 31, green: 32, yellow: 33, magenta: 35, cyan: 36 } as const;
export type Color = keyof typeof CODES;

export interface Paint {
  (color: Color, text: string): string;
  /** Escapes and carriage returns made visible; the sequences of the colours in use may stay. */
  safe(text: string): string;
}

export function createPaint(enabled: boolean): Paint {
  const paint = (color: Color, text: string): string =>
    enabled ? `\u001b[${CODES[color]}m${text}\u001b[0m` : text;
  const dangerous = enabled ? /\u001b\[(?:0|3[1-6])m|\u001b|\r/g : /\u001b|\r/g;
  const safe = (text: string): string =>
    text.replace(dangerous, (found) => (found === "\r" ? "\\r" : found === "\u001b" ? "^[" : found));
  return Object.assign(paint, { safe });
}
