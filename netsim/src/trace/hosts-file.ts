/** A pod's /etc/hosts as the kubelet writes it: what programs find there, they do not ask DNS for. */
import { findModel } from "clusterdns";
import type { Endpoint } from "../policy/endpoint.ts";
import { parseAddress } from "../service/address.ts";
import { originOfObject, type ObjectOrigin } from "./origin.ts";

/** Tools and libraries that are about DNS alone. */
const DNS_ONLY = /^(dig|host$|nslookup|busybox-nslookup|dnspython|node-dns\.resolve)/;

export interface HostsEntry {
  readonly address: string;
  readonly rule: string | null;
  readonly object: Partial<ObjectOrigin>;
}

export function hostsFile(
  from: Endpoint,
  name: string,
  { resolver, family }: { readonly resolver?: string; readonly family?: "IPv4" | "IPv6" },
): HostsEntry | undefined {
  const { pod } = from;
  const model = findModel(resolver ?? "glibc")?.name ?? "";
  if (pod === undefined || DNS_ONLY.test(model)) return undefined;
  const host = name.toLowerCase().replace(/\.$/, "");
  const wanted = (ip: string): boolean => {
    const parsed = parseAddress(ip)?.family;
    return parsed !== undefined && (family === undefined || parsed === family);
  };
  if (host === "localhost")
    return { address: family === "IPv6" ? "::1" : "127.0.0.1", rule: null, object: {} };
  const aliases = pod.spec.hostAliases ?? [];
  const at = aliases.findIndex(
    (a) => wanted(a.ip) && (a.hostnames ?? []).some((h) => h.toLowerCase() === host),
  );
  const alias = aliases[at];
  if (alias !== undefined) {
    const object = originOfObject(pod, ["spec", "hostAliases", at]);
    return { address: alias.ip, rule: `hostAliases ${alias.ip} ${name}`, object };
  }
  const own = pod.spec.hostname ?? pod.metadata.name;
  return host === own && pod.spec.hostNetwork !== true
    ? { address: from.address.text, rule: null, object: {} }
    : undefined;
}

/** Linux takes the unspecified address for the loopback one. */
export const isLoopback = (address: string): boolean =>
  address === "::1" || address === "::" || address === "0.0.0.0" || address.startsWith("127.");
