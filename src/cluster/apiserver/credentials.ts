/** An `Access` at work: the headers and the connections' keys, read anew when their files are replaced. */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent, type AgentOptions, type RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import { type Access, type Material, read } from "./access.ts";

export interface Credentials {
  /** What the next request goes out with. Rejects where a file can't be read. */
  next(): Promise<{
    readonly agent: HttpAgent;
    readonly headers: Readonly<Record<string, string | readonly string[]>>;
  }>;
  /** Closes idle connections and reads everything anew for the next request: after a 401, a broken or a silent connection. */
  renew(): void;
  close(): void;
}

/** Certificates are looked at again after this time; tokens, which live for an hour or less, for every request. */
const TLS_KEPT_MS = 60_000;

export function createCredentials(access: Access, now: () => number): Credentials {
  let agent: HttpAgent | undefined;
  let material = "";
  let readAt = 0;

  const agentNow = (): HttpAgent => {
    if (agent !== undefined && now() - readAt < TLS_KEPT_MS) return agent;
    const tls: AgentOptions = {};
    if (access.ca) tls.ca = textOf(access.ca);
    if (access.cert) tls.cert = textOf(access.cert);
    if (access.key) tls.key = textOf(access.key);
    if (access.serverName) tls.servername = access.serverName;
    if (access.insecure) tls.rejectUnauthorized = false;
    readAt = now();
    const found = JSON.stringify(tls);
    if (agent !== undefined && found === material) return agent;
    material = found;
    closeIdle(agent);
    const options = { ...tls, keepAlive: true, scheduling: "lifo" as const };
    agent = access.server.startsWith("https:") ? new HttpsAgent(options) : new HttpAgent(options);
    return agent;
  };

  const fromLibrary = access.library && createLibrary(access.library, now);
  return {
    next: async () => {
      if (fromLibrary !== undefined) {
        const { agent, headers } = await fromLibrary.next();
        return { agent, headers: { ...access.headers, ...headers } };
      }
      const token = access.token && textOf(access.token).trim();
      return {
        agent: agentNow(),
        headers: token ? { ...access.headers, authorization: `Bearer ${token}` } : access.headers,
      };
    },
    renew: () => {
      readAt = 0;
      closeIdle(agent);
      fromLibrary?.renew();
    },
    close: () => {
      agent?.destroy();
      fromLibrary?.close();
    },
  };
}

/** Credentials that `@kubernetes/client-node` gets: by running a program, from an identity provider, through a proxy. */
function createLibrary({ file, context }: NonNullable<Access["library"]>, now: () => number): Credentials {
  let config: Promise<KubeConfig> | undefined;
  let agent: HttpAgent | undefined;
  let madeAt = 0;

  const load = async () => {
    const { KubeConfig } = await import("@kubernetes/client-node");
    const loaded = new KubeConfig();
    loaded.loadFromFile(file);
    loaded.setCurrentContext(context);
    return loaded;
  };
  const renew = (): void => {
    closeIdle(agent);
    agent = undefined;
    config = undefined;
  };
  return {
    next: async () => {
      config ??= load();
      const options: RequestOptions = {};
      await (await config).applyToHTTPSOptions(options);
      if (agent === undefined || now() - madeAt > TLS_KEPT_MS) {
        closeIdle(agent);
        agent = options.agent as HttpAgent;
        madeAt = now();
      }
      const basic = options.auth
        ? { authorization: `Basic ${Buffer.from(options.auth).toString("base64")}` }
        : {};
      return { agent, headers: { ...basic, ...(options.headers as Record<string, string>) } };
    },
    renew,
    close: () => agent?.destroy(),
  };
}

const textOf = (material: Material): string => ("text" in material ? material.text : read(material.file));

/** Connections in use stay: a watch may outlive the certificate that it was opened with. */
function closeIdle(agent: HttpAgent | undefined): void {
  for (const sockets of Object.values(agent?.freeSockets ?? {}))
    for (const socket of sockets ?? []) socket.destroy();
}
