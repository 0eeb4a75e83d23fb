/** One request through the proxy: table, body, backend with its tries and timeouts, answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { PassThrough } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { header } from "../gateway/request.ts";
import type { Answer, GatewayRequest, Pick, Target } from "../gateway/request.ts";
import { upstreamOf } from "../gateway/backends.ts";
import { nameOf } from "./backends.ts";
import type { Backends } from "./backends.ts";
import { MIRROR_BACKLOG, copyTo, openBody } from "./body.ts";
import type { Body } from "./body.ts";
import type { KeyPair } from "./certificates.ts";
import { changeLines, requestHeaders } from "./headers.ts";
import { refuse, sendReply } from "./reply.ts";
import type { Site } from "./site.ts";
import { ask, tlsOptions } from "./upstream.ts";
import type { Asked, Exchange, Reply, Sessions } from "./upstream.ts";

export type Incoming = IncomingMessage | Http2ServerRequest;
export type Outgoing = ServerResponse | Http2ServerResponse;

export interface Surroundings {
  readonly site: Site;
  readonly backends: Backends;
  readonly sessions: Sessions;
  readonly pick: Pick;
  /** Numbers from 0 up to 1: which requests are mirrored. */
  readonly random: () => number;
  readonly echoAuthority: () => string;
  /** The certificate that the Gateway shows to backends. */
  readonly own: KeyPair | undefined;
}

export interface Outcome {
  readonly answer: Answer;
  readonly status: number;
  readonly mirrored: readonly string[];
  readonly tries: number;
  readonly fault: string | undefined;
}

/** Answers a request; never rejects. */
export async function forward(
  around: Surroundings,
  request: GatewayRequest,
  port: number,
  client: string,
  incoming: Incoming,
  outgoing: Outgoing,
): Promise<Outcome> {
  const { site, pick } = around;
  const answer = site.route(request, port, pick);
  const outcome = (status: number, rest: Partial<Outcome> = {}): Outcome => ({
    answer,
    status,
    mirrored: [],
    tries: 0,
    fault: undefined,
    ...rest,
  });
  if (answer.redirect !== null || answer.backend === null) {
    incoming.resume();
    return outcome(refuse(outgoing, request, answer, answer.status));
  }
  const length = Number(incoming.headers["content-length"] ?? 0);
  const limit = answer.bodyLimit;
  if (limit !== undefined && length > limit) {
    incoming.resume();
    return outcome(refuse(outgoing, request, answer, 413), { fault: `a body of more than ${limit} octets` });
  }
  const headers = requestHeaders(answer.requestHeaders, {
    host: answer.host === "" ? request.host : answer.host,
    client,
    scheme: request.scheme,
    asked: request.host,
  });
  const given: Given = { around, answer, request, incoming, outgoing, headers };
  return exchange(given, outcome, sendMirrors(given));
}

interface Given {
  readonly around: Surroundings;
  readonly answer: Answer;
  readonly request: GatewayRequest;
  readonly incoming: Incoming;
  readonly outgoing: Outgoing;
  readonly headers: Readonly<Record<string, string>>;
}

type Done = (status: number, rest?: Partial<Outcome>) => Outcome;

/** Why an exchange ended before its time. */
const ENDS = {
  timeout: { status: 504, text: "the time for the request is over" },
  // Nobody sees this status but the log, as nginx writes it.
  gone: { status: 499, text: "the client went away" },
  "too-long": { status: 413, text: "the body is too long" },
} as const;

