/** The resolvers by name. */
import { dig, digSearch, host, nslookup } from "./bind.ts";
import { busyboxNslookup } from "./busybox.ts";
import { caresGetaddrinfo, nodeResolve4 } from "./cares.ts";
import { dnspython } from "./dnspython.ts";
import * as glibc from "./glibc.ts";
import { goPure, goPureIp4 } from "./go.ts";
import * as musl from "./musl.ts";
import type { Model } from "./types.ts";

export interface ResolverModel {
  readonly name: string;
  /** The program that was recorded, and this behaves as. */
  readonly version: string;
  /** Short names beside the full one. */
  readonly aliases: readonly string[];
  readonly resolve: Model;
}

const entry = (name: string, version: string, resolve: Model, ...aliases: string[]): ResolverModel => ({
  name,
  version,
  aliases,
  resolve,
});

export const resolverModels: readonly ResolverModel[] = [
  entry("glibc-getaddrinfo", "glibc 2.36", glibc.glibc, "glibc"),
  entry("glibc-getaddrinfo-inet", "glibc 2.36, AF_INET", glibc.glibcInet, "glibc-inet"),
  entry(
    "glibc-getaddrinfo-addrconfig",
    "glibc 2.36, AI_ADDRCONFIG",
    glibc.glibcAddrconfig,
    "glibc-addrconfig",
  ),
  entry("getent-ahosts", "glibc 2.36, AI_ADDRCONFIG", glibc.getentAhosts, "getent"),
  entry("getent-hosts", "glibc 2.36, gethostbyname2", glibc.getentHosts),
  entry("python3-getaddrinfo", "CPython 3.11 on glibc 2.36", glibc.glibc, "python", "python3"),
  entry("java-getAllByName", "OpenJDK 17 on glibc 2.36", glibc.javaGetAllByName, "java"),
  entry("musl-1.2.5", "musl 1.2.5", musl.musl, "musl", "alpine"),
  entry("musl-1.2.5-inet", "musl 1.2.5, AF_INET", musl.muslInet, "musl-inet"),
  entry("musl-1.2.5-addrconfig", "musl 1.2.5, AI_ADDRCONFIG", musl.muslAddrconfig, "musl-addrconfig"),
  entry("musl-1.2.3", "musl 1.2.3", musl.muslOld),
  entry("go-pure", "go1.26 net, LookupHost", goPure, "go"),
  entry("go-pure-ip4", "go1.26 net, LookupIP ip4", goPureIp4, "go-ip4"),
  entry(
    "c-ares-getaddrinfo",
    "c-ares 1.34 as pycares opens it",
    caresGetaddrinfo,
    "c-ares",
    "cares",
    "pycares",
  ),
  entry("node-dns.lookup", "Node 20 on glibc 2.36", glibc.nodeLookup, "node"),
  entry("node-dns.lookup-addrconfig", "Node 20 on glibc 2.36, ADDRCONFIG", glibc.nodeLookupAddrconfig),
  entry("node-dns.resolve4", "Node 20, c-ares 1.34", nodeResolve4),
  entry("dnspython-search", "dnspython 2.9", dnspython, "dnspython"),
  entry("dig", "dig 9.18", dig),
  entry("dig+search", "dig 9.18", digSearch, "dig-plus-search"),
  entry("host", "host 9.18", host),
  entry("nslookup", "nslookup 9.18", nslookup),
  entry("busybox-nslookup", "busybox 1.35", busyboxNslookup, "busybox"),
];

const fold = (name: string): string => name.toLowerCase().replace(/[.+_]/g, "_");
const byName = new Map(
  resolverModels.flatMap((model) =>
    [model.name, ...model.aliases].map((name) => [fold(name), model] as const),
  ),
);

/** The model of that name or alias; `.`, `+` and `_` are one, letters of either case. */
export const findModel = (name: string): ResolverModel | undefined => byName.get(fold(name));
