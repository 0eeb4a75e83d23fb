/** One request to one backend, over HTTP/1.1 or HTTP/2, with TLS where a policy or the port asks for it. */
import { request as http } from "node:http";
import type { IncomingMessage } from "node:http";
import { request as https } from "node:https";
import { connect } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { checkServerIdentity, rootCertificates } from "node:tls";
import type { ConnectionOptions, PeerCertificate } from "node:tls";
import { PassThrough } from "node:stream";
import type { Duplex, Readable, Writable } from "node:stream";
import type { Upstream } from "../gateway/backends.ts";
import { authority as authorityOf } from "../gateway/certificates.ts";
import type { Cluster } from "../model/types.ts";
import type { Address } from "./backends.ts";
import type { KeyPair } from "./certificates.ts";
import { responseLines } from "./headers.ts";
import type { Lines } from "./headers.ts";

export interface Asked {
  readonly address: Address;
  readonly upstream: Upstream;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined for a plain connection. */
  readonly tls: BackendTlsOptions | undefined;
}

export interface BackendTlsOptions {
  readonly options: ConnectionOptions;
  /** Equal for what is checked in the same way: a connection that passed another check must not be used. */
  readonly key: string;
}

export interface Reply {
  readonly status: number;
  readonly lines: Lines;
  readonly body: Readable;
  /** What came behind the body; complete when the body has ended. */
  trailers(): Readonly<Record<string, string>>;
}

export interface Exchange {
  /** The request's body goes here; it must be ended. */
  readonly body: Writable;
  /** Rejects when the backend cannot be reached or breaks off before an answer. */
  readonly reply: Promise<Reply>;
  /** Gives up: nothing more is read or written. */
  abort(): void;
}

/** What TLS with a backend needs: what to ask for, whom to trust, what the certificate must say, and the gateway's own. */
export function tlsOptions(
  cluster: Cluster,
  { tls, isUncheckedTls }: Upstream,
  {
    address,
    echoAuthority,
    own,
  }: { address: Address; echoAuthority: () => string; own: KeyPair | undefined },
): BackendTlsOptions | undefined {
  const client = own === undefined ? {} : { cert: own.certificate, key: own.key };
  if (tls === undefined)
    return isUncheckedTls
      ? { options: { rejectUnauthorized: false, ...client }, key: "unchecked" }
      : undefined;
  const authorities = tls.authorities.flatMap((ref) => authorityOf(cluster, ref) ?? []);
  const trusted = [...authorities, ...(tls.isSystem ? rootCertificates : [])];
  // An echo server of this process cannot have a certificate of the cluster's authorities.
  const ca = address.isEcho === true ? [echoAuthority()] : trusted;
  return {
    options: {
      servername: tls.hostname,
      ca,
      checkServerIdentity: (_, certificate) => identityFault(tls, certificate),
      ...client,
    },
    key: JSON.stringify([tls.hostname, tls.subjectAltNames, authorities, tls.isSystem, own?.certificate]),
  };
}

/** With alternative names one of these must be in the certificate, else the hostname (BackendTLSPolicyValidation). */
function identityFault(tls: NonNullable<Upstream["tls"]>, certificate: PeerCertificate): Error | undefined {
  if (tls.subjectAltNames.length === 0) return checkServerIdentity(tls.hostname, certificate);
  const shown = (certificate.subjectaltname ?? "").split(", ");
  const isShown = tls.subjectAltNames.some(({ type, value }) =>
    type === "URI" ? shown.includes(`URI:${value}`) : checkServerIdentity(value, certificate) === undefined,
  );
  return isShown ? undefined : new Error("the certificate has none of the policy's subjectAltNames");
}

/** Connections to backends that speak HTTP/2 are kept. */
export interface Sessions {
  get(address: Address, tls: BackendTlsOptions | undefined): ClientHttp2Session;
  close(): void;
}

export function createSessions(): Sessions {
  const open = new Map<string, ClientHttp2Session>();
  return {
    get(address, tls) {
      const key = `${address.host}:${address.port} ${tls?.key ?? ""}`;
      const known = open.get(key);
      if (known !== undefined && !known.closed && !known.destroyed) return known;
      const host = address.host.includes(":") ? `[${address.host}]` : address.host;
      const url = `${tls === undefined ? "http" : "https"}://${host}:${address.port}`;
      const session = connect(url, { ...tls?.options, ALPNProtocols: ["h2"] });
      session.on("error", () => open.delete(key));
      session.on("close", () => open.get(key) === session && open.delete(key));
      session.setTimeout(60_000, () => session.close());
      session.unref();
      open.set(key, session);
      return session;
    },
    close() {
      for (const session of open.values()) session.destroy();
      open.clear();
    },
  };
}

export const ask = (asked: Asked, sessions: Sessions): Exchange =>
  asked.upstream.protocol === "h2c" ? askHttp2(asked, sessions) : askHttp1(asked);

function askHttp1({ address, method, path, headers, tls }: Asked): Exchange {
  const options = { host: address.host, port: address.port, method, path, headers, setHost: false };
  const request =
    tls === undefined
      ? http({ ...options, agent: false })
      : https({ ...options, ...tls.options, agent: false });
  const reply = new Promise<Reply>((resolve, reject) => {
    request.once("error", reject);
    request.once("response", (response: IncomingMessage) => {
      request.on("error", () => response.destroy());
      resolve({
        status: response.statusCode ?? 502,
        lines: responseLines(response.rawHeaders),
        body: response,
        trailers: () => response.trailers as Record<string, string>,
      });
    });
    // A backend that wants another protocol than the one that was asked.
    request.once("upgrade", (_, socket: Duplex) => {
      socket.destroy();
      reject(new Error("the backend changed the protocol"));
    });
  });
  reply.catch(() => undefined);
  return { body: request, reply, abort: () => request.destroy() };
}

function askHttp2({ address, method, path, headers, tls }: Asked, sessions: Sessions): Exchange {
  const { host, ...rest } = headers;
  const lower = Object.entries(rest).map(([name, value]) => [name.toLowerCase(), value]);
  let stream: ClientHttp2Stream;
  try {
    stream = sessions.get(address, tls).request({
      ":method": method,
      ":path": path,
      ...(host !== undefined && { ":authority": host }),
      ...(Object.fromEntries(lower) as Record<string, string>),
    });
  } catch (error) {
    return broken(error as Error);
  }
  let trailers: Record<string, string> = {};
  stream.on("trailers", (given: IncomingHttpHeaders) => {
    trailers = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)]));
  });
  const reply = new Promise<Reply>((resolve, reject) => {
    stream.once("error", reject);
    stream.once("close", () => reject(new Error("the backend closed the stream")));
    stream.once("response", (given) => {
      stream.on("error", () => undefined);
      resolve({
        status: Number(given[":status"] ?? 502),
        lines: responseLines(given),
        body: stream,
        trailers: () => trailers,
      });
    });
  });
  reply.catch(() => undefined);
  return { body: stream, reply, abort: () => stream.destroy() };
}

/** An exchange that failed before it began: a header that HTTP/2 does not take. */
function broken(error: Error): Exchange {
  const reply = Promise.reject<Reply>(error);
  reply.catch(() => undefined);
  return { body: new PassThrough().resume(), reply, abort: () => undefined };
}
