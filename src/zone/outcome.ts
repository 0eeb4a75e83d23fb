import type { Name } from "../dns/name.ts";
import type { RR } from "../dns/rr.ts";

/** `empty`: a name without records that has names below it. `too-long`: a DNAME record makes a name of more than 255 octets. */
export type Result = "success" | "nodata" | "nxdomain" | "empty" | "referral" | "failure" | "too-long";

/** An answer that the zone's own data give. */
export interface Found {
  readonly kind: "found";
  readonly result: Result;
  readonly answer: readonly RR[];
  readonly authority: readonly RR[];
  readonly additional: readonly RR[];
  /** The wildcard that the answer was made from. */
  readonly wildcard: Name | undefined;
}

/** An alias leads out of the zone's own data: somebody else is to be asked for `target`, and `joinTarget` takes the answer. */
export interface Led {
  readonly kind: "led";
  readonly answer: readonly RR[];
  readonly target: Name;
  /** What the authority section has beside the SOA or NS records that the target's answer calls for. */
  readonly authority: readonly RR[];
  readonly wildcard: Name | undefined;
}

export type Outcome = Found | Led;

export const NO_RECORDS: readonly RR[] = [];

export const found = (
  result: Result,
  answer: readonly RR[],
  authority: readonly RR[] = NO_RECORDS,
  additional: readonly RR[] = NO_RECORDS,
  wildcard?: Name,
): Found => ({ kind: "found", result, answer, authority, additional, wildcard });
