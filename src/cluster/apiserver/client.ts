/** Requests to an API server. All are reads: DNS needs no right but `get`, `list` and `watch`. */
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Access } from "./access.ts";
import { createCredentials } from "./credentials.ts";
import { createGate, createLimiter, type Limits } from "./limits.ts";

/** Told of requests, for metrics `rest_client_*`: what client-go tells CoreDNS. Seconds. */
export interface ApiObserver {
  /** A request had its response's head, or none: `code` is then `<error>`. A watch has no duration. */
  request(code: string, method: string, host: string, seconds: number | undefined): void;
  /** How long the rate limit held a request back. */
  limited(method: string, host: string, seconds: number): void;
}

export interface Client {
  /**
   * GETs `path` (with its query); resolves to the response as soon as its head says 200, the body is the caller's to read or
   * destroy. Rejects with an `ApiError`, or with the error of the connection; after `timeout` ms without a head as well.
   */
  open(path: string, options: RequestOptions): Promise<IncomingMessage>;
  /** The whole body as JSON. `timeout` is for head and body together. */
  get(path: string, options: RequestOptions): Promise<unknown>;
  /** Reads credentials anew and opens new connections for what comes. */
  renew(): void;
  close(): void;
}

export interface RequestOptions {
  readonly signal: AbortSignal;
  /** Milliseconds. */
  readonly timeout: number;
  readonly isWatch?: boolean;
}

/** A refusal in the API server's words (a `Status` object). */
export class ApiError extends Error {
  readonly status: number;
  /** Milliseconds that the server wants to be left alone; undefined where it says nothing. */
  readonly retryAfter: number | undefined;

  constructor(status: number, message: string, retryAfter?: number) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export interface ClientOptions {
  readonly access: Access;
  readonly limits: Limits;
  readonly userAgent: string;
  readonly observer: ApiObserver;
  readonly now: () => number;
}

const CONNECT_MS = 5000;
const MOST_ERROR_TEXT = 64 * 1024;

export function createClient({ access, limits, userAgent, observer, now }: ClientOptions): Client {
  const credentials = createCredentials(access, now);
  const limiter = createLimiter(limits, now);
  const gate = createGate(limits.maxInflight);
  const { protocol, host } = new URL(access.server);
  const send = protocol === "https:" ? httpsRequest : httpRequest;

  const attempt = async (
    path: string,
    { signal, timeout, isWatch = false }: RequestOptions,
  ): Promise<IncomingMessage> => {
    const { agent, headers } = await credentials.next();
    const started = now();
    return new Promise((resolve, reject) => {
      // No accept-encoding: gzip would cost both sides more time than loopback or a node's network saves.
      const all: OutgoingHttpHeaders = { accept: "application/json", "user-agent": userAgent };
      for (const [name, value] of Object.entries(headers))
        all[name] = typeof value === "string" ? value : [...value];
      const request = send(access.server + path, { agent, headers: all, signal });
      const timer = setTimeout(
        () => request.destroy(new Error(`no answer within ${timeout / 1000} s`)),
        timeout,
      );
      const seen = (code: string): void => {
        clearTimeout(timer);
        observer.request(code, "GET", host, isWatch ? undefined : (now() - started) / 1000);
      };
      request.on("socket", (socket) => {
        socket.setKeepAlive(true, 15_000);
        if (!socket.connecting) return;
        // A lost SYN or a silent handshake: a new attempt is sooner through than the kernel's next one.
        const late = setTimeout(
          () => request.destroy(new Error(`no connection within ${CONNECT_MS / 1000} s`)),
          CONNECT_MS,
        );
        socket.once(protocol === "https:" ? "secureConnect" : "connect", () => clearTimeout(late));
        socket.once("close", () => clearTimeout(late));
      });
      request.on("response", (response) => {
        seen(String(response.statusCode));
        if (response.statusCode === 200) resolve(response);
        else refusalOf(response).then(reject, reject);
      });
      request.on("error", (error: NodeJS.ErrnoException) => {
        seen("<error>");
        // The server closed a kept connection while the request was on its way: that says nothing about the server.
        reject(
          request.reusedSocket && error.code === "ECONNRESET"
            ? new StaleConnection()
            : readable(error, access.server),
        );
      });
      request.end();
    });
  };

  const open = async (path: string, options: RequestOptions): Promise<IncomingMessage> => {
    const waited = await limiter(options.signal);
    observer.limited("GET", host, waited);
    const leave = await gate();
    try {
      return await attempt(path, options).catch((error: unknown) => {
        if (error instanceof StaleConnection) return attempt(path, options);
        throw error;
      });
    } catch (error) {
      // A token may have been rotated a moment ago; a connection that is silent must not be taken again.
      if (!(error instanceof ApiError) || error.status === 401) credentials.renew();
      throw error;
    } finally {
      leave();
    }
  };

  return {
    open,
    get: async (path, options) => {
      const response = await open(path, options);
      const timer = setTimeout(
        () => response.destroy(new Error(`no whole answer within ${options.timeout / 1000} s`)),
        options.timeout,
      );
      try {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk as Buffer);
        return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
      } finally {
        clearTimeout(timer);
      }
    },
    renew: () => credentials.renew(),
    close: () => credentials.close(),
  };
}

class StaleConnection extends Error {}

async function refusalOf(response: IncomingMessage): Promise<ApiError> {
  let text = "";
  response.setEncoding("utf8");
  for await (const chunk of response) {
    text += chunk as string;
    if (text.length > MOST_ERROR_TEXT) break;
  }
  const status = response.statusCode ?? 0;
  const seconds = Number(response.headers["retry-after"]);
  return new ApiError(status, `${messageOf(text)} (${status})`, seconds > 0 ? seconds * 1000 : undefined);
}

/** The words of a `Status` object, or the first line of whatever else came. */
function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === "string") return oneLine(message);
  } catch {
    // a proxy's page
  }
  return oneLine(text) || "refused";
}

/** The error of a response's body that broke off is Node's word `aborted`. */
export const brokenOff = (error: Error): string =>
  error.message === "aborted" ? "the connection broke" : error.message;

const oneLine = (text: string): string => text.trim().split("\n")[0]!.slice(0, 300);

/** Node's errors name system calls; an operator wants the server's address and the cause. */
function readable(error: NodeJS.ErrnoException, server: string): Error {
  const cause = error instanceof AggregateError ? (error.errors[0] as Error | undefined) : error;
  return new Error(`${server}: ${oneLine((cause ?? error).message)}`, { cause: error });
}
