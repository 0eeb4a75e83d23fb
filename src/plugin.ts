/**
 * The contract between the server and its plugins: all that a plugin sees of the house, and all that the house knows of one.
 *
 * A plugin is a name, a table of its directive, and a `setup` that makes an instance out of parsed options. An instance
 * may handle queries (`answer`), watch them (`observe`), know things about them (`metadata`), and live (`start`, `ready`, `close`).
 *
 *     export const greeter: Plugin = definePlugin({
 *       name: "greeter",
 *       before: ["forward"],
 *       directive: { usage: "greeter TEXT", args: { text: { type: "text" } } },
 *       setup({ text }) {
 *         return {
 *           answer(query, next) {
 *             if (query.type !== TYPE.TXT) return next(query);
 *             return reply(query, RCODE.NOERROR, FLAG.AA, { answer: [txt(query.rawName, text)] });
 *           },
 *         };
 *       },
 *     });
 */
import type { AnyDirective, OptionsOf } from "./directive/index.ts";
import type { Answer, Failure, Message } from "./dns/message.ts";
import type { Name } from "./dns/name.ts";
import type { Query } from "./dns/query.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { Carrier } from "./upstream/carrier.ts";

export type MaybePromise<T> = T | Promise<T>;

/** Asks the rest of the chain. May be called any number of times, with any query, while the block lives. */
export type Next = (query: Query) => MaybePromise<Answer>;

/** What a set-up directive is in a server block. Everything is optional. */
export interface Instance {
  /**
   * Answers the query or has `next` answer it. Never an async function: an answer that is in memory must not wait for a turn
   * of the event loop. What comes behind `next` goes through `after`, which does the right thing in both cases.
   */
  answer?(query: Query, next: Next): MaybePromise<Answer>;

  /** Told of every query that no block of this listener took, and why, for zone `dropped` of the metrics. One instance a listener is told. */
  observeUnrouted?(query: Query, failure: Failure, seconds: number): void;

  /** Told of every query of the block and what became of it, `seconds` after it came in, in the chain's order. Must not throw or change anything. */
  observe?(query: Query, answer: Answer, seconds: number): void;

  /** The text of a metadata label, or undefined where this plugin does not know it. Asked only when somebody wants it. */
  metadata?(query: Query, label: string): string | undefined;

  /** Whether the block takes the query (the `view` plugin). */
  accepts?(query: Query): boolean;

  /** Before the sockets open; the server waits for it. Throw an Error (or a `SetupError`) to refuse the configuration. */
  start?(): void | Promise<void>;

  /** After the block's sockets are open. */
  listening?(): void;

  /** `true`, or why not yet, for the `ready` plugin. Only plugins that have it are waited for. */
  ready?(): true | string;

  /** At the process's end, while everything still answers: the place for a lame-duck time. */
  beforeShutdown?(): void | Promise<void>;

  /** Frees all that it holds. Called once, also when `start` failed or was never called. */
  close?(): void | Promise<void>;
}

/** How the block's sockets are to be: written by the plugins that are settings (bind, tls, timeouts, ...) at set-up. */
export interface BlockSettings {
  /** Addresses to listen on; undefined: all. */
  bind: string[] | undefined;
  /** Base of relative file names. */
  root: string;
  /** `node:tls` options of the block's encrypted transports. */
  tls: Readonly<Record<string, unknown>> | undefined;
  /** Milliseconds. */
  timeouts: { read: number; write: number; idle: number };
  /** Number of sockets per UDP address. */
  sockets: number;
  /** Queries of a class other than IN are let in on this listener, for all its blocks (chaos, forward). */
  anyClass: boolean;
  /** A panic of a plugin ends the process with its stack (debug). */
  debug: boolean;
  /** Local EDNS options that are echoed to the client (rewrite): of all blocks, as in CoreDNS. */
  echoOptions: Set<number>;
  /** Queries on one TCP connection; 0: no limit. */
  maxTcpQueries: number;
  /** Of queries for names in these zones the block's plugins are asked for metadata (metadata). */
  metadata: readonly Name[];
  /** The name of the block's view, where it has one. */
  viewName: string | undefined;
}

/** Something that one plugin offers and another may ask for, by key. Declare the key once, with its type: see `capability`. */
export interface Capability<T> {
  readonly key: string;
  /** Only for the type checker. */
  readonly type?: T;
}

export function capability<T>(key: string): Capability<T> {
  return { key };
}

/** Lines for the operator. `plugin/NAME: ` is put in front. */
export interface Logger {
  debug(text: string): void;
  info(text: string): void;
  warning(text: string): void;
  error(text: string): void;
  /** A line without the plugin's name in front: a query log's. */
  plain(level: "info" | "error", text: string): void;
  /** A line as it stands. */
  print(line: string): void;
}

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
}

export interface HttpResponse {
  readonly status: number;
  readonly type?: string;
  readonly body: string | Uint8Array;
}

/** One plugin's member of the process that other members can see. */
export interface Member {
  readonly plugin: string;
  readonly instance: Instance;
}

/** What `node:tls` needs to serve. */
export interface TlsOptions {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly requestCert?: boolean;
  readonly rejectUnauthorized?: boolean;
}

