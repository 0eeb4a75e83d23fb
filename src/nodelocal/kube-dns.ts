/** The kube-dns ConfigMap, mounted as a directory: a file for each key. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import type { KubeDns } from "./corefile.ts";

/** One bad key makes the whole ConfigMap bad. `unusable`: it is right in itself, and no Corefile can be made of it. */
export type KubeDnsResult =
  { readonly config: KubeDns } | { readonly error: string; readonly unusable?: boolean };

const MAX_UPSTREAMS = 3;

/** Reads it; `error` says which key is wrong and how. Names that begin with a dot, folders and unknown keys do not count. */
export function readKubeDns(directory: string): KubeDnsResult {
  const values = new Map<string, string>();
  try {
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      if (name.startsWith(".") || !statSync(path).isFile()) continue;
      const bytes = readFileSync(path);
      const text = bytes.toString("utf8");
      if (!Buffer.from(text, "utf8").equals(bytes)) return { error: `non-utf8 data in ${path}` };
      values.set(name, text);
    }
  } catch (error) {
    return { error: (error as Error).message };
  }
  return parseKubeDns(values);
}

export function parseKubeDns(values: ReadonlyMap<string, string>): KubeDnsResult {
  const problems: string[] = [];
  const read = <T>(key: string, isRight: (value: unknown) => value is T, wanted: string): T | undefined => {
    const text = values.get(key);
    if (text === undefined) return undefined;
    try {
      const value: unknown = JSON.parse(text);
      if (value === null || isRight(value)) return value ?? undefined;
      problems.push(`${key}: ${wanted} is wanted: ${text}`);
    } catch (error) {
      problems.push(`${key}: ${(error as Error).message}`);
    }
    return undefined;
  };
  const stubDomains = read("stubDomains", isMapOf(isList), "a map of domains to lists of servers") ?? {};
  const upstreamNameservers = read("upstreamNameservers", isList, "a list of servers") ?? [];
  const error =
    problems[0] ??
    checkFederations(values.get("federations") ?? "") ??
    checkStubDomains(stubDomains) ??
    checkUpstreams(upstreamNameservers);
  if (error !== undefined) return { error };
  const unusable = checkServers(stubDomains);
  return unusable === undefined
    ? { config: { stubDomains, upstreamNameservers } }
    : { error: unusable, unusable: true };
}

/** `name=domain,...`: they mean nothing here, and a ConfigMap with wrong ones counts as broken all the same. */
function checkFederations(text: string): string | undefined {
  if (text.trim() === "") return undefined;
  for (const pair of text.split(",")) {
    const equals = pair.indexOf("=");
    if (equals < 0) return "federations: invalid format, must be key=value";
    const [name, domain] = [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()];
    if (!isLabel(name)) return `${JSON.stringify(name)} not a valid federation name`;
    if (!isSubdomain(domain)) return `${JSON.stringify(domain)} not a valid domain name`;
  }
  return undefined;
}

function checkStubDomains(stubDomains: Readonly<Record<string, readonly string[]>>): string | undefined {
  for (const [domain, servers] of Object.entries(stubDomains)) {
    if (!isSubdomain(domain)) return `invalid domain name: ${JSON.stringify(domain)}`;
    for (const server of servers) {
      const { host, port } = split(server);
      if (port !== undefined && (!/^\d+$/.test(port) || Number(port) > 65535))
        return `invalid nameserver: ${JSON.stringify(server)}`;
      if (isIP(host) === 0 && !isSubdomain(server)) return `invalid nameserver: ${JSON.stringify(server)}`;
    }
  }
  return undefined;
}

/** `forward` takes addresses and files in resolv.conf's form, and one of them at least. */
function checkServers(stubDomains: Readonly<Record<string, readonly string[]>>): string | undefined {
  for (const [domain, servers] of Object.entries(stubDomains)) {
    if (servers.length === 0) return `the stub domain ${domain} has no nameserver`;
    const wrong = servers.find((server) => isIP(split(server).host) === 0 && !existsSync(server));
    if (wrong !== undefined)
      return `invalid nameservers [${servers.join(" ")}] for the stub domain ${domain}: not an IP address or file: ${JSON.stringify(wrong)}`;
  }
  return undefined;
}

function checkUpstreams(servers: readonly string[]): string | undefined {
  if (servers.length > MAX_UPSTREAMS) return "upstreamNameserver cannot have more than three entries";
  for (const server of servers) {
    const { host, port } = split(server);
    if (isIP(host) === 0) return `bad IP address: ${JSON.stringify(host)}`;
    if (port !== undefined && (!/^\d+$/.test(port) || Number(port) < 1 || Number(port) > 65535))
      return `bad port number: ${JSON.stringify(port)}`;
  }
  return undefined;
}

/** `IP:port` and `[IPv6]:port`; all else is a host alone. */
function split(server: string): { host: string; port: string | undefined } {
  const [, bracketed, bare, port] = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(server) ?? [];
  return port === undefined ? { host: server, port } : { host: bracketed ?? bare!, port };
}

const isString = (value: unknown): value is string => typeof value === "string";

const isList = (value: unknown): value is string[] => Array.isArray(value) && value.every(isString);

const isMapOf =
  <T>(isRight: (value: unknown) => value is T) =>
  (value: unknown): value is Record<string, T> =>
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every(isRight);

const isLabel = (text: string): boolean => /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text);

/** A DNS-1123 subdomain, as Kubernetes has it. */
const isSubdomain = (text: string): boolean =>
  text.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text);
