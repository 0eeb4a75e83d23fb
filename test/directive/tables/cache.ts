import {
  directive,
  parseDuration,
  problem,
  readWords,
  type FreeLine,
  type Problem,
} from "../../../src/directive/index.ts";

export interface ServeStale {
  /** All in milliseconds: how long an entry may be expired. */
  readonly upTo: number;
  readonly verify: boolean;
  /** How long a verification may take; 0: as long as the upstream has. */
  readonly verifyTimeout: number;
  readonly ttl: number;
  readonly recheck: number;
}

const zero = { type: "duration", min: "0s", default: "0s" } as const;
const responseTtl = {
  type: "custom",
  takes: "a duration of whole seconds such as 30s",
  default: "0s",
  parse: (word: string): number | Problem => {
    const ttl = parseDuration(word);
    return ttl === undefined || ttl < 0 || ttl % 1000 !== 0 || ttl > (2 ** 32 - 1) * 1000
      ? problem(`"${word}" is not a duration of whole seconds such as 30s`)
      : ttl;
  },
} as const;

const stale = {
  immediate: {
    duration: { type: "duration", min: "0s" },
    mode: { type: "word", of: ["immediate"], fold: true, optional: true },
    response_ttl: responseTtl,
    failure_recheck: { ...zero, max: "5m" },
  },
  verify: {
    duration: { type: "duration", min: "0s" },
    mode: { type: "word", of: ["verify"], fold: true },
    verify_timeout: zero,
    response_ttl: responseTtl,
    failure_recheck: { ...zero, max: "5m" },
  },
} as const;

function readServeStale({ name, words }: FreeLine): ServeStale | Problem {
  if (words.length === 0) return { upTo: 3600e3, verify: false, verifyTimeout: 0, ttl: 0, recheck: 0 };
  const mode = words[1]?.text.toLowerCase();
  if (mode === "verify") {
    const read = readWords(stale.verify, name, words);
    if ("code" in read) return read;
    return {
      upTo: read.duration,
      verify: true,
      verifyTimeout: read.verify_timeout,
      ttl: read.response_ttl,
      recheck: read.failure_recheck,
    };
  }
  if (mode !== undefined && mode !== "immediate") {
    return problem(`"${words[1]!.text}" is not immediate or verify`, words[1]);
  }
  const read = readWords(stale.immediate, name, words);
  if ("code" in read) return read;
  return {
    upTo: read.duration,
    verify: false,
    verifyTimeout: 0,
    ttl: read.response_ttl,
    recheck: read.failure_recheck,
  };
}

const part = {
  capacity: { type: "integer" },
  ttl: { type: "seconds", min: 1, optional: true },
  minttl: { type: "seconds", min: 0, optional: true },
} as const;

export const cache = directive({
  doc: "Keeps answers for as long as they may be kept.",
  args: {
    ttl: {
      type: "seconds",
      min: 1,
      like: /^[+-]?\d+$/,
      doc: "The longest time that anything is kept; default 3600 for answers, 1800 for denials.",
    },
    zones: {
      type: "zone[]",
      default: "keys",
      doc: "The zones whose answers are kept; default: the server block's.",
    },
  },
  options: {
    success: {
      args: part,
      surplus: "ignored",
      doc: "How many answers are kept, how long at most and at least.",
    },
    denial: { args: part, surplus: "ignored", doc: "The same for names and types that do not exist." },
    prefetch: {
      args: {
        amount: { type: "integer", min: 0 },
        duration: { type: "duration", default: "1m" },
        percentage: {
          type: "custom",
          as: "PERCENTAGE%",
          takes: "a percentage from 10% to 90%",
          default: "10%",
          parse: (word) => {
            const [, percent] = /^([+-]?\d+)%$/.exec(word) ?? [];
            if (percent === undefined || Number(percent) < 10 || Number(percent) > 90) {
              return problem(`"${word}" is not a percentage from 10% to 90%`);
            }
            return Number(percent);
          },
        },
      },
      doc: "Entries that were asked for AMOUNT times, with no gap of DURATION, are fetched anew when PERCENTAGE of their time is left.",
    },
    serve_stale: {
      usage:
        "[DURATION [immediate [RESPONSE_TTL [FAILURE_RECHECK]] | verify [VERIFY_TIMEOUT [RESPONSE_TTL [FAILURE_RECHECK]]]]]",
      line: readServeStale,
      doc: "Answers that expired up to DURATION (1h) ago are given where, or while, nothing better is to be had.",
    },
    serve_stale_policy: {
      type: "word",
      of: ["prefer_positive"],
      fold: true,
      repeat: "once",
      doc: "An answer is preferred to a denial while one is kept.",
    },
    servfail: {
      type: "duration",
      min: "0s",
      max: "5m",
      default: "5s",
      doc: "How long SERVFAIL is kept; 0: not at all.",
    },
    disable: {
      args: {
        what: { type: "word", of: ["success", "denial"] },
        zones: { type: "name[]", lenient: true, ifEmpty: ["."] },
      },
      repeat: "each",
      doc: "Nothing of this kind is kept for these zones, or for any.",
    },
    keepttl: { type: "flag", doc: "TTLs do not count down in answers from the cache." },
  },
  check: ({ serve_stale, serve_stale_policy }, at) =>
    serve_stale_policy !== undefined && serve_stale === undefined
      ? problem(
          "serve_stale_policy does nothing without serve_stale: add that, or leave this out",
          at("serve_stale_policy"),
        )
      : undefined,
});
