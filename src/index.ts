/** The public API of clusterdns. Everything else may change without notice. */
export {
  createServer,
  createSocketlessServer,
  type CreateServerOptions,
  type DnsServer,
} from "./api/create-server.ts";
export { clusterDns, type ClusterDns, type ClusterDnsOptions } from "./api/cluster-dns.ts";
export { checkCorefile, type CorefileReport } from "./api/check-corefile.ts";
export {
  after,
  afterMessage,
  capability,
  definePlugin,
  SetupError,
  type Capability,
  type ClusterInput,
  type Context,
  type Instance,
  type Next,
  type Plugin,
  type PluginDefinition,
} from "./plugin.ts";
export { DROP, Message, REFUSED, reply, serverFailure, type Answer } from "./dns/message.ts";
export type { Peer, Query } from "./dns/query.ts";
export { isWithin, nameOf, nameText, parseName, type Name } from "./dns/name.ts";
export { rdata, record, recordText } from "./dns/records.ts";
export type { Rdata, RR } from "./dns/rr.ts";
export { FLAG, OPCODE, RCODE, rcodeText, TYPE, typeText } from "./dns/types.ts";
export { decodeMessage, encodeMessage, type DecodedMessage } from "./dns/codec.ts";
/** Stub resolvers as real ones behave: what a program's lookup sends, and when it stops. */
export { podResolvConf, type PodDns } from "./resolver/pod.ts";
export { parseResolvConf, type ResolvConf } from "./resolver/conf.ts";
export { findModel, resolverModels } from "./resolver/models.ts";
export { lookup, type LookupOptions, type LookupReport } from "./resolver/lookup.ts";
export { realClock, seededRandom, virtualClock, type VirtualClock } from "./resolver/clock.ts";
export { simulatedTransport, type SimulatedNetwork } from "./resolver/simulate.ts";
export { encodeQuestion, replyFrom } from "./resolver/wire.ts";
export type { Reply, Sent, Transport } from "./resolver/types.ts";
/** A cluster's DNS in this process and in virtual time: real servers that run Corefiles, and a made world outside. */
export { openChain, type Chain, type ChainOptions, type Source } from "./ndots/chain/chain.ts";
export { createWorld, inventedRecords, readRecords, type World } from "./ndots/chain/world.ts";
