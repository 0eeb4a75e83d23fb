/** Requests as a gateway gets them, and what it does with them. */

import type { OtherObject } from "../model/types.ts";
import type { Upstream } from "./backends.ts";

/** Names of headers do not depend on case; several values of one are joined by commas. */
export type Headers = Readonly<Record<string, string>>;

export interface GatewayRequest {
  readonly host: string;
  /** With the query, as it stands in the request line. */
  readonly path: string;
  readonly method: string;
  readonly headers: Headers;
  readonly scheme: "http" | "https";
  /** The name in the TLS handshake; the host without one. */
  readonly sni?: string;
  /** Port that the client connected to; the listener's without one. */
  readonly port?: number;
}

export interface Target {
  readonly namespace: string;
  readonly service: string;
  readonly port: number | undefined;
}

export interface Redirect {
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  /** Without the query. */
  readonly path: string;
  /** What the header `Location` says. */
  readonly location: string;
}

export interface HeaderChange {
  readonly set: readonly (readonly [string, string])[];
  readonly add: readonly (readonly [string, string])[];
  readonly remove: readonly string[];
}

/** Beside refused and broken connections, which are always tried again while there are attempts. */
export interface Retry {
  /** Statuses of the backend that are not passed on. */
  readonly codes: readonly number[];
  /** Further tries after the first. */
  readonly attempts: number;
  /** Milliseconds between two tries. */
  readonly backoff: number;
}

/** Which of several backends a request goes to: an index into their weights, -1 for none. */
export type Pick = (weights: readonly number[]) => number;

/** The one with the most weight, the first of equal ones. */
export const heaviest: Pick = (weights) => {
  const most = Math.max(0, ...weights);
  return most === 0 ? -1 : weights.indexOf(most);
};

/** Shares as the weights are; `random` gives numbers from 0 up to 1. */
export const byWeight =
  (random: () => number): Pick =>
  (weights) => {
    let rest = random() * weights.reduce((sum, weight) => sum + weight, 0);
    return weights.findIndex((weight) => weight > 0 && (rest -= weight) < 0);
  };

/** What becomes of a request. */
export interface Answer {
  /** 200 stands for whatever the backend says. */
  readonly status: number;
  /** Why it is no 200, for people. */
  readonly reason?: string;
  readonly backend: Target | null;
  /** As the backend sees them. */
  readonly path: string;
  readonly host: string;
  readonly requestHeaders: Headers;
  /** What the gateway does to the headers of the answer. */
  readonly responseChanges: readonly HeaderChange[];
  readonly redirect: Redirect | null;
  readonly mirrors: readonly (Target & { readonly percent: number })[];
  /** Shares (of 1) of the rule's backends, by the Service's name. */
  readonly weights: Readonly<Record<string, number>>;
  /** Milliseconds; 0 is for ever. */
  readonly timeouts: { readonly request?: number; readonly backendRequest?: number };
  /** When a backend is asked again (GEP-1731). */
  readonly retry?: Retry;
  /** How the backend is spoken to; absent where there is none. */
  readonly upstream?: Upstream;
  /** Octets that a body may have (413 beyond); absent without a limit. */
  readonly bodyLimit?: number;
  /** TLS is not ended here: nothing but its name was looked at. */
  readonly isPassthrough?: true;
  /** What else should be known of it, for people. */
  readonly notes?: readonly string[];
  /** The object that decided, and the path of its rule in it. */
  readonly rule: { readonly object: OtherObject; readonly path: readonly (string | number)[] } | null;
}

export const pathOnly = (path: string): string => path.split("?", 1)[0] ?? "";
export const queryOf = (path: string): string => path.slice(pathOnly(path).length);

/** The host without its port, in lower case. */
export const hostName = (host: string): string =>
  host
    .toLowerCase()
    .replace(/:\d+$/, "")
    .replace(/^\[(.*)\]$/, "$1");

export const header = (headers: Headers, name: string): string | undefined => {
  const key = Object.keys(headers).find((k) => k.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : headers[key];
};

/** Set, then add (behind the values that are there), then remove. */
export function changeHeaders(headers: Headers, changes: readonly HeaderChange[]): Headers {
  const result = new Map(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), [k, v] as const]));
  for (const { set, add, remove } of changes) {
    for (const [name, value] of set) result.set(name.toLowerCase(), [name, value]);
    for (const [name, value] of add) {
      const has = result.get(name.toLowerCase());
      result.set(name.toLowerCase(), has === undefined ? [name, value] : [has[0], `${has[1]},${value}`]);
    }
    for (const name of remove) result.delete(name.toLowerCase());
  }
  return Object.fromEntries(result.values());
}

export const PASSTHROUGH = "TLS is passed through: the backend has the certificate";

/** A request that nothing takes. */
export function refused(request: GatewayRequest, status: number, reason: string): Answer {
  return {
    status,
    reason,
    backend: null,
    path: request.path,
    host: request.host,
    requestHeaders: request.headers,
    responseChanges: [],
    redirect: null,
    mirrors: [],
    weights: {},
    timeouts: {},
    rule: null,
  };
}
