import type { Plugin } from "../plugin.ts";

/** The plugins that there are, in the order in which queries pass them: outermost first. Each is loaded when a Corefile names it. */
export interface Registry {
  readonly order: readonly RegistryEntry[];
}

export interface RegistryEntry {
  readonly name: string;
  /** Undefined: CoreDNS has it and this program does not yet. */
  readonly load: (() => Promise<Plugin>) | undefined;
}

/** The registry with plugins from outside put where they ask to be: directly before the first of `before`, or after the last of `after`; else at the end. */
export function withPlugins(registry: Registry, plugins: readonly Plugin[]): Registry {
  const order = [...registry.order];
  for (const plugin of plugins) {
    const entry: RegistryEntry = { name: plugin.name, load: () => Promise.resolve(plugin) };
    const same = order.findIndex(({ name }) => name === plugin.name);
    if (same >= 0) {
      order[same] = entry;
      continue;
    }
    const first = order.findIndex(({ name }) => plugin.before?.includes(name));
    const last = order.findLastIndex(({ name }) => plugin.after?.includes(name));
    if (first >= 0 && last >= first) {
      throw new RangeError(
        `plugin ${plugin.name}: can't stand before ${order[first]!.name} and after ${order[last]!.name}, which stands behind it`,
      );
    }
    order.splice(first >= 0 ? first : last >= 0 ? last + 1 : order.length, 0, entry);
  }
  return { order };
}
