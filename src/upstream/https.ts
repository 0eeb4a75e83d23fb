/** DNS over HTTPS (RFC 8484), towards one upstream: HTTP/2 where it can, HTTP/1.1 where it can't. */
import { connect as connectHttp2, type ClientHttp2Session } from "node:http2";
import { Agent, request as requestHttp1 } from "node:https";
import type { TLSSocket } from "node:tls";
import { Deadlines } from "./deadlines.ts";
import type { Exchange } from "./exchange.ts";
import { callFailure } from "./failure.ts";
import { connectOptions } from "./stream.ts";
import { tlsDialer, type TlsSettings } from "./tls.ts";
import type { PoolOptions } from "./udp-pool.ts";

export type HttpMethod = "GET" | "POST";

const PATH = "/dns-query";
const TYPE = "application/dns-message";
const MOST = 65535;

/** Ends a request before its time. */
type Cancel = () => void;
type Done = (error: Error | undefined, body: Buffer) => void;
/** Sends one message over an open connection. */
type Send = (packet: Buffer, done: Done) => Cancel;

export class HttpsPool {
  readonly #options: PoolOptions;
  readonly #tls: TlsSettings;
  readonly #method: HttpMethod;
  readonly #deadlines: Deadlines;
  readonly #cancels = new Map<Exchange, Cancel>();
  #connection: Promise<Send> | undefined;
  #disconnect: (() => void) | undefined;
  #isClosed = false;

  constructor(options: PoolOptions, tls: TlsSettings, method: HttpMethod) {
    this.#options = options;
    this.#tls = tls;
    this.#method = method;
    this.#deadlines = new Deadlines(options.readTimeout);
  }

  start(exchange: Exchange): void {
    exchange.owner = this;
    // So that HTTP caches can do their work (RFC 8484 §4.1).
    exchange.packet[0] = exchange.packet[1] = 0;
    this.#deadlines.add(exchange);
    this.#connection ??= this.#connect();
    this.#connection.then(
      (send) => {
        if (exchange.isOver) return;
        const cancel = send(exchange.packet, (error, body) => {
          this.#cancels.delete(exchange);
          if (error !== undefined) exchange.failed({ text: this.#text(error) });
          else exchange.replied(body);
        });
        this.#cancels.set(exchange, cancel);
      },
      (error: Error) => exchange.failed({ text: this.#text(error) }),
    );
  }

  forget(exchange: Exchange): void {
    this.#deadlines.remove(exchange);
    this.#cancels.get(exchange)?.();
    this.#cancels.delete(exchange);
    if (this.#isClosed && this.#cancels.size === 0) this.#disconnect?.();
  }

  timedOut(exchange: Exchange): void {
    exchange.failed({ text: this.#text(new Error("i/o timeout")) });
  }

  close(): void {
    this.#isClosed = true;
    if (this.#cancels.size === 0) this.#disconnect?.();
  }

  #text(error: NodeJS.ErrnoException): string {
    const { remote } = this.#options;
    const what =
      error.syscall === undefined
        ? error.message
        : callFailure({ network: "tcp", local: "", remote }, error).text;
    return `${this.#method === "GET" ? "Get" : "Post"} "https://${remote}${PATH}": ${what}`;
  }

  /** Opens a connection and sees which HTTP the other side speaks. */
  #connect(): Promise<Send> {
    return new Promise((resolve, reject) => {
      const socket = tlsDialer(this.#tls, ["h2", "http/1.1"]).dial(this.#options.target) as TLSSocket;
      const lost = (): void => {
        this.#connection = undefined;
        this.#disconnect = undefined;
      };
      socket.unref();
      socket.once("error", (error) => {
        lost();
        reject(error);
      });
      socket.once("close", () => {
        lost();
        reject(new Error("EOF"));
      });
      socket.once("secureConnect", () => {
        if (socket.alpnProtocol === "h2") resolve(this.#http2(socket));
        else {
          socket.removeAllListeners("close");
          socket.destroy();
          resolve(this.#http1());
        }
      });
    });
  }

  get #headers(): Record<string, string> {
    return { accept: TYPE, "content-type": TYPE };
  }

  #path(packet: Buffer): string {
    return this.#method === "GET" ? `${PATH}?dns=${packet.toString("base64url")}` : PATH;
  }

  #http2(socket: TLSSocket): Send {
    const session: ClientHttp2Session = connectHttp2(`https://${this.#options.remote}`, {
      createConnection: () => socket,
    });
    session.on("error", () => undefined);
    session.on("goaway", () => {
      this.#connection = undefined;
    });
    session.setTimeout(this.#options.expire, () => {
      this.#connection = undefined;
      session.close();
    });
    session.unref();
    this.#disconnect = () => session.close();
    return (packet, done) => {
      const stream = session.request({
        ":method": this.#method,
        ":path": this.#path(packet),
        ...this.#headers,
      });
      let status = 0;
      stream.once("response", (headers) => {
        status = headers[":status"] ?? 0;
      });
      collect(stream, () => status, done);
      stream.end(this.#method === "POST" ? packet : undefined);
      return () => stream.close();
    };
  }

  #http1(): Send {
    const agent = new Agent({ keepAlive: true, timeout: this.#options.expire });
    this.#disconnect = () => agent.destroy();
    const { serverName, context } = this.#tls;
    // Goes through to `tls.connect`, though the types of `https.request` don't know it.
    const secure: object = { secureContext: context };
    return (packet, done) => {
      const request = requestHttp1({
        ...connectOptions(this.#options.target),
        ...secure,
        agent,
        method: this.#method,
        path: this.#path(packet),
        headers: { ...this.#headers, host: this.#options.remote },
        minVersion: "TLSv1.2",
        ...(serverName === undefined ? {} : { servername: serverName }),
      });
      request.once("response", (response) => collect(response, () => response.statusCode ?? 0, done));
      request.once("error", (error) => done(error, EMPTY));
      request.end(this.#method === "POST" ? packet : undefined);
      return () => request.destroy();
    };
  }
}

const EMPTY: Buffer = Buffer.alloc(0);

/** Reads a body to its end; calls `done` once. */
function collect(from: NodeJS.ReadableStream, status: () => number, done: Done): void {
  const chunks: Buffer[] = [];
  let length = 0;
  let isDone = false;
  const end = (error: Error | undefined): void => {
    if (isDone) return;
    isDone = true;
    done(error, error === undefined ? Buffer.concat(chunks) : EMPTY);
  };
  from.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > MOST) end(new Error(`a reply of more than ${MOST} octets`));
    else chunks.push(chunk);
  });
  from.once("end", () => end(status() === 200 ? undefined : new Error(`HTTP status ${status()}`)));
  from.once("error", (error: Error) => end(error));
  from.once("close", () => end(new Error("EOF")));
}
