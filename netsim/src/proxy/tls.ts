/** TLS at a port: which certificate for which name, and whether clients must have one of their own. */
import { createSecureContext, createServer } from "node:tls";
import type { SecureContext, Server, TLSSocket, TlsOptions } from "node:tls";
import type { Socket } from "node:net";
import { authority as authorityOf } from "../gateway/certificates.ts";
import { fields, list, text, texts } from "../gateway/fields.ts";
import { clientValidation } from "../gateway/frontend.ts";
import { serverName } from "../gateway/ingress/rules.ts";
import type { Effective } from "../gateway/listeners.ts";
import type { Authority, KeyPair } from "./certificates.ts";
import { keyPairOf } from "./secrets.ts";
import type { Site } from "./site.ts";

export interface TlsFront {
  /** Begins a handshake on a connection whose ClientHello has been looked at and put back. */
  take(site: Site, socket: Socket, port: number, listener: Effective | undefined): void;
  close(): void;
}

export interface TlsFrontOptions {
  readonly authority: () => Authority;
  /** Hears of certificates that had to be made, once for each. */
  readonly say: (text: string) => void;
  readonly secured: (socket: TLSSocket, port: number, listener: Effective | undefined) => void;
}

/** A server for each port and state of the cluster: what clients must show is decided before the name is known to Node. */
export function createTlsFront({ authority, say, secured }: TlsFrontOptions): TlsFront {
  const servers = new Map<string, { readonly site: Site; readonly server: Server }>();
  const told = new Set<string>();

  function pairFor(site: Site, name: string, listener: Effective | undefined): KeyPair {
    const refs = listener === undefined ? ingressSecrets(site, name) : listener.certificates;
    for (const ref of refs) {
      const pair = keyPairOf(site.cluster, ref);
      if (pair !== undefined) return pair;
    }
    const host = name === "" ? (listener?.hostname ?? "localhost") : name;
    const wanted = refs.map((ref) => `${ref.namespace}/${ref.name}`).join(", ");
    const why =
      refs.length === 0 ? "no Secret is named" : `no Secret ${wanted} with a certificate and its key`;
    const key = `${host} ${why}`;
    if (!told.has(key) && told.size < 1000) {
      told.add(key);
      say(`${host}: ${why} in the input: its certificate is made here`);
    }
    const names = [
      host,
      ...(listener?.hostname !== undefined && listener.hostname !== host ? [listener.hostname] : []),
    ];
    return authority().issue(names);
  }

  function contextFor(site: Site, name: string, listener: Effective | undefined): SecureContext {
    const { certificate, key } = pairFor(site, name, listener);
    return createSecureContext({ cert: certificate, key, ...authoritiesFor(site, listener) });
  }

  function serverFor(site: Site, port: number, isHttp: boolean): Server {
    const key = `${port}/${isHttp ? "http" : "stream"}`;
    const known = servers.get(key);
    if (known?.site === site) return known.server;
    const validation =
      site.table === undefined || !isHttp
        ? undefined
        : clientValidation(site.cluster, site.table.gateway, { protocol: "HTTPS", port });
    const asks = (validation?.authorities.length ?? 0) > 0;
    const options: TlsOptions = {
      ...(isHttp && { ALPNProtocols: ["h2", "http/1.1"] }),
      requestCert: asks,
      rejectUnauthorized: asks && validation?.isInsecure !== true,
      ca: (validation?.authorities ?? []).flatMap((ref) => authorityOf(site.cluster, ref) ?? []),
      handshakeTimeout: 30_000,
      SNICallback(name, done) {
        try {
          done(null, contextFor(site, name.toLowerCase(), site.table?.listenerFor(port, name)));
        } catch (error) {
          done(error as Error);
        }
      },
      ...defaultPair(site, port),
    };
    const server = createServer(options, (socket) => {
      const name = typeof socket.servername === "string" ? socket.servername : "";
      secured(socket, port, site.table?.listenerFor(port, name));
    });
    server.on("tlsClientError", (_, socket) => socket.destroy());
    server.on("error", () => undefined);
    servers.set(key, { site, server });
    return server;
  }

  /** For clients that name nobody. */
  function defaultPair(site: Site, port: number): { cert: string; key: string } {
    const { certificate, key } = pairFor(site, "", site.table?.listenerFor(port, ""));
    return { cert: certificate, key };
  }

  return {
    take(site, socket, port, listener) {
      if (site.table !== undefined && listener === undefined) return void rejectName(socket);
      serverFor(site, port, listener?.protocol !== "TLS").emit("connection", socket);
    },
    close: () => servers.clear(),
  };
}

/** Authorities that a client's certificate may come from, told to the client in the handshake. */
function authoritiesFor(site: Site, listener: Effective | undefined): { ca?: string[] } {
  if (listener === undefined || site.table === undefined) return {};
  const { authorities } = clientValidation(site.cluster, site.table.gateway, listener);
  const ca = authorities.flatMap((ref) => authorityOf(site.cluster, ref) ?? []);
  return ca.length === 0 ? {} : { ca };
}

/** Secrets that Ingresses name for a host below `spec.tls`. */
function ingressSecrets(site: Site, host: string): { namespace: string; name: string }[] {
  return site.cluster.ingresses.flatMap((ingress) =>
    list(fields(ingress.spec)["tls"]).flatMap((tls) => {
      const name = text(fields(tls)["secretName"]);
      const hosts = texts(fields(tls)["hosts"]).map((h) => h.toLowerCase());
      if (name === undefined || serverName(hosts, host) === undefined) return [];
      return [{ namespace: ingress.metadata.namespace, name }];
    }),
  );
}

/** The alert `unrecognized_name` (RFC 6066, 3). */
function rejectName(socket: Socket): void {
  socket.end(Buffer.from([21, 3, 3, 0, 2, 2, 112]));
  socket.resume();
}
