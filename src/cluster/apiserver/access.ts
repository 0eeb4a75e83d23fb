/**
 * How an API server is reached and by whom: from a kubeconfig, from a pod's service account, or from `endpoint` and `tls`.
 *
 * `@kubernetes/client-node` costs 70 MiB and 0.3 s to load (measured, Node 20), half of what the whole server may use. So
 * plain credentials (tokens, certificates, passwords: all that kubeadm makes) are read here, and the library
 * is loaded only for what takes a program or a protocol: `exec`, `auth-provider`, `proxy-url`.
 */
import { existsSync, readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { dirname, join, resolve } from "node:path";
import { load } from "js-yaml";

/** What a Corefile or a program says of the API server. */
export type AccessOptions =
  | {
      readonly kind: "in-cluster";
      readonly env?: Readonly<Record<string, string | undefined>>;
      readonly directory?: string;
    }
  | { readonly kind: "kubeconfig"; readonly file: string; readonly context?: string | undefined }
  | { readonly kind: "endpoint"; readonly url: string; readonly tls?: TlsFiles | undefined };

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string | undefined;
}

/** Something secret or signed: as text, or in a file that may be replaced at any time. */
export type Material = { readonly text: string } | { readonly file: string };

/** All that a connection needs. It can be posted to a worker. */
export interface Access {
  /** `https://HOST:PORT/PREFIX`, without a slash at its end. */
  readonly server: string;
  readonly ca: Material | undefined;
  readonly cert: Material | undefined;
  readonly key: Material | undefined;
  readonly token: Material | undefined;
  /** Name in the server's certificate where it is not the host's. */
  readonly serverName: string | undefined;
  /** The server's certificate is not verified. */
  readonly insecure: boolean;
  /** Basic authentication, impersonation. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Where `@kubernetes/client-node` must find the credentials. */
  readonly library: { readonly file: string; readonly context: string } | undefined;
}

/** Where kubelet mounts the service account of a pod. */
export const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Reads what `options` name. Throws an Error of one line where that can't work. */
export function readAccess(options: AccessOptions): Access {
  switch (options.kind) {
    case "in-cluster":
      return inCluster(options.env ?? process.env, options.directory ?? SERVICE_ACCOUNT);
    case "kubeconfig":
      return fromKubeconfig(resolve(options.file), options.context);
    case "endpoint":
      return fromEndpoint(options.url, options.tls);
  }
}

const NOTHING = {
  ca: undefined,
  cert: undefined,
  key: undefined,
  token: undefined,
  serverName: undefined,
  insecure: false,
  headers: {},
  library: undefined,
};

function inCluster(env: Readonly<Record<string, string | undefined>>, directory: string): Access {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port) {
    throw new Error(
      "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined",
    );
  }
  const token = join(directory, "token");
  const ca = join(directory, "ca.crt");
  read(token);
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  // Without the file the system's roots count, as for client-go.
  return { ...NOTHING, server, ca: existsSync(ca) ? { file: ca } : undefined, token: { file: token } };
}

function fromEndpoint(url: string, tls: TlsFiles | undefined): Access {
  const material = (file: string | undefined) => (file ? { file: resolve(file) } : undefined);
  const [cert, key, ca] = [material(tls?.cert), material(tls?.key), material(tls?.ca)];
  for (const part of [cert, key, ca]) if (part !== undefined) read(part.file);
  return { ...NOTHING, server: serverUrl(url, tls !== undefined), cert, key, ca };
}

type Json = Readonly<Record<string, unknown>>;

