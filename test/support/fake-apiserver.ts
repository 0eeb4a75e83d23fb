/** An API server of a few lines, for what a real one can't be made to do at will. Real ones are in `apiserver.ts`. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

export interface FakeRequest {
  /** Last part of the path: `services`, `namespaces`, ... */
  readonly resource: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage["headers"];
  readonly response: ServerResponse;
}

export interface FakeApiServer {
  readonly url: string;
  /** Every request so far: `services?limit=1`, its parameters in the order of their names. */
  readonly asked: string[];
  close(): Promise<void>;
}

/** `answer` decides on each request; what it leaves open stays open. */
export async function startFakeApiServer(answer: (request: FakeRequest) => void): Promise<FakeApiServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url!, "http://fake");
    url.searchParams.sort();
    const resource = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
    asked.push(`${resource}${url.search}`);
    const query = Object.fromEntries(url.searchParams);
    answer({ resource, query, headers: request.headers, response });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    asked,
    close: async () => {
      const closed = once(server.close(), "close");
      server.closeAllConnections();
      await closed;
    },
  };
}

export function service(name: string, version: number, address = "10.96.0.1") {
  const spec = { clusterIPs: [address], ports: [{ port: 80 }] };
  return { kind: "Service", metadata: { name, namespace: "shop", resourceVersion: String(version) }, spec };
}

export const bookmark = (version: number, isInitialEnd = false) => ({
  type: "BOOKMARK",
  object: {
    metadata: {
      resourceVersion: String(version),
      ...(isInitialEnd && { annotations: { "k8s.io/initial-events-end": "true" } }),
    },
  },
});

/** Events on an open watch. */
export function send({ response }: FakeRequest, ...events: readonly object[]): void {
  if (!response.headersSent) response.writeHead(200, { "content-type": "application/json" });
  response.flushHeaders();
  for (const event of events) response.write(JSON.stringify(event) + "\n");
}

export function sendList(
  { response }: FakeRequest,
  version: number,
  items: readonly object[],
  next = "",
): void {
  response.setHeader("content-type", "application/json");
  response.end(
    JSON.stringify({
      metadata: { resourceVersion: String(version), ...(next && { continue: next }) },
      items,
    }),
  );
}

export function refuse(
  { response }: FakeRequest,
  code: number,
  message: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(code, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ kind: "Status", status: "Failure", code, message }));
}
