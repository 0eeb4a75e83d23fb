import { byte, long, unsigned, type Kind, type Tokens } from "./kind.ts";

/** A place on earth (RFC 1876): the whole rdata of LOC. */

const EQUATOR = 2 ** 31;
/** Centimetres from the bottom of the altitude scale to sea level. */
const SEA = 10_000_000;
/** An angle is in thousandths of a second of arc. */
const DEGREE = 3_600_000;
const DEFAULTS = "\x12\x16\x13"; // 1 m, 10 km, 10 m

export const loc: Kind<string> = {
  expects: "a place such as 52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m",
  end(bytes, at) {
    if (at + 16 > bytes.length || bytes.charCodeAt(at) !== 0) return -1;
    for (let i = at + 1; i < at + 4; i++) {
      const c = bytes.charCodeAt(i);
      if (c >> 4 > 9 || (c & 15) > 9) return -1;
    }
    return at + 16;
  },
  text(bytes) {
    const latitude = unsigned(bytes, 4, 4) - EQUATOR;
    const longitude = unsigned(bytes, 8, 4) - EQUATOR;
    const altitude = unsigned(bytes, 12, 4) - SEA;
    const sizes = bytes.slice(1, 4);
    // A zero with a power has no text of its own, and angles beyond a circle have none at all.
    if (/[\x01-\x0f]/.test(sizes) || Math.abs(latitude) > 90 * DEGREE || Math.abs(longitude) > 180 * DEGREE)
      return undefined;
    const tail = sizes === DEFAULTS ? "" : " " + [...sizes].map(sizeText).join(" ");
    return `${angleText(latitude, "N", "S")} ${angleText(longitude, "E", "W")} ${(altitude / 100).toFixed(2)}m${tail}`;
  },
  parse(tokens) {
    const latitude = parseAngle(tokens, "N", "S", 90);
    const longitude = latitude === undefined ? undefined : parseAngle(tokens, "E", "W", 180);
    const altitude =
      longitude === undefined ? undefined : parseMetres(tokens.next()?.text, -SEA, 2 ** 32 - 1 - SEA);
    if (altitude === undefined) return undefined;
    let sizes = "";
    while (!tokens.done && sizes.length < 3) {
      const cm = parseMetres(tokens.next()!.text, 0, 9_000_000_000);
      if (cm === undefined) return undefined;
      sizes += sizeByte(cm);
    }
    return (
      "\0" +
      sizes +
      DEFAULTS.slice(sizes.length) +
      long(EQUATOR + latitude!) +
      long(EQUATOR + longitude!) +
      long(altitude + SEA)
    );
  },
  value: (bytes) => bytes,
  bytes: (bytes) => (loc.end(bytes, 0) === bytes.length ? bytes : undefined),
};

/** Degrees, minutes and seconds. */
function angleText(angle: number, positive: string, negative: string): string {
  const n = Math.abs(angle);
  const seconds = ((n % 60_000) / 1000).toFixed(3);
  return `${String(Math.floor(n / DEGREE))} ${String(Math.floor(n / 60_000) % 60)} ${seconds} ${angle < 0 ? negative : positive}`;
}

/** `D [M [S]]` and a letter, as thousandths of a second; undefined where it is none or beyond `most` degrees. */
function parseAngle(tokens: Tokens, positive: string, negative: string, most: number): number | undefined {
  let angle = 0;
  for (const [pattern, unit, limit] of [
    [/^\d{1,3}$/, DEGREE, most],
    [/^\d{1,2}$/, 60_000, 59],
    [/^\d{1,2}(\.\d{0,3})?$/, 1000, 59.999],
  ] as const) {
    const text = tokens.peek()?.text ?? "";
    if (!pattern.test(text)) break;
    if (Number(text) > limit) return undefined;
    angle += Math.round(Number(text) * unit);
    tokens.next();
  }
  const letter = tokens.next()?.text.toUpperCase();
  // The degrees are a must: without them `last` was the letter itself.
  if (angle > most * DEGREE || (letter !== positive && letter !== negative)) return undefined;
  return letter === positive ? angle : -angle;
}

function parseMetres(text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined || !/^-?\d+(\.\d{1,2})?m?$/i.test(text)) return undefined;
  const cm = Math.round(Number(text.replace(/m$/i, "")) * 100);
  return cm >= least && cm <= most ? cm : undefined;
}

/** Centimetres as one digit and a power of ten, rounded down. */
function sizeByte(cm: number): string {
  let power = 0;
  for (; cm >= 10; cm = Math.floor(cm / 10)) power++;
  return byte((cm << 4) | power);
}

function sizeText(c: string): string {
  const code = c.charCodeAt(0);
  return `${(((code >> 4) * 10 ** (code & 15)) / 100).toFixed(2)}m`;
}
