import { GENERATIONS, type AnswerGenerations } from "../../src/capabilities.ts";
import { nameText } from "../../src/dns/name.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { createCache } from "./cache.ts";
import { createMetrics, type CacheMetrics } from "./counters.ts";
import { readSettings } from "./settings.ts";
import { cacheDirective } from "./table.ts";

/** Keeps answers and denials for as long as their TTLs allow, and within the bounds that the Corefile sets. */
export const cache: Plugin = definePlugin({
  name: "cache",
  directive: cacheDirective,
  setup(options, context) {
    const settings = readSettings(options);
    const sizes = (): { answers: number; denials: number } => ({
      answers: made.store.answers.size,
      denials: made.store.denials.size,
    });
    const label = (): CacheMetrics =>
      createMetrics(
        context.metrics,
        { zones: settings.zones.map(nameText).join(","), view: context.view },
        sizes,
      );
    let metrics: CacheMetrics | undefined;
    let generations: readonly AnswerGenerations[] = [];
    const made = createCache({
      settings,
      // The view's name, and what others offer, is known when the block starts.
      countersOf: (query) => (metrics ??= label()).of(query.scope.server),
      generations: () => generations,
      log: context.log,
      now: context.now,
    });
    return {
      answer: made.answer,
      metadata: made.metadata,
      start() {
        generations = context.find(GENERATIONS);
      },
      close() {
        metrics?.close();
      },
    };
  },
});
