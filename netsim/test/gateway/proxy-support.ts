/** A proxy for manifests given as text, and clients that are simple enough to see everything. */
import { connect as connectH2 } from "node:http2";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import type { Test } from "tap";
import { loadText } from "../../src/model/load.ts";
import { startProxy } from "../../src/proxy/proxy.ts";
import type { Proxy, ProxyOptions } from "../../src/proxy/proxy.ts";

export const SERVICES = ["web", "canary", "shadow"]
  .map(
    (name) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec: {ports: [{name: tcp, port: 80}, {name: udp, port: 80, protocol: UDP}]}
---`,
  )
  .join("");

/** A Gateway `shop/edge` with these listeners, and whatever else. */
export const edge = (listeners: string, more = ""): string => `${SERVICES}
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec:
  gatewayClassName: any
  listeners:
${listeners
  .trim()
  .split("\n")
  .map((line) => `    - ${line.trim()}`)
  .join("\n")}
---
${more}`;

export const route = (rules: string, kind = "HTTPRoute", name = "one"): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata: {name: ${name}, namespace: shop}
spec:
  parentRefs: [{name: edge}]
  rules:
${rules}
---`;

export interface Running extends Proxy {
  /** By the port of the Gateway. */
  port(gatewayPort: number): number;
  readonly lines: readonly string[];
  readonly said: readonly string[];
}

export async function run(
  t: Test,
  manifests: string,
  ports: readonly number[],
  options: Partial<ProxyOptions> = {},
): Promise<Running> {
  const lines: string[] = [];
  const said: string[] = [];
  const proxy = await startProxy(loadText(manifests, "edge.yaml"), {
    served: { kind: "gateway", namespace: "shop", name: "edge" },
    listen: ports.map((gatewayPort) => ({ host: "127.0.0.1", port: 0, gatewayPort })),
    log: (line) => lines.push(line),
    say: (text) => said.push(text),
    ...options,
  });
  if (proxy === undefined) throw new Error("the manifests have no such Gateway");
  t.teardown(() => proxy.close());
  const port = (gatewayPort: number): number =>
    proxy.addresses.find((a) => a.gatewayPort === gatewayPort)?.port ?? 0;
  return { ...proxy, port, lines, said };
}

/** An own backend at `shop/web:80`. */
export async function backend(
  t: Test,
  listener: RequestListener,
): Promise<ReadonlyMap<string, { host: string; port: number }>> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return new Map([["shop/web:80", { host: "127.0.0.1", port: (server.address() as AddressInfo).port }]]);
}

/** Sends octets, and gives all that comes back until the other side ends, or is silent, or `isEnough`. */
export function send(
  port: number,
  text: string | Buffer,
  isEnough: (got: string) => boolean = () => false,
  patience = 5000,
): Promise<string> {
  return new Promise((resolve) => {
    let got = "";
    const socket: Socket = connect(port, "127.0.0.1", () => socket.write(text));
    const done = (): void => {
      socket.destroy();
      resolve(got);
    };
    socket.on("data", (chunk) => {
      got += chunk.toString("latin1");
      if (isEnough(got)) done();
    });
    socket.on("error", done);
    socket.on("close", done);
    socket.setTimeout(patience, done);
  });
}

/** One call over HTTP/2; trailers are among the headers. */
export function call(
  url: string,
  headers: Record<string, string>,
  body = Buffer.alloc(0),
  options: object = {},
): Promise<{ headers: Record<string, string>; body: string }> {
  return new Promise((resolve, reject) => {
    const session = connectH2(url, options);
    session.on("error", reject);
    const stream = session.request(headers, { endStream: false });
    const got: Record<string, string> = {};
    let text = "";
    const take = (all: object): void => {
      for (const [name, value] of Object.entries(all)) got[name] = String(value);
    };
    stream.on("response", take);
    stream.on("trailers", take);
    stream.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
    stream.on("error", reject);
    stream.on("end", () => {
      session.close();
      resolve({ headers: got, body: text });
    });
    stream.end(body);
  });
}

/** The certificate that is shown for a name, and what comes back for some octets. */
export function handshake(
  port: number,
  options: ConnectionOptions,
  text = "",
): Promise<{ names: string; got: string; error?: string }> {
  return new Promise((resolve) => {
    let got = "";
    const socket: TLSSocket = connectTls({ port, host: "127.0.0.1", ...options }, () => {
      if (text !== "") socket.write(text);
      else end();
    });
    const end = (error?: Error): void => {
      const names = socket.getPeerCertificate()?.subjectaltname ?? "";
      socket.destroy();
      resolve({ names, got, ...(error !== undefined && { error: error.message }) });
    };
    socket.on("data", (chunk: Buffer) => {
      got += chunk.toString();
      if (got.includes("}")) end();
    });
    socket.on("error", end);
    socket.on("close", () => end());
    socket.setTimeout(5000, () => end(new Error("silence")));
  });
}