/** All tries within the time for the request. */
async function exchange(given: Given, outcome: Done, mirrored: readonly string[]): Promise<Outcome> {
  const { answer, request, incoming, outgoing } = given;
  const state: { end?: keyof typeof ENDS; current?: Exchange } = {};
  const stop = (why: keyof typeof ENDS): void => {
    state.end ??= why;
    state.current?.abort();
  };
  const ended = (): keyof typeof ENDS | undefined => state.end;
  const whole = answer.timeouts.request ?? 0;
  const timer = whole > 0 ? setTimeout(() => stop("timeout"), whole) : undefined;
  outgoing.once("close", () => {
    clearTimeout(timer);
    if (!outgoing.writableFinished) stop("gone");
  });
  const most = 1 + (answer.retry?.attempts ?? 0);
  let failed = { status: 502, fault: "" };
  let tries = 0;
  try {
    const body = await openBody(incoming, {
      isHeld: answer.retry !== undefined,
      limit: answer.bodyLimit,
      tooLong: () => stop("too-long"),
    });
    while (tries < most && ended() === undefined) {
      if (tries++ > 0) await delay(answer.retry?.backoff ?? 0);
      const result = await attempt(given, body, (one) => (state.current = one));
      if ("fault" in result) {
        failed = result;
        // What has been sent in part cannot be sent again.
        if (!body.isWhole) break;
        continue;
      }
      const isRefused = answer.retry?.codes.includes(result.status) === true;
      if (isRefused && tries < most && body.isWhole) {
        state.current?.abort();
        continue;
      }
      changeLines(result.lines, answer.responseChanges);
      await sendReply(outgoing, request, result);
      const end = ended();
      return outcome(result.status, { mirrored, tries, fault: end === undefined ? end : ENDS[end].text });
    }
  } catch (error) {
    failed = { status: 502, fault: (error as Error).message };
  } finally {
    clearTimeout(timer);
  }
  state.current?.abort();
  incoming.resume();
  const end = ended();
  const { status, text } = end === undefined ? { status: failed.status, text: failed.fault } : ENDS[end];
  if (end !== "gone") refuse(outgoing, request, answer, status);
  return outcome(status, { mirrored, tries, fault: text });
}

/** One try: a 502 where nobody answers, a 503 where nobody is there, a 504 where it takes too long. */
async function attempt(
  { around, answer, request, headers }: Given,
  body: Body,
  begin: (exchange: Exchange) => void,
): Promise<Reply | { readonly fault: string; readonly status: number }> {
  const target = answer.backend;
  if (target === null) return { fault: "there is no backend", status: 500 };
  const asked = await askedOf(around, target, answer, request.method, answer.path, headers);
  if (asked === undefined) return { fault: `${nameOf(target)}: no endpoint is ready`, status: 503 };
  const exchange = ask(asked, around.sessions);
  begin(exchange);
  exchange.body.on("error", () => undefined);
  body.sendTo(exchange.body);
  const limit = answer.timeouts.backendRequest ?? 0;
  let isLate = false;
  const timer =
    limit > 0
      ? setTimeout(() => {
          isLate = true;
          exchange.abort();
        }, limit)
      : undefined;
  try {
    const reply = await exchange.reply;
    reply.body.once("close", () => clearTimeout(timer));
    return reply;
  } catch (error) {
    clearTimeout(timer);
    return isLate
      ? { fault: `${nameOf(target)} did not answer within ${limit} ms`, status: 504 }
      : { fault: `${nameOf(target)}: ${(error as Error).message}`, status: 502 };
  }
}

async function askedOf(
  around: Surroundings,
  target: Target,
  answer: Answer,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<Asked | undefined> {
  const { site, backends, echoAuthority, own } = around;
  const address = await backends.addressOf(site.cluster, target);
  if (address === undefined) return undefined;
  const known = answer.upstream ?? upstreamOf(site.cluster, target);
  // gRPC is HTTP/2, whatever the port says.
  const isGrpc = (header(headers, "content-type") ?? "").startsWith("application/grpc");
  const upstream = isGrpc ? { ...known, protocol: "h2c" as const } : known;
  const tls = tlsOptions(site.cluster, upstream, { address, echoAuthority, own });
  return { address, upstream, method, path, headers, tls };
}

/** Copies to mirrors, each by its share; what they answer is not looked at. The request is paused until its backend is asked. */
function sendMirrors(given: Given): string[] {
  const { around, answer, incoming } = given;
  const chosen = answer.mirrors.filter(({ percent }) => around.random() * 100 < percent);
  incoming.pause();
  for (const mirror of chosen) {
    const copy = new PassThrough({ highWaterMark: MIRROR_BACKLOG });
    copyTo(incoming, copy);
    sendMirror(given, mirror, copy).catch(() => copy.destroy());
  }
  return chosen.map(nameOf);
}

async function sendMirror({ around, answer, request, headers }: Given, mirror: Target, copy: PassThrough) {
  const own = { ...answer, upstream: upstreamOf(around.site.cluster, mirror) };
  const asked = await askedOf(around, mirror, own, request.method, answer.path, headers);
  if (asked === undefined) return;
  const exchange = ask(asked, around.sessions);
  exchange.body.on("error", () => copy.destroy());
  copy.pipe(exchange.body);
  const reply = await exchange.reply;
  reply.body.on("error", () => undefined).resume();
}
