/** Connections that change their protocol: WebSockets go through as they are once the backend has agreed (RFC 9110, 7.8). */
import { request as http } from "node:http";
import type { IncomingMessage } from "node:http";
import { request as https } from "node:https";
import type { Duplex } from "node:stream";
import type { GatewayRequest } from "../gateway/request.ts";
import { upstreamOf } from "../gateway/backends.ts";
import { nameOf } from "./backends.ts";
import type { Outcome, Surroundings } from "./forward.ts";
import { changeLines, requestHeaders, responseLines } from "./headers.ts";
import { tlsOptions } from "./upstream.ts";

/** Answers an upgrade; never rejects. Resolves when the backend has answered. */
export async function upgrade(
  around: Surroundings,
  request: GatewayRequest,
  port: number,
  client: string,
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<Outcome> {
  const { site, backends, pick, echoAuthority, own } = around;
  socket.on("error", () => socket.destroy());
  const answer = site.route(request, port, pick);
  const outcome = (status: number, fault?: string): Outcome => ({
    answer,
    status,
    mirrored: [],
    tries: 1,
    fault,
  });
  const refuse = (status: number, fault?: string): Outcome => {
    const location = answer.redirect === null ? "" : `Location: ${answer.redirect.location}\r\n`;
    socket.end(`HTTP/1.1 ${status} Refused\r\n${location}Connection: close\r\nContent-Length: 0\r\n\r\n`);
    return outcome(status, fault);
  };
  const target = answer.backend;
  if (target === null) return refuse(answer.status < 100 ? 503 : answer.status);
  const address = await backends.addressOf(site.cluster, target);
  if (address === undefined) return refuse(503, `${nameOf(target)}: no endpoint is ready`);
  const headers = requestHeaders(answer.requestHeaders, {
    host: answer.host,
    client,
    scheme: request.scheme,
    asked: request.host,
  });
  const upstream = answer.upstream ?? upstreamOf(site.cluster, target);
  const tls = tlsOptions(site.cluster, upstream, { address, echoAuthority, own });
  const options = {
    host: address.host,
    port: address.port,
    method: request.method,
    path: answer.path,
    headers: { ...headers, connection: "Upgrade", upgrade: incoming.headers.upgrade ?? "" },
    setHost: false,
    agent: false,
  } as const;
  const limit = answer.timeouts.backendRequest ?? answer.timeouts.request ?? 0;
  return new Promise((resolve) => {
    const asked = tls === undefined ? http(options) : https({ ...options, ...tls.options });
    const timer = limit > 0 ? setTimeout(() => asked.destroy(new Error("timeout")), limit) : undefined;
    asked.once("error", (error) => {
      clearTimeout(timer);
      resolve(refuse(error.message === "timeout" ? 504 : 502, `${nameOf(target)}: ${error.message}`));
    });
    const start = (reply: IncomingMessage, connection: readonly string[]): string => {
      clearTimeout(timer);
      const lines = responseLines(reply.rawHeaders);
      changeLines(lines, answer.responseChanges);
      const fields = [...lines.values()].flatMap(({ name, values }) => values.map((v) => `${name}: ${v}`));
      return [`HTTP/1.1 ${reply.statusCode} ${reply.statusMessage}`, ...fields, ...connection, "", ""].join(
        "\r\n",
      );
    };
    asked.once("upgrade", (reply: IncomingMessage, behind: Duplex, first: Buffer) => {
      behind.on("error", () => behind.destroy());
      socket.write(
        start(reply, ["Connection: Upgrade", `Upgrade: ${reply.headers.upgrade ?? ""}`]),
        "latin1",
      );
      if (first.length > 0) socket.write(first);
      if (head.length > 0) behind.write(head);
      behind.pipe(socket).pipe(behind);
      socket.once("close", () => behind.destroy());
      behind.once("close", () => socket.destroy());
      resolve(outcome(101));
    });
    asked.once("response", (reply: IncomingMessage) => {
      socket.write(start(reply, ["Connection: close"]), "latin1");
      reply.pipe(socket);
      resolve(outcome(reply.statusCode ?? 502));
    });
    asked.end();
  });
}
