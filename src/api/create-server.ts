import { readFile } from "node:fs/promises";
import { registry } from "../../plugins/index.ts";
import type { Output } from "../log/output.ts";
import type { ClusterInput, Plugin, ReloadOutcome } from "../plugin.ts";
import type { Carrier } from "../upstream/carrier.ts";
import { createServerCore, type ExchangeFrom } from "../server/server.ts";
import type { Address } from "../server/sockets.ts";
import { COREDNS_VERSION } from "../version.ts";

export interface CreateServerOptions {
  /** The Corefile's text; or the name of its file as `file`, which `reload` reads again. One of the two. */
  readonly corefile?: string;
  readonly file?: string;
  /** Kubernetes objects, or a directory of manifests, for `kubernetes` blocks that name no source of their own. */
  readonly cluster?: ClusterInput;
  /** Plugins beside the built-in ones; each says its place in the chain by `before` and `after`. */
  readonly plugins?: readonly Plugin[];
  /** For `{$NAME}` in the Corefile; default the process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Port of zones that name none; default 53. 0: any free one. */
  readonly port?: number;
  /** Receives the log's lines; default: nothing is written. */
  readonly log?: (level: string, text: string) => void;
  /** Takes the messages of `forward` to upstreams in place of the network: for chains of servers in one process. */
  readonly carrier?: Carrier;
  /** Called where a plugin wants the process to end (`loop`). Default: the line goes to `log`. */
  readonly onFatal?: (line: string) => void;
  /** Seconds since 1970, and a number in [0, 1): for tests that hold time and chance still. */
  readonly now?: () => number;
  readonly random?: () => number;
}

export interface DnsServer {
  /** Opens the sockets; resolves when queries are answered. Rejects with one line that says what is wrong, and where. */
  listen(): Promise<readonly Address[]>;
  /** Where it listens. */
  addresses(): readonly Address[];
  /** Runs the Corefile as it is now, without losing a query; what came of it. */
  reload(): Promise<ReloadOutcome>;
  /** Serves one DNS message in wire form as if it had come over the network; undefined: silence. After `listen`, or without sockets after `open`. */
  exchange(message: Uint8Array, from?: ExchangeFrom): Promise<Uint8Array | undefined>;
  /** The metrics in Prometheus' text format. */
  metrics(): Promise<string>;
  /** Ends everything; nothing stays open. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A DNS server that runs a Corefile, in this process.
 *
 *     const server = createServer({ corefile: ".:0 { bind 127.0.0.1\n kubernetes cluster.local }", cluster: "k8s/" });
 *     const [{ address, port }] = await server.listen();
 */
export function createServer(options: CreateServerOptions): DnsServer {
  return wrap(options, true);
}

/** The same without sockets: `listen` brings it up, `exchange` asks. */
export function createSocketlessServer(options: CreateServerOptions): DnsServer {
  return wrap(options, false);
}

function wrap(options: CreateServerOptions, listen: boolean): DnsServer {
  const { corefile, file } = options;
  if ((corefile === undefined) === (file === undefined)) {
    throw new TypeError("createServer needs either corefile (the text) or file (its name)");
  }
  const server = createServerCore({
    source: async () => ({
      text: corefile ?? (await readFile(file!, "utf8")),
      file: file ?? "Corefile",
    }),
    registry,
    version: COREDNS_VERSION,
    listen,
    ...(options.plugins === undefined ? {} : { plugins: options.plugins }),
    ...(options.cluster === undefined ? {} : { cluster: options.cluster }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.carrier === undefined ? {} : { carrier: options.carrier }),
    ...(options.onFatal === undefined ? {} : { onFatal: options.onFatal }),
    ...(options.now === undefined ? {} : { now: options.now }),
    ...(options.random === undefined ? {} : { random: options.random }),
    ...(options.log === undefined ? {} : { output: callbackOutput(options.log) }),
  });
  const close = (): Promise<void> => server.close();
  return {
    listen: () => server.listen(),
    addresses: () => server.addresses(),
    reload: () => server.reload(),
    exchange: (message, from) => server.exchange(message, from),
    metrics: () => server.metrics(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function callbackOutput(log: (level: string, text: string) => void): Output {
  return {
    write: (level, text, plugin) => log(level, plugin === undefined ? text : `plugin/${plugin}: ${text}`),
    print: (line) => log("info", line),
    flush: () => undefined,
  };
}
