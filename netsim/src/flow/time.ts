/** Times of flows: RFC 3339 with nanoseconds, and the layouts that `--time-format`, `--since` and `--until` know. */

const NANOS = 1_000_000_000n;
/** As Go reads it: an hour of one digit and a comma are fine. */
const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{1,2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?(?:Z|([+-])(\d{2}):(\d{2}))$/;
/** The first and the last second of the years 1 to 9999, in nanoseconds. */
const FIRST = -62_135_596_800n * NANOS;
const LAST = 253_402_300_800n * NANOS;

/** Nanoseconds since 1970 of RFC 3339 text; undefined for other text and for years outside 1 to 9999. */
export function parseTime(text: string): bigint | undefined {
  const parts = RFC3339.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = "", sign, offsetHour, offsetMinute] = parts;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (date.getUTCMonth() !== Number(month) - 1 || Number(hour) > 23) return undefined;
  if (Number(minute) > 59 || Number(second) > 59) return undefined;
  const offset = (Number(offsetHour ?? 0) * 60 + Number(offsetMinute ?? 0)) * (sign === "-" ? -60 : 60);
  const seconds = date.getTime() / 1000 + Number(hour) * 3600 + Number(minute) * 60 + Number(second) - offset;
  const nanos = BigInt(seconds) * NANOS + BigInt(fraction.padEnd(9, "0"));
  return nanos < FIRST || nanos >= LAST ? undefined : nanos;
}

const split = (nanos: bigint): { date: Date; fraction: string } => {
  const rest = ((nanos % NANOS) + NANOS) % NANOS;
  return { date: new Date(Number((nanos - rest) / 1_000_000n)), fraction: String(rest).padStart(9, "0") };
};

/** Protobuf's own JSON form of a time: none, three, six or nine digits. */
export function canonicalTime(nanos: bigint): string {
  const { date, fraction } = split(nanos);
  const digits = fraction.replace(/(?:000)+$/, "");
  return `${date.toISOString().slice(0, 19)}${digits === "" ? "" : `.${digits}`}Z`;
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const DAYS = "Sun Mon Tue Wed Thu Fri Sat".split(" ");

/** With at most `digits` of the second's fraction, and no zeros at its end. */
const trimmed = (fraction: string, digits: number): string => {
  const kept = fraction.slice(0, digits).replace(/0+$/, "");
  return kept === "" ? "" : `.${kept}`;
};

const LAYOUTS: Readonly<Record<string, (iso: string, date: Date, fraction: string) => string>> = {
  yearmonthday: (iso) => iso.slice(0, 10),
  yearmonthdayhour: (iso) => `${iso.slice(0, 13)}Z`,
  yearmonthdayhourminute: (iso) => `${iso.slice(0, 16)}Z`,
  rfc3339: (iso) => `${iso.slice(0, 19)}Z`,
  rfc3339milli: (iso, _, fraction) => `${iso.slice(0, 19)}${trimmed(fraction, 3)}Z`,
  rfc3339micro: (iso, _, fraction) => `${iso.slice(0, 19)}${trimmed(fraction, 6)}Z`,
  rfc3339nano: (iso, _, fraction) => `${iso.slice(0, 19)}${trimmed(fraction, 9)}Z`,
  rfc1123z: (iso, date) =>
    `${DAYS[date.getUTCDay()]}, ${iso.slice(8, 10)} ${MONTHS[date.getUTCMonth()]} ${iso.slice(0, 4)} ${iso.slice(11, 19)} +0000`,
  stampmilli: (iso, date, fraction) =>
    `${MONTHS[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)} ${iso.slice(11, 19)}.${fraction.slice(0, 3)}`,
};

/** A flow's time for people; "N/A" without one. A layout that is not known is `StampMilli`, as Hubble has it. */
export function timeFormatter(layout: string): (time: string | undefined) => string {
  const name = layout.toLowerCase();
  const format = (Object.hasOwn(LAYOUTS, name) ? LAYOUTS[name] : undefined) ?? LAYOUTS["stampmilli"];
  return (time) => {
    const nanos = time === undefined ? undefined : parseTime(time);
    if (nanos === undefined || format === undefined) return "N/A";
    const { date, fraction } = split(nanos);
    return format(date.toISOString(), date, fraction);
  };
}

const UNITS = new Map([
  ["ns", 1],
  ["us", 1e3],
  ["µs", 1e3],
  ["μs", 1e3],
  ["ms", 1e6],
  ["s", 1e9],
  ["m", 60e9],
  ["h", 3600e9],
]);

/** Go's durations: `1h43m`, `1.5s`, `-3ms`, `0`; nanoseconds. */
export function parseDuration(text: string): bigint | undefined {
  const [, sign, rest = ""] = /^([+-]?)(.*)$/.exec(text) ?? [];
  if (rest === "0") return 0n;
  const parts = [...rest.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join("") !== rest) return undefined;
  let total = 0n;
  for (const [, number, unit = ""] of parts)
    total += BigInt(Math.round(Number(number) * (UNITS.get(unit) ?? 0)));
  return sign === "-" ? -total : total;
}

const RFC1123Z =
  /^(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat), (\d{2}) (\w{3}) (\d{4}) (\d{2}:\d{2}:\d{2}) ([+-]\d{2})(\d{2})$/;
const SHORT = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2})(?::(\d{2}))?(Z|[+-]\d{2}:\d{2}))?$/;

/** What `--since` and `--until` take: a duration before `now`, or one of the layouts; nanoseconds. */
export function parseWhen(text: string, now: bigint): bigint | undefined {
  const ago = parseDuration(text);
  if (ago !== undefined) return now - ago;
  const short = SHORT.exec(text);
  if (short !== null)
    return parseTime(`${short[1]}T${short[2] ?? "00"}:${short[3] ?? "00"}:00${short[4] ?? "Z"}`);
  const mail = RFC1123Z.exec(text);
  if (mail === null) return parseTime(text);
  const month = String(MONTHS.indexOf(mail[2] ?? "") + 1).padStart(2, "0");
  return parseTime(`${mail[3]}-${month}-${mail[1]}T${mail[4]}${mail[5]}:${mail[6]}`);
}
