import {
  directive,
  parseDuration,
  problem,
  readWords,
  type FreeLine,
  type Problem,
} from "../../src/directive/index.ts";

/** All in milliseconds. */
export interface ServeStale {
  /** How long an entry may have been expired. */
  readonly upTo: number;
  /** The source is asked before the stale answer is given, not behind it. */
  readonly verify: boolean;
  /** How long that may take; 0: as long as the source itself does. */
  readonly verifyTimeout: number;
  /** TTL of stale answers. */
  readonly ttl: number;
  /** After a failed refresh there is none for so long. */
  readonly recheck: number;
}

const HOUR = 3_600_000;

const upTo = { type: "duration", min: "0s" } as const;
const recheck = { type: "duration", min: "0s", max: "5m", default: "0s" } as const;
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

const immediate = {
  duration: upTo,
  mode: { type: "word", of: ["immediate"], fold: true, optional: true },
  response_ttl: responseTtl,
  failure_recheck: recheck,
} as const;
const verify = {
  duration: upTo,
  mode: { type: "word", of: ["verify"], fold: true },
  verify_timeout: { type: "duration", min: "0s", default: "0s" },
  response_ttl: responseTtl,
  failure_recheck: recheck,
} as const;

function readServeStale({ name, words }: FreeLine): ServeStale | Problem {
  if (words.length === 0) return { upTo: HOUR, verify: false, verifyTimeout: 0, ttl: 0, recheck: 0 };
  const mode = words[1]?.text.toLowerCase();
  if (mode === "verify") {
    const read = readWords(verify, name, words);
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
  const read = readWords(immediate, name, words);
  if ("code" in read) return read;
  return {
    upTo: read.duration,
    verify: false,
    verifyTimeout: 0,
    ttl: read.response_ttl,
    recheck: read.failure_recheck,
  };
}

function readPercentage(word: string): number | Problem {
  const [, percent] = /^([+-]?\d+)%$/.exec(word) ?? [];
  return percent === undefined || Number(percent) < 10 || Number(percent) > 90
    ? problem(`"${word}" is not a percentage from 10% to 90%`)
    : Number(percent);
}

const part = {
  capacity: { type: "integer" },
  ttl: { type: "seconds", min: 1, optional: true },
  minttl: { type: "seconds", min: 0, optional: true },
} as const;

export const cacheDirective = directive({
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
          parse: readPercentage,
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
    max_bytes: {
      type: "bytes",
      doc: "Memory that answers may take, and denials likewise; default: 2 KiB for each entry of the capacity.",
    },
    ede: {
      type: "flag",
      doc: "Stale answers say that they are: Extended DNS Errors 3 and 19, for clients with EDNS.",
    },
  },
  check: ({ serve_stale, serve_stale_policy }, at) =>
    serve_stale_policy !== undefined && serve_stale === undefined
      ? problem(
          "serve_stale_policy does nothing without serve_stale: add that, or leave this out",
          at("serve_stale_policy"),
        )
      : undefined,
});
