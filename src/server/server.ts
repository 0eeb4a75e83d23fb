/** A server: one Corefile, its sockets, and what belongs to the process. The command line and the public API stand on it. */
import { SILENT, type Output } from "../log/output.ts";
import { metricsPage } from "../metrics/page.ts";
import { createRegistry, type Registry as MetricsRegistry } from "../metrics/metrics.ts";
import type { ClusterInput, Host, Plugin, ReloadOutcome } from "../plugin.ts";
import {
  configure,
  type BannerLine,
  isConfigurationError,
  parseSource,
  type Configuration,
  type ConfigurationError,
  type Services,
  type Source,
} from "./configuration.ts";
import { fingerprint } from "../corefile/index.ts";
import { createDescriptors, type Descriptors } from "./descriptors.ts";
import { createHttpHost } from "./http.ts";
import { withPlugins, type Registry } from "./registry.ts";
import { PENDING, type Engine } from "./engine.ts";
import { plainPeer } from "./peer.ts";
import { createSockets, type Address } from "./sockets.ts";
import type { Peer } from "../dns/query.ts";
import type { Carrier } from "../upstream/carrier.ts";
import { MAX_MESSAGE } from "../dns/reply.ts";

export interface ServerOptions {
  /** The Corefile, read again at each reload. */
  readonly source: () => Source | Promise<Source>;
  readonly registry: Registry;
  /** Plugins beside the built-in ones; each says its place by `before` and `after`. */
  readonly plugins?: readonly Plugin[];
  /** Kubernetes objects, or a directory of manifests, for `kubernetes` blocks that name no source. */
  readonly cluster?: ClusterInput;
  /** For `{$NAME}` in the Corefile; default the process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Port of keys that name none; default 53. */
  readonly port?: number;
  /** Where lines go; default nowhere. */
  readonly output?: Output;
  readonly version: string;
  /** false: no sockets are opened; ask with `exchange`. */
  readonly listen?: boolean;
  /** Where the counts go; default a registry of its own. */
  readonly metrics?: MetricsRegistry;
  /** The sockets to listen on; default freshly bound ones. */
  readonly descriptors?: Descriptors;
  /** Takes messages to upstreams in place of the network. */
  readonly carrier?: Carrier;
  /** Called where a plugin asks for the process's end. */
  readonly onFatal?: (line: string) => void;
  /** Seconds since 1970, and a number in [0, 1). */
  readonly now?: () => number;
  readonly random?: () => number;
}

export interface Server {
  /** Reads the Corefile, opens the sockets, and resolves when queries are answered. Rejects with one line that says what is wrong. */
  listen(): Promise<readonly Address[]>;
  addresses(): readonly Address[];
  /** Zones and addresses as CoreDNS's banner lists them. */
  banner(): readonly BannerLine[];
  reload(ifChanged?: boolean): Promise<ReloadOutcome>;
  /** Serves one DNS message as if it had come over the network; undefined where the server stays silent. */
  exchange(message: Uint8Array, from?: ExchangeFrom): Promise<Buffer | undefined>;
  /** The metrics in Prometheus' text format. */
  metrics(): Promise<string>;
  /** Lets the plugins say goodbye (lame duck) while all still answers. */
  prepareShutdown(): Promise<void>;
  /**
   * Leaves the sockets to another process that has them too: takes nothing new, answers what has come, and serves open connections until their clients
   * are done, at most 30 seconds; then closes everything.
   */
  retire(): Promise<void>;
  /** Closes everything; queries in work get up to 5 seconds, or none where `graceful` is false. */
  close(graceful?: boolean): Promise<void>;
}

/** Where a message of `exchange` seems to come from, and the listener that it is for. */
export interface ExchangeFrom {
  readonly protocol?: "udp" | "tcp";
  readonly address?: string;
  readonly port?: number;
  /** The listener's port; default the first one's. */
  readonly listener?: number;
}

/** A Corefile that can't be run. `message` is the line for the user. */
export class ConfigurationFailure extends Error {
  readonly detail: ConfigurationError;

  constructor(detail: ConfigurationError) {
    super(detail.message);
    this.detail = detail;
  }
}

const GRACE = 5000;
/** Milliseconds that connections may stay when the sockets were handed over. */
const LINGER = 30_000;

