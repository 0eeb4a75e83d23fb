/** Answers to clients: a backend's, with its trailers, or one of the gateway's own. */
import { STATUS_CODES } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import { isGrpc } from "../gateway/match.ts";
import { changeHeaders } from "../gateway/request.ts";
import type { Answer, GatewayRequest } from "../gateway/request.ts";
import type { Reply } from "./upstream.ts";

type Outgoing = ServerResponse | Http2ServerResponse;

const isHttp2 = (outgoing: Outgoing): outgoing is Http2ServerResponse => "stream" in outgoing;

/** Passes a backend's answer on, as fast as the client takes it; resolves when it is over, however it ended. */
export function sendReply(outgoing: Outgoing, request: GatewayRequest, reply: Reply): Promise<void> {
  const { status, lines, body } = reply;
  return new Promise((resolve) => {
    body.once("error", () => outgoing.destroy());
    outgoing.once("close", () => {
      body.destroy();
      resolve();
    });
    try {
      for (const { name, values } of lines.values())
        outgoing.setHeader(name, values.length === 1 ? (values[0] ?? "") : values);
      outgoing.statusCode = status;
    } catch {
      // A header that HTTP does not allow, from a backend that sent it all the same.
      outgoing.statusCode = 502;
    }
    const isBodiless = request.method === "HEAD" || status === 204 || status === 304;
    // The head goes out at once: a stream of events begins long before its first octet.
    if (!isBodiless) (outgoing as ServerResponse).flushHeaders();
    body.on("data", (chunk: Buffer) => {
      if (outgoing.destroyed || isBodiless) return;
      if (!(outgoing as ServerResponse).write(chunk)) {
        body.pause();
        outgoing.once("drain", () => body.resume());
      }
    });
    body.once("end", () => {
      try {
        const trailers = reply.trailers();
        if (Object.keys(trailers).length > 0 && !outgoing.destroyed) outgoing.addTrailers(trailers);
        outgoing.end();
      } catch {
        outgoing.destroy();
      }
    });
    // Broken off in the middle: the client must see that something is missing.
    body.once("close", () => {
      if (!body.readableEnded) outgoing.destroy();
    });
  });
}

/** gRPC's own words for what HTTP says by status (doc/http-grpc-status-mapping.md of gRPC). */
const GRPC_CODES: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

/** An answer of the gateway itself: redirect, preflight, or what went wrong. Gives the status. */
export function refuse(outgoing: Outgoing, request: GatewayRequest, answer: Answer, wanted: number): number {
  if (outgoing.headersSent || outgoing.destroyed) {
    outgoing.destroy();
    return wanted;
  }
  const status = wanted >= 200 && wanted <= 599 ? wanted : 503;
  const text = `${answer.reason ?? STATUS_CODES[status] ?? ""}\n`;
  if (isGrpc(request) && answer.redirect === null && isHttp2(outgoing)) {
    // Trailers alone, in the one head of the answer.
    outgoing.setHeader("content-type", "application/grpc");
    outgoing.setHeader("grpc-status", String(GRPC_CODES[status] ?? (status >= 500 ? 14 : 2)));
    outgoing.setHeader("grpc-message", encodeURIComponent(text.trim()));
    outgoing.end();
    return status;
  }
  if (!isHttp2(outgoing) && isLongBody(outgoing.req)) outgoing.setHeader("connection", "close");
  outgoing.statusCode = status;
  const headers = changeHeaders({}, answer.responseChanges);
  for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
  if (answer.redirect !== null && status === answer.status)
    outgoing.setHeader("location", encodeLocation(answer.redirect.location));
  if (status === 204) outgoing.end();
  else {
    outgoing.setHeader("content-type", "text/plain; charset=utf-8");
    outgoing.end(request.method === "HEAD" ? "" : text);
  }
  return status;
}

/** The rest of a body that nobody wants is not waited for, unless it is short. */
const isLongBody = ({ complete, headers }: IncomingMessage): boolean =>
  !complete &&
  (headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 64 << 10);

/** A header field takes ASCII alone (RFC 9110, 5.5). */
const encodeLocation = (location: string): string =>
  location.replace(/[^\x21-\x7e]+/g, (part) => encodeURIComponent(Buffer.from(part).toString("utf8")));
