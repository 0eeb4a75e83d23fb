import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { parseName, type Name } from "../../src/dns/name.ts";
import { decodeMessage, encodeMessage } from "../../src/dns/codec.ts";
import { ipv4Text, ipv6Text } from "../../src/dns/address.ts";
import { CLASS } from "../../src/dns/rr.ts";
import { FLAG, TYPE } from "../../src/dns/types.ts";
import { hostPort } from "../../src/upstream/failure.ts";
import { ask, DEFAULT_PORT, type Endpoint } from "../../src/upstream/upstream.ts";
import { UdpPool } from "../../src/upstream/udp-pool.ts";
import { bestUdp } from "../../src/upstream/udp-native.ts";
import type { Target } from "./table.ts";

/** A word behind FROM: one server, a file that lists servers, or a host that may have several addresses. */
export type Place =
  | { readonly kind: "address"; readonly endpoint: Endpoint }
  | { readonly kind: "file"; readonly file: string }
  | { readonly kind: "host"; readonly target: Target };

/** A word that is no address is a file if there is one of that name. */
export function placeOf(target: Target): Place {
  const { transport, host, port, serverName } = target;
  if (target.address) {
    return {
      kind: "address",
      endpoint: { transport, address: host, port: port ?? DEFAULT_PORT[transport], serverName },
    };
  }
  const file = target.text.replace(/^[a-z0-9]+:\/\//, "");
  return readServers(file) === undefined ? { kind: "host", target } : { kind: "file", file };
}

/** The name servers of a file like /etc/resolv.conf; undefined where it can't be read. */
export function readServers(file: string): readonly Endpoint[] | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
  return text.split("\n").flatMap((line) => {
    const [word, server = ""] = line.trim().split(/\s+/);
    const address = server.replace(/%.*$/, "");
    if (word !== "nameserver" || isIP(address) === 0) return [];
    return [{ transport: "dns", address, port: DEFAULT_PORT.dns, serverName: undefined } as const];
  });
}

/** All servers that the places stand for, each once. Rejects where a host can't be resolved. */
export async function expand(
  places: readonly Place[],
  resolvers: readonly string[],
): Promise<readonly Endpoint[]> {
  const found = new Map<string, Endpoint>();
  for (const place of places) {
    const endpoints =
      place.kind === "address"
        ? [place.endpoint]
        : place.kind === "file"
          ? (readServers(place.file) ?? [])
          : await resolve(place.target, resolvers);
    for (const endpoint of endpoints) {
      const key = hostPort(endpoint.address, endpoint.port);
      if (!found.has(key)) found.set(key, endpoint);
    }
  }
  return [...found.values()];
}

async function resolve(target: Target, resolvers: readonly string[]): Promise<readonly Endpoint[]> {
  const { host, transport, port, serverName } = target;
  const failed = (why: string): Error =>
    new Error(`failed to resolve "${host}", which is no address and no file: ${why}`);
  const name = parseName(host);
  if (name === undefined) throw failed("it is no domain name");
  let addresses: readonly string[];
  try {
    addresses =
      resolvers.length === 0
        ? (await lookup(host, { all: true })).map(({ address }) => address)
        : await askResolvers(name, resolvers);
  } catch (error) {
    throw Object.assign(failed((error as Error).message), { cause: error });
  }
  if (addresses.length === 0) throw failed("no addresses found");
  return addresses.map((address) => ({
    transport,
    address,
    port: port ?? DEFAULT_PORT[transport],
    serverName,
  }));
}

/** The addresses that the first resolver to have any gives. */
async function askResolvers(name: Name, resolvers: readonly string[]): Promise<readonly string[]> {
  let last: Error | undefined;
  for (const resolver of resolvers) {
    try {
      const found = await Promise.all([TYPE.A, TYPE.AAAA].map((type) => askAddresses(resolver, name, type)));
      if (found.flat().length > 0) return found.flat();
    } catch (error) {
      last = error as Error;
    }
  }
  if (last !== undefined) throw last;
  return [];
}

const TIMEOUT = 2000;

async function askAddresses(resolver: string, name: Name, type: number): Promise<readonly string[]> {
  const isBare = isIP(resolver) !== 0;
  const colon = resolver.lastIndexOf(":");
  const address = isBare ? resolver : resolver.slice(0, colon).replace(/^\[|\]$/g, "");
  const port = isBare ? DEFAULT_PORT.dns : Number(resolver.slice(colon + 1));
  const pool = new UdpPool(
    {
      target: { address, port, source: undefined },
      remote: hostPort(address, port),
      readTimeout: TIMEOUT,
      expire: 0,
      maxAge: 0,
      maxIdle: 1,
      connections: undefined,
    },
    bestUdp(),
  );
  const question = { name, type, class: CLASS.IN };
  const { bytes } = encodeMessage({
    id: 0,
    flags: FLAG.RD,
    question,
    answer: [],
    authority: [],
    additional: [],
  });
  try {
    const reply = decodeMessage(await ask(pool, bytes, "udp"));
    if (reply.error !== undefined) throw new Error(`${resolver} sent a reply that can't be read`);
    return reply.answer
      .filter((rr) => rr.type === type)
      .map(({ rdata }) => (type === TYPE.A ? ipv4Text(rdata) : ipv6Text(rdata)));
  } finally {
    pool.close();
  }
}
