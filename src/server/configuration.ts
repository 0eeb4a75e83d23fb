/** From a Corefile to blocks that are ready to serve: parse, set up, check, start. */
import { resolve } from "node:path";
import {
  findOverlap,
  fingerprint,
  parseCorefile,
  tokensOf,
  type CorefileError,
  type ServerBlock,
} from "../corefile/index.ts";
import { notBuiltYet, parseDirective, zonesOf } from "../directive/index.ts";
import { lower, parseName, type Name } from "../dns/name.ts";
import { pluginLogger, type Output } from "../log/output.ts";
import type { Registry as MetricsRegistry } from "../metrics/metrics.ts";
import {
  SetupError,
  type BlockSettings,
  type Capability,
  type Context,
  type Host,
  type Instance,
  type ListenerKey,
  type Member,
  type Plugin,
} from "../plugin.ts";
import { createBlock, type Block } from "./block.ts";
import type { Registry } from "./registry.ts";
import { createRouter, type Router, type RouterZone } from "./router.ts";

export interface Source {
  readonly text: string;
  readonly file: string;
}

/** What a configuration is made with: what belongs to the process. */
export interface Services {
  readonly registry: Registry;
  readonly metrics: MetricsRegistry;
  readonly output: Output;
  readonly host: Host;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Port of plain DNS keys that name none. */
  readonly port: number;
  readonly now: () => number;
  readonly random: () => number;
}

/** A zone, and how the banner shows it: `[scheme://]zone:port[ on address]`. */
export interface BannerLine {
  readonly zone: string;
  readonly text: string;
}

/** What one socket serves. */
export interface Served {
  readonly key: ListenerKey;
  readonly router: Router;
  /** Of the first block that listens here: its timeouts and TLS are the socket's. */
  readonly settings: BlockSettings;
  /** What the banner says, sorted. */
  readonly zones: readonly BannerLine[];
}

export interface Configuration {
  readonly served: readonly Served[];
  readonly members: readonly Member[];
  /** Of the Corefile's words; see `fingerprint`. */
  readonly hash: string;
  /** Starts all members; why not, where one refuses. The caller closes in either case. */
  start(): Promise<ConfigurationError | undefined>;
  /** Calls `listening` of all members. */
  listening(): void;
  beforeShutdown(): Promise<void>;
  close(): Promise<void>;
}

/** Why there is no configuration. `phase` tells a file that does not parse from one that can't be run. */
export interface ConfigurationError {
  readonly phase: "parse" | "setup" | "start";
  readonly message: string;
  readonly error?: CorefileError;
}

export const isConfigurationError = (
  value: Configuration | ConfigurationError,
): value is ConfigurationError => "message" in value;

/** Only parses: for `reload`, which compares before it does anything. */
export function parseSource(
  source: Source,
  services: Pick<Services, "registry" | "env" | "port">,
): ReturnType<typeof parseCorefile> {
  return parseCorefile({
    text: source.text,
    file: source.file,
    directives: new Set(services.registry.order.map(({ name }) => name)),
    env: services.env,
    port: services.port,
  });
}

/** Parses, sets up and checks; starts nothing. What was set up is closed again where it fails. */
export async function configure(
  source: Source,
  services: Services,
): Promise<Configuration | ConfigurationError> {
  const corefile = parseSource(source, services);
  if (corefile.error !== undefined)
    return { phase: "parse", message: corefile.error.message, error: corefile.error };
  for (const warning of corefile.warnings) services.output.write("warning", warning);

  const echoOptions = new Set<number>();
  const drafts = corefile.blocks.map((block) => createDraft(block, echoOptions));
  const members = (): Member[] => drafts.flatMap((draft) => draft.members);
  const failed = async (message: string): Promise<ConfigurationError> => {
    await closeAll(members());
    return { phase: "setup", message };
  };

  // In the plugins' order over all blocks, as CoreDNS does: which of two errors is reported depends on it.
  for (const entry of services.registry.order) {
    for (const draft of drafts) {
      const tokens = tokensOf(draft.block, entry.name);
      if (tokens.length === 0) continue;
      const at = tokens[0]!;
      if (entry.load === undefined) return failed(notBuiltYet(at).message);
      const plugin = await entry.load();
      const parsed = parseDirective(entry.name, plugin.directive, tokens, { zones: draft.zones });
      if (parsed.error !== undefined) return failed(parsed.error.message);
      for (const warning of parsed.warnings) services.output.write("warning", warning);
      try {
        setUp(draft, plugin, parsed.options, `${at.file}:${at.line}`, services);
      } catch (error) {
        if (!(error instanceof SetupError)) throw error;
        return failed(`${at.file}:${at.line}: ${entry.name}: ${error.message}`);
      }
    }
  }

  const overlap = findOverlap(
    drafts.map((draft) => ({
      block: draft.block,
      addresses: draft.settings.bind ?? [""],
      view: draft.settings.viewName !== undefined,
    })),
  );
  if (overlap !== undefined) return failed(overlap.message);

  const all = members();
  return {
    served: serve(drafts),
    members: all,
    async start() {
      for (const { instance } of all) {
        try {
          await instance.start?.();
        } catch (error) {
          return { phase: "start", message: (error as Error).message };
        }
      }
      return undefined;
    },
    hash: fingerprint(corefile.blocks, source.file),
    listening() {
      for (const { instance } of all) instance.listening?.();
    },
    async beforeShutdown() {
      await Promise.all(all.map(({ instance }) => instance.beforeShutdown?.()));
    },
    close: () => closeAll(all),
  };
}