function fromKubeconfig(file: string, wanted: string | undefined): Access {
  const config = record(parse(file));
  const name = wanted ?? text(config["current-context"]);
  if (!name) throw new Error(`${file}: no current-context: name a context after the file`);
  const context = named(file, config, "context", name);
  const cluster = named(file, config, "cluster", text(context["cluster"]) ?? "");
  // A user may be missing: then requests are anonymous.
  const user = text(context["user"]) === undefined ? {} : named(file, config, "user", text(context["user"])!);

  const server = text(cluster["server"]);
  if (!server) throw new Error(`${file}: cluster ${JSON.stringify(context["cluster"])} has no server`);
  const material = (from: Json, key: string): Material | undefined => {
    const data = text(from[`${key}-data`]);
    if (data) return { text: Buffer.from(data, "base64").toString("latin1") };
    const path = text(from[key]);
    return path ? { file: resolve(dirname(file), path) } : undefined;
  };
  const access: Access = {
    server: serverUrl(
      server,
      Object.keys(cluster).some((key) => key.startsWith("certificate-authority")),
    ),
    ca: material(cluster, "certificate-authority"),
    cert: material(user, "client-certificate"),
    key: material(user, "client-key"),
    token: tokenOf(user, dirname(file)),
    serverName: text(cluster["tls-server-name"]),
    insecure: cluster["insecure-skip-tls-verify"] === true,
    headers: headersOf(user),
    library:
      user["exec"] || user["auth-provider"] || cluster["proxy-url"] ? { file, context: name } : undefined,
  };
  for (const part of [access.ca, access.cert, access.key, access.token])
    if (part && "file" in part) read(part.file);
  return access;
}

function parse(file: string): unknown {
  const yaml = read(file);
  try {
    return load(yaml, { filename: file });
  } catch (error) {
    throw new Error(`${file}: not YAML: ${(error as Error).message.split("\n")[0]}`, { cause: error });
  }
}

/** The entry of a kubeconfig's list of contexts, clusters or users. */
function named(file: string, config: Json, kind: "context" | "cluster" | "user", name: string): Json {
  const list = config[`${kind}s`];
  const entries = Array.isArray(list) ? list.map(record) : [];
  const found = entries.find((entry) => entry["name"] === name);
  if (found !== undefined) return record(found[kind]);
  const known = entries.map((entry) => JSON.stringify(entry["name"])).join(", ") || "none";
  throw new Error(`${file}: no ${kind} ${JSON.stringify(name)} (there: ${known})`);
}

/** A file wins over a token, as it does for kubectl. */
function tokenOf(user: Json, directory: string): Material | undefined {
  const file = text(user["tokenFile"]);
  if (file) return { file: resolve(directory, file) };
  const token = text(user["token"]);
  return token ? { text: token } : undefined;
}

/** Basic authentication, and impersonation (Kubernetes, "User impersonation"). */
function headersOf(user: Json): Record<string, string | readonly string[]> {
  const headers: Record<string, string | readonly string[]> = {};
  const name = text(user["username"]);
  if (name)
    headers["authorization"] =
      `Basic ${Buffer.from(`${name}:${text(user["password"]) ?? ""}`).toString("base64")}`;
  const as = text(user["as"]);
  if (!as) return headers;
  headers["impersonate-user"] = as;
  const uid = text(user["as-uid"]);
  if (uid) headers["impersonate-uid"] = uid;
  if (texts(user["as-groups"]).length > 0) headers["impersonate-group"] = texts(user["as-groups"]);
  for (const [key, values] of Object.entries(record(user["as-user-extra"]))) {
    headers[`impersonate-extra-${encodeURIComponent(key).toLowerCase()}`] = texts(values);
  }
  return headers;
}

/** `HOST:PORT` without a scheme is HTTPS where there is anything to verify it with, as for kubectl. */
function serverUrl(server: string, secure: boolean): string {
  const whole = /^[a-z]+:\/\//i.test(server) ? server : `${secure ? "https" : "http"}://${server}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:")
    throw new Error(`not the URL of an API server: ${JSON.stringify(server)}`);
  return (url.origin + url.pathname).replace(/\/+$/, "");
}

/** A file's text; the error of one line where it can't be read. */
export function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === "ENOENT"
        ? "no such file or directory"
        : code === "EACCES"
          ? "permission denied"
          : (code ?? "unreadable");
    throw new Error(`open ${file}: ${why}`, { cause: error });
  }
}

const record = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
