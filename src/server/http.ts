/** The process's HTTP endpoints (health, ready, metrics, ...). Several plugins, and two configurations during a reload, may share an address. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { listenOn, type Descriptors } from "./descriptors.ts";
import type { Host, HttpRequest, HttpResponse, MaybePromise, TlsOptions } from "../plugin.ts";

type Handler = (request: HttpRequest) => MaybePromise<HttpResponse>;

interface Endpoint {
  readonly server: Server;
  /** By path; the newest registration answers. A path that ends in `/` stands for all below it. */
  readonly handlers: Map<string, Handler[]>;
  uses: number;
  /** Settled when the address is open, with what gives its socket back, or why not. */
  readonly opened: Promise<() => void>;
}

export interface HttpHost {
  readonly serve: Host["http"];
  /** Ends all connections and sockets. */
  close(): Promise<void>;
}

export function createHttpHost(descriptors: Descriptors): HttpHost {
  const endpoints = new Map<string, Endpoint>();

  const release = async (address: string, endpoint: Endpoint): Promise<void> => {
    if (--endpoint.uses > 0) return;
    if (endpoints.get(address) === endpoint) endpoints.delete(address);
    await endpoint.opened.then(
      (giveBack) => giveBack(),
      () => undefined,
    );
    endpoint.server.closeAllConnections();
    await new Promise<void>((resolve) => endpoint.server.close(() => resolve()));
  };

  return {
    async serve(address, path, handler, tls) {
      let endpoint = endpoints.get(address);
      if (endpoint === undefined) endpoints.set(address, (endpoint = open(address, descriptors, tls)));
      endpoint.uses++;
      try {
        await endpoint.opened;
      } catch (error) {
        await release(address, endpoint);
        throw error;
      }
      const stack = endpoint.handlers.get(path) ?? [];
      endpoint.handlers.set(path, stack);
      stack.push(handler);
      const used = endpoint;
      let released = false;
      return async () => {
        if (released) return;
        released = true;
        stack.splice(stack.indexOf(handler), 1);
        if (stack.length === 0 && used.handlers.get(path) === stack) used.handlers.delete(path);
        await release(address, used);
      };
    },
    async close() {
      await Promise.all(
        [...endpoints.entries()].map(([address, endpoint]) => {
          endpoint.uses = 1;
          return release(address, endpoint);
        }),
      );
    },
  };
}

function open(address: string, descriptors: Descriptors, tls: TlsOptions | undefined): Endpoint {
  const handlers = new Map<string, Handler[]>();
  const listener = (request: IncomingMessage, response: ServerResponse): void =>
    void respond(handlers, request, response);
  const server = tls === undefined ? createServer(listener) : createTlsServer({ ...tls }, listener);
  server.on("clientError", (_error, socket) => socket.destroy());
  const opened = listen(server, address, descriptors);
  opened.catch(() => undefined);
  return { server, handlers, uses: 0, opened };
}

async function listen(server: Server, address: string, descriptors: Descriptors): Promise<() => void> {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  const port = Number(address.slice(colon + 1));
  if (colon < 0 || !Number.isInteger(port) || port > 65535)
    throw new Error(`listen tcp ${address}: no valid port: write HOST:PORT or :PORT`);
  try {
    return await listenOn(server, { address: host, port }, descriptors);
  } catch (error) {
    throw new Error(`listen tcp ${address}: ${bindText(error as NodeJS.ErrnoException)}`, { cause: error });
  }
}

function bindText(error: NodeJS.ErrnoException): string {
  if (error.code === "EADDRINUSE") return "bind: address already in use";
  if (error.code === "EACCES") return "bind: permission denied";
  if (error.code === "EADDRNOTAVAIL") return "bind: cannot assign requested address";
  return error.message;
}

async function respond(
  handlers: ReadonlyMap<string, Handler[]>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost");
  const path = url.pathname;
  let handler = handlers.get(path)?.at(-1);
  for (
    let at = path.lastIndexOf("/");
    handler === undefined && at >= 0;
    at = at > 0 ? path.lastIndexOf("/", at - 1) : -1
  ) {
    handler = handlers.get(path.slice(0, at + 1))?.at(-1);
  }
  request.resume();
  let result: HttpResponse;
  try {
    result =
      handler === undefined
        ? { status: 404, body: "404 page not found\n" }
        : await handler({ method: request.method ?? "GET", path, query: url.searchParams });
  } catch (error) {
    result = { status: 500, body: `${String(error)}\n` };
  }
  response.writeHead(result.status, { "content-type": result.type ?? "text/plain; charset=utf-8" });
  response.end(result.body);
}