/** What belongs to the process and not to one block. */
export interface Host {
  /**
   * Serves `path` on an address such as `:8080`; several plugins may share one address. Released with the block. Rejects where
   * the address can't be opened. Call it in `start` or `listening`. `tls`: over HTTPS; the first to open the address decides.
   */
  http(
    address: string,
    path: string,
    handler: (request: HttpRequest) => MaybePromise<HttpResponse>,
    tls?: TlsOptions,
  ): Promise<() => Promise<void>>;
  /** All instances of all blocks of the running configuration, in the chain's order. */
  members(): readonly Member[];
  /** Reads the Corefile anew and goes over to it if it is right; the error's text where not. `ifChanged`: only if its tokens differ. */
  reload(ifChanged: boolean): Promise<ReloadOutcome>;
  /** SHA-512 of the running Corefile, in hex; empty where there is none (embedded). */
  configurationHash(): string;
  /** Ends the process as SIGTERM would, with this exit code, after `line` was printed. Embedded, it emits an error instead. */
  fatal(line: string): void;
  /** True once the process began to stop. */
  readonly stopping: boolean;
  readonly version: string;
  /** All metrics of the process in Prometheus' format. */
  metricsPage(): Promise<HttpResponse>;
  /** Kubernetes objects, or a directory of manifests, that the embedding program gave for blocks that name no source. */
  readonly cluster: ClusterInput | undefined;
  /** Takes messages to upstreams in place of the network, where the embedding program wants that. */
  readonly carrier: Carrier | undefined;
}

/** A directory of manifests, or the objects themselves in the API's form. */
export type ClusterInput = string | readonly object[];

export type ReloadOutcome =
  | { readonly kind: "unchanged" }
  | { readonly kind: "reloaded"; readonly hash: string }
  | { readonly kind: "unreadable"; readonly error: string }
  | { readonly kind: "parse-failed"; readonly error: string }
  | { readonly kind: "failed"; readonly error: string };

/** One address that a block listens on. `label` is what the metrics' `server` label says: `dns://:53`. */
export interface ListenerKey {
  readonly transport: string;
  /** Empty: all addresses. */
  readonly address: string;
  readonly port: number;
  readonly label: string;
}

/** What a plugin is given at set-up beside its options. */
export interface Context {
  /** Zones of the block's keys in order, reverse CIDRs written out, lower case. */
  readonly zones: readonly Name[];
  /** The first zone as text: what `plugin_enabled` says. */
  readonly zoneText: string;
  /** What the block listens on, without repetition. The addresses are those of `bind`; complete from `start` on. */
  listeners(): readonly ListenerKey[];
  /** The block's view name; empty without one. Known from `start` on. */
  readonly view: string;
  readonly settings: BlockSettings;
  /** Counters and gauges named `coredns_PLUGIN_...`. */
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly host: Host;
  /** Place in the Corefile, for messages: `Corefile:7`. */
  readonly place: string;
  /** A path, made absolute against `root` or the working directory. */
  path(file: string): string;
  /** Offers something to other plugins of the same block. */
  provide<T>(what: Capability<T>, value: T): void;
  /** What plugins of the same block offer. Complete from `start` on. */
  find<T>(what: Capability<T>): readonly T[];
  /** All directives of the block, settings too, in the chain's order. Complete from `start` on. */
  plugins(): readonly string[];
  /** The plugins of this block that are links of the chain, in its order. Complete from `start` on. */
  chain(): readonly string[];
  /** Seconds since 1970, and a number in [0, 1): arguments, so that a test can hold them still. */
  readonly now: () => number;
  readonly random: () => number;
}

/** The options arrive as the table describes them: one object, or an array where the directive may stand several times (`repeat: "each"`). */
export interface PluginDefinition<T extends AnyDirective> {
  readonly name: string;
  /** Its place in the chain, for a plugin that comes from outside: directly before the first of these, or after the last. */
  readonly before?: readonly string[];
  readonly after?: readonly string[];
  readonly directive: T;
  /**
   * Makes the instance. Called once for a server block, after the whole Corefile was read. Several handlers of one directive
   * (forward) are an array, outermost first. Throw a `SetupError` to refuse the configuration.
   */
  setup(options: OptionsOf<T>, context: Context): Instance | readonly Instance[] | void;
}

/** A plugin whose options' type is forgotten: what registries hold. */
export interface Plugin extends Omit<PluginDefinition<AnyDirective>, "setup"> {
  setup(options: never, context: Context): Instance | readonly Instance[] | void;
}

export function definePlugin<const T extends AnyDirective>(definition: PluginDefinition<T>): Plugin {
  return definition;
}

/** A configuration that can't be run: one line that says what is wrong and what would be right. */
export class SetupError extends Error {}

/** Continues with the outcome of `next`, at once where it is there. Pass a function that is made once, not one for each query. */
export function after<T extends Answer>(
  result: MaybePromise<Answer>,
  query: Query,
  then: (answer: Answer, query: Query) => MaybePromise<T>,
): MaybePromise<T> {
  return result instanceof Promise ? result.then((answer) => then(answer, query)) : then(result, query);
}

/** `after`, for what only messages can be subject to: other answers pass untouched. */
export function afterMessage(
  result: MaybePromise<Answer>,
  query: Query,
  then: (message: Message, query: Query) => MaybePromise<Answer>,
): MaybePromise<Answer> {
  if (result instanceof Promise)
    return result.then((answer) => (answer.kind === "message" ? then(answer, query) : answer));
  return result.kind === "message" ? then(result, query) : result;
}