export function createServerCore(options: ServerOptions): Server {
  const metrics: MetricsRegistry = options.metrics ?? createRegistry();
  const panics = metrics
    .scope("")
    .counter("coredns_panics_total", "A metrics that counts the number of panics.")
    .at();
  const output = options.output ?? SILENT;
  const descriptors = options.descriptors ?? createDescriptors();
  const http = createHttpHost(descriptors);
  const registry = withPlugins(options.registry, options.plugins ?? []);
  let current: Configuration | undefined;
  let visible: Configuration | undefined;
  let stopping = false;
  let reloading: Promise<unknown> = Promise.resolve();

  const sockets = createSockets(
    {
      onPanic(error, _query, { block, scope }) {
        panics.inc();
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        if (block.settings.debug) return host.fatal(text);
        output.write(
          "error",
          `Recovered from panic in server: ${JSON.stringify(scope.server)} ${text.replaceAll("\n", " | ")}`,
        );
      },
    },
    descriptors,
    options.listen ?? true,
  );

  const host: Host = {
    http: http.serve,
    members: () => visible?.members ?? [],
    reload: (ifChanged) => reload(ifChanged),
    configurationHash: () => current?.hash ?? visible?.hash ?? "",
    fatal(line) {
      output.print(line);
      options.onFatal?.(line);
    },
    get stopping() {
      return stopping;
    },
    version: options.version,
    async metricsPage() {
      const { body, type } = await metricsPage(metrics);
      return { status: 200, type, body };
    },
    cluster: options.cluster,
    carrier: options.carrier,
  };

  const services: Services = {
    registry,
    metrics,
    output,
    host,
    env: options.env ?? process.env,
    port: options.port ?? 53,
    now: options.now ?? (() => Date.now() / 1000),
    random: options.random ?? Math.random,
  };

  /** Brings a Corefile up beside what runs, then goes over to it. */
  const bringUp = async (source: Source): Promise<ConfigurationError | undefined> => {
    const next = await configure(source, services);
    if (isConfigurationError(next)) return next;
    const before = current;
    visible = next;
    const abandon = async (error: ConfigurationError): Promise<ConfigurationError> => {
      visible = before;
      await next.close();
      return error;
    };
    const refused = await next.start();
    if (refused !== undefined) return abandon(refused);
    try {
      await sockets.apply(next.served);
    } catch (error) {
      return abandon({ phase: "start", message: (error as Error).message });
    }
    current = next;
    next.listening();
    if (before !== undefined) void drain(before).then(() => before.close());
    return undefined;
  };

  const reload = (ifChanged: boolean): Promise<ReloadOutcome> => {
    const run = async (): Promise<ReloadOutcome> => {
      if (stopping) return { kind: "unchanged" };
      let source: Source;
      try {
        source = await options.source();
      } catch (error) {
        return { kind: "unreadable", error: (error as Error).message };
      }
      if (ifChanged) {
        const parsed = parseSource(source, services);
        if (parsed.error !== undefined) return { kind: "parse-failed", error: parsed.error.message };
        if (fingerprint(parsed.blocks, source.file) === current?.hash) return { kind: "unchanged" };
      }
      const error = await bringUp(source);
      return error === undefined
        ? { kind: "reloaded", hash: current!.hash }
        : { kind: "failed", error: error.message };
    };
    const result = reloading.then(run, run);
    reloading = result;
    return result;
  };

  const readSource = async (): Promise<Source> => options.source();

  /** Closes the running configuration, once. */
  const forget = async (): Promise<void> => {
    const last = current;
    current = undefined;
    await last?.close();
    visible = undefined;
  };

  return {
    async listen() {
      const error = await readSource().then(bringUp, (error: Error): ConfigurationError => ({
        phase: "parse",
        message: error.message,
      }));
      if (error !== undefined) {
        await http.close();
        throw new ConfigurationFailure(error);
      }
      return sockets.addresses();
    },
    addresses: () => sockets.addresses(),
    banner: () => (current?.served ?? []).flatMap(({ zones }) => zones),
    reload: (ifChanged = false) => reload(ifChanged),
    exchange(message, { protocol = "udp", address = "127.0.0.1", port = 0, listener } = {}) {
      const engine = sockets.engine(listener);
      if (engine === undefined)
        return Promise.reject(new Error("no listener serves plain DNS there: call listen first"));
      const packet = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
      const local = { address: "127.0.0.1", port: listener ?? 53 };
      return exchange(engine, packet, plainPeer(protocol, { address, port }, local));
    },
    metrics: async () => (await metricsPage(metrics)).body,
    async prepareShutdown() {
      stopping = true;
      await current?.beforeShutdown();
    },
    async retire() {
      stopping = true;
      await reloading.catch(() => undefined);
      await Promise.all([sockets.close(LINGER, true), http.close()]);
      await forget();
    },
    async close(graceful = true) {
      stopping = true;
      await reloading.catch(() => undefined);
      await sockets.close(graceful ? GRACE : 0);
      await forget();
      await http.close();
    },
  };
}

/** Written and copied from within one turn. */
const scratch: Buffer = Buffer.allocUnsafe(MAX_MESSAGE);

function exchange(engine: Engine, packet: Buffer, peer: Peer): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const length = engine.serve(packet, 0, packet.length, peer, scratch, 0, () => ({
      reply: resolve,
      stream: () => resolve(undefined),
    }));
    if (length !== PENDING) resolve(length === 0 ? undefined : Buffer.from(scratch.subarray(0, length)));
  });
}

/** Waits until the queries of an old configuration have their answers, at most 5 seconds. */
async function drain(configuration: Configuration): Promise<void> {
  const end = performance.now() + GRACE;
  while (configuration.served.some(({ router }) => router.pending > 0) && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
