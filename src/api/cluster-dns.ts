import { decodeMessage, encodeMessage } from "../dns/codec.ts";
import { nameText, parseName } from "../dns/name.ts";
import { rdataText } from "../dns/rdata.ts";
import { recordText } from "../dns/records.ts";
import { CLASS } from "../dns/rr.ts";
import { FLAG, parseType, rcodeText, typeText } from "../dns/types.ts";
import type { ClusterInput } from "../plugin.ts";
import { createServer, createSocketlessServer, type DnsServer } from "./create-server.ts";

export interface ClusterDnsOptions {
  /** The cluster's domain; default `cluster.local`. */
  readonly zone?: string;
  /** Lines for the Corefile's block beside `kubernetes`, such as `forward . 127.0.0.1:5353`. */
  readonly corefile?: string;
  /** Lines for the `kubernetes` block; default `pods insecure`. */
  readonly kubernetes?: string;
  /** false: no sockets; only `resolve` asks. Default true: a free port on 127.0.0.1. */
  readonly listen?: boolean;
}

export interface Resolved {
  readonly rcode: string;
  /** The values of the records asked for: addresses, targets, texts. */
  readonly values: readonly string[];
  /** All records of the answer, as lines of a zone file. */
  readonly records: readonly string[];
}

export interface ClusterDns {
  readonly server: DnsServer;
  /** Where a resolver finds it; port 0 without sockets. */
  readonly address: string;
  readonly port: number;
  /** Asks it, as `dig` would; names need no final dot. */
  resolve(name: string, type?: string): Promise<Resolved>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A cluster's DNS in one line: for tests.
 *
 *     await using dns = await clusterDns("k8s/");
 *     t.same((await dns.resolve("web.shop.svc.cluster.local")).values, ["10.96.10.10"]);
 */
export async function clusterDns(
  cluster: ClusterInput,
  options: ClusterDnsOptions = {},
): Promise<ClusterDns> {
  const { zone = "cluster.local", corefile = "", kubernetes = "pods insecure", listen = true } = options;
  const text = [
    ".:0 {",
    "  bind 127.0.0.1",
    `  kubernetes ${zone} in-addr.arpa ip6.arpa {`,
    `    ${kubernetes}`,
    "    fallthrough in-addr.arpa ip6.arpa",
    "  }",
    corefile,
    "}",
    "",
  ].join("\n");
  const server = (listen ? createServer : createSocketlessServer)({ corefile: text, cluster });
  try {
    await server.listen();
  } catch (error) {
    await server.close();
    throw error;
  }
  const at = server.addresses()[0];
  const close = (): Promise<void> => server.close();
  return {
    server,
    address: at?.address ?? "127.0.0.1",
    port: at?.port ?? 0,
    resolve: (name, type = "A") => resolve(server, name, type),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function resolve(server: DnsServer, text: string, typeName: string): Promise<Resolved> {
  const name = parseName(text);
  const type = parseType(typeName);
  if (name === undefined) throw new RangeError(`not a domain name: "${text}"`);
  if (type === undefined) throw new RangeError(`not a record type: "${typeName}"`);
  const { bytes } = encodeMessage({
    id: 0,
    flags: FLAG.RD,
    question: { name, type, class: CLASS.IN },
    answer: [],
    authority: [],
    additional: [],
  });
  const answer = await server.exchange(bytes, { protocol: "tcp" });
  const message = answer === undefined ? undefined : decodeMessage(answer);
  if (message === undefined || message.error !== undefined) {
    throw new Error(`no answer for ${nameText(name)} ${typeText(type)}`);
  }
  return {
    rcode: rcodeText(message.rcode),
    values: message.answer.filter((rr) => rr.type === type).map((rr) => rdataText(rr.type, rr.rdata)),
    records: message.answer.map(recordText),
  };
}
