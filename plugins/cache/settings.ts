import type { Name } from "../../src/dns/name.ts";
import type { OptionsOf } from "../../src/directive/index.ts";
import { SetupError } from "../../src/plugin.ts";
import type { cacheDirective } from "./table.ts";

/** Bounds of the time that a kind of answer is kept, in seconds. */
export interface Clamp {
  readonly max: number;
  readonly min: number;
}

/** What a `cache` line asks for. Times are in seconds. */
export interface CacheSettings {
  readonly zones: readonly Name[];
  readonly answers: Clamp & { readonly capacity: number };
  readonly denials: Clamp & { readonly capacity: number };
  readonly servfail: number;
  readonly maxBytes: number | undefined;
  /** Zones whose answers and denials are not kept. */
  readonly withoutAnswers: readonly Name[];
  readonly withoutDenials: readonly Name[];
  readonly keepTtl: boolean;
  /** `amount` 0: none. `part` is that of an entry's time at which it begins. */
  readonly prefetch: { readonly amount: number; readonly gap: number; readonly part: number };
  readonly stale: StaleSettings | undefined;
}

export interface StaleSettings {
  readonly upTo: number;
  readonly verify: boolean;
  /** 0: no limit. */
  readonly verifyTimeout: number;
  readonly ttl: number;
  readonly recheck: number;
  readonly preferPositive: boolean;
  readonly ede: boolean;
}

const MAX_ANSWER = 3600;
const MAX_DENIAL = 1800;
const MIN = 5;
const CAPACITY = 10_000;

export function readSettings(options: OptionsOf<typeof cacheDirective>): CacheSettings {
  const { ttl, zones, success, denial, prefetch, serve_stale: stale } = options;
  const excepted = (what: string): readonly Name[] => {
    const line = options.disable.findLast((one) => one.what === what);
    return line?.zones ?? [];
  };
  if (options.ede && stale === undefined) {
    throw new SetupError("ede does nothing without serve_stale: add that, or leave this out");
  }
  return {
    zones,
    answers: {
      capacity: success?.capacity ?? CAPACITY,
      max: success?.ttl ?? ttl ?? MAX_ANSWER,
      min: success?.minttl ?? MIN,
    },
    denials: {
      capacity: denial?.capacity ?? CAPACITY,
      max: denial?.ttl ?? ttl ?? MAX_DENIAL,
      min: denial?.minttl ?? MIN,
    },
    servfail: options.servfail / 1000,
    maxBytes: options.max_bytes,
    withoutAnswers: excepted("success"),
    withoutDenials: excepted("denial"),
    keepTtl: options.keepttl,
    prefetch: {
      amount: prefetch?.amount ?? 0,
      gap: (prefetch?.duration ?? 60_000) / 1000,
      part: (prefetch?.percentage ?? 10) / 100,
    },
    stale:
      stale === undefined || stale.upTo === 0
        ? undefined
        : {
            upTo: Math.floor(stale.upTo / 1000),
            verify: stale.verify,
            verifyTimeout: stale.verifyTimeout / 1000,
            ttl: stale.ttl / 1000,
            recheck: stale.recheck / 1000,
            preferPositive: options.serve_stale_policy !== undefined,
            ede: options.ede,
          },
  };
}
