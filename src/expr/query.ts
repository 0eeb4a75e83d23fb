/** What conditions on a query may ask for, under the names that CoreDNS gives them. */
import { addressBytes, contains, parseNetwork, type Network } from "../dns/network.ts";
import { nameText } from "../dns/name.ts";
import type { Query } from "../dns/query.ts";
import { classText, typeText } from "../dns/types.ts";
import { fail } from "./error.ts";
import type { Binding, Environment } from "./scope.ts";
import { BOOL, functionType, INT, TEXT, type Type } from "./types.ts";

const ask = (name: string, result: Type, call: (query: Query) => unknown): [string, Binding<Query>] => [
  name,
  { type: functionType([], result), call },
];

/** Networks that expressions named, read once: nearly always they are constants. At most this many are kept. */
const networks = new Map<string, Network>();
const MAX_NETWORKS = 1000;

function networkOf(text: string): Network {
  let network = networks.get(text);
  if (network === undefined) {
    network = parseNetwork(text) ?? fail(`"${text}" is no network such as 10.0.0.0/8`);
    if (networks.size < MAX_NETWORKS) networks.set(text, network);
  }
  return network;
}

/** `incidr(address, network)`: whether the one is in the other. */
function inNetwork(_query: Query, [address, network]: readonly unknown[]): boolean {
  const bytes = addressBytes(address as string);
  if (bytes === undefined) return fail(`"${address as string}" is no IP address`);
  return contains(networkOf(network as string), bytes);
}

/** The functions of the `view` and `template` plugins. */
export const QUERY_FUNCTIONS: Environment<Query> = new Map<string, Binding<Query>>([
  ask("type", TEXT, (query) => typeText(query.type)),
  ask("name", TEXT, (query) => nameText(query.name)),
  ask("class", TEXT, (query) => classText(query.class)),
  ask("proto", TEXT, (query) => query.peer.protocol),
  ask("client_ip", TEXT, (query) => query.peer.address),
  ask("server_ip", TEXT, (query) => query.peer.localAddress),
  ask("port", TEXT, (query) => String(query.peer.port)),
  ask("server_port", TEXT, (query) => String(query.peer.localPort)),
  ask("size", INT, (query) => BigInt(query.length)),
  ask("id", INT, (query) => BigInt(query.origin.id)),
  ask("opcode", INT, (query) => BigInt(query.opcode)),
  ask("bufsize", INT, (query) => BigInt(query.limit)),
  ask("do", BOOL, (query) => query.dnssecOk),
  [
    "metadata",
    {
      type: functionType([TEXT], TEXT),
      call: (query, [label]) => query.meta(typeof label === "string" ? label : fail("a label is a text")),
    },
  ],
  [
    "incidr",
    {
      type: functionType([TEXT, TEXT], BOOL),
      call: (query, args) =>
        args.every((arg) => typeof arg === "string")
          ? inNetwork(query, args)
          : fail("an address and a network are texts"),
    },
  ],
]);