async function closeAll(members: readonly Member[]): Promise<void> {
  await Promise.allSettled(members.map(async ({ instance }) => instance.close?.()));
}

/** A server block while it is set up. */
interface Draft {
  readonly block: ServerBlock;
  readonly zones: readonly Name[];
  readonly settings: BlockSettings;
  readonly members: Member[];
  readonly offers: Map<string, unknown[]>;
  built: Block | undefined;
}

function createDraft(block: ServerBlock, echoOptions: Set<number>): Draft {
  return {
    block,
    zones: [...new Set(zonesOf(block))],
    settings: {
      bind: undefined,
      root: process.cwd(),
      tls: undefined,
      timeouts: { read: 3000, write: 5000, idle: 10_000 },
      sockets: 1,
      anyClass: false,
      debug: false,
      echoOptions,
      maxTcpQueries: 0,
      metadata: [],
      viewName: undefined,
    },
    members: [],
    offers: new Map(),
    built: undefined,
  };
}

function setUp(draft: Draft, plugin: Plugin, options: unknown, place: string, services: Services): void {
  const { settings } = draft;
  const context: Context = {
    zones: draft.zones,
    listeners: () => listenersOf(draft),
    get view() {
      return settings.viewName ?? "";
    },
    settings,
    metrics: services.metrics.scope(plugin.name),
    log: pluginLogger(services.output, plugin.name, () => settings.debug),
    host: services.host,
    place,
    path: (file) => resolve(settings.root, file),
    provide<T>(what: Capability<T>, value: T) {
      draft.offers.set(what.key, [...(draft.offers.get(what.key) ?? []), value]);
    },
    find<T>(what: Capability<T>): readonly T[] {
      return (draft.offers.get(what.key) ?? []) as T[];
    },
    zoneText: draft.block.keys[0]!.zone,
    plugins: () =>
      services.registry.order
        .filter(({ name }) => tokensOf(draft.block, name).length > 0)
        .map(({ name }) => name),
    chain: () => blockOf(draft).chain?.names ?? [],
    now: services.now,
    random: services.random,
  };
  const made = plugin.setup(options as never, context);
  if (made === undefined) return;
  const instances: readonly Instance[] = Array.isArray(made) ? made : [made as Instance];
  for (const instance of instances) draft.members.push({ plugin: plugin.name, instance });
}

function blockOf(draft: Draft): Block {
  return (draft.built ??= createBlock({
    settings: draft.settings,
    view: draft.settings.viewName ?? "",
    members: draft.members,
  }));
}

function listenersOf(draft: Draft): ListenerKey[] {
  const found = new Map<string, ListenerKey>();
  for (const { scheme, port } of draft.block.keys) {
    for (const address of draft.settings.bind ?? [""]) {
      const label = `${scheme}://${address.includes(":") ? `[${address}]` : address}:${port}`;
      found.set(label, { transport: scheme, address, port, label });
    }
  }
  return [...found.values()];
}

function serve(drafts: readonly Draft[]): Served[] {
  const groups = new Map<
    string,
    { key: ListenerKey; settings: BlockSettings; zones: RouterZone[]; banner: Map<string, BannerLine> }
  >();
  for (const draft of drafts) {
    const block = blockOf(draft);
    for (const key of listenersOf(draft)) {
      let group = groups.get(key.label);
      if (group === undefined)
        groups.set(key.label, (group = { key, settings: draft.settings, zones: [], banner: new Map() }));
      for (const { scheme, port, zone } of draft.block.keys) {
        if (scheme !== key.transport || port !== key.port) continue;
        // A key that is no possible name is served in vain: no query can have it.
        const name = parseName(zone);
        if (name !== undefined) group.zones.push({ zone: lower(name), block });
        const text = `${scheme === "dns" ? "" : `${scheme}://`}${zone}:${port}${key.address === "" ? "" : ` on ${key.address}`}`;
        group.banner.set(text, { zone, text });
      }
    }
  }
  return [...groups.values()].map(({ key, settings, zones, banner }) => ({
    key,
    settings,
    router: createRouter(zones, key.label),
    zones: [...banner.values()].sort((a, b) => (a.text < b.text ? -1 : 1)),
  }));
}
