import { networkInterfaces } from "node:os";
import { ClusterIndex } from "../../src/cluster/cluster-index.ts";
import { CLUSTER, GENERATIONS, TRANSFER } from "../../src/capabilities.ts";
import type { ClusterWatch } from "../../src/cluster/source.ts";
import { zoneOf, type Settings } from "../../src/cluster/settings.ts";
import { primaryZone } from "../../src/cluster/reverse.ts";
import { transferRecords } from "../../src/cluster/transfer.ts";
import { REFUSED } from "../../src/dns/message.ts";
import { TYPE } from "../../src/dns/types.ts";
import { afterMessage, definePlugin, SetupError, type Plugin } from "../../src/plugin.ts";
import { createAnswers } from "./answers.ts";
import { createMetadata } from "./metadata.ts";
import { createMetrics } from "./metrics.ts";
import { table } from "./options.ts";
import { followStaleness, markStale, type Staleness } from "./staleness.ts";
import { openSource, wantedOf, withoutEndpoints } from "./sources.ts";

/** Answers for the Services and pods of a Kubernetes cluster: the Kubernetes DNS specification 1.1.0, with CoreDNS's options. */
export const kubernetes: Plugin = definePlugin({
  name: "kubernetes",
  directive: table,
  setup(options, context) {
    const { zones } = options;
    const primary = primaryZone(zones);
    if (primary === undefined) throw new SetupError("non-reverse zone name must be used");
    const { log, now } = context;
    const milliseconds = (): number => now() * 1000;
    if (options.endpoint !== undefined && options.endpoint.length > 1) {
      log.warning(
        `Multiple endpoints have been deprecated, only the first specified endpoint '${options.endpoint[0]!}' is used`,
      );
    }

    let local: readonly string[] | undefined;
    const settings: Settings = {
      zones,
      primary,
      multicluster: options.multicluster ?? [],
      namespaces: new Set(options.namespaces),
      pods: options.pods,
      ttl: options.ttl,
      ignoreEmpty: options.ignore === "empty_service",
      zonal: options.zonal,
      localAddresses: () => (local ??= context.settings.bind === undefined ? interfaceAddresses() : []),
    };
    const wanted = wantedOf(options);
    const metrics = createMetrics(context.metrics);
    const index = new ClusterIndex({
      kinds: wanted.kinds,
      now: milliseconds,
      onProgrammed: metrics.onProgrammed,
    });
    const answers = createAnswers(index, settings);
    const fallthrough = options.fallthrough ?? [];
    let watch: ClusterWatch | undefined;
    let staleness: Staleness | undefined;
    let unfollow: (() => void) | undefined;

    context.provide(CLUSTER, { index, settings });
    context.provide(TRANSFER, { records: (name, serial) => transferRecords(index, settings, name, serial) });
    context.provide(GENERATIONS, {
      numbers: index.generations.numbers,
      slotFor(name, type) {
        const zone = zoneOf(zones, name);
        return zone === undefined ? undefined : answers.slotFor(name, zone, type);
      },
    });

    return {
      answer(query, next) {
        const zone = zoneOf(zones, query.name);
        if (zone === undefined) return next(query);
        if (query.type === TYPE.AXFR || query.type === TYPE.IXFR) return REFUSED;
        const mayPass = fallthrough.length > 0 && zoneOf(fallthrough, query.name) !== undefined;
        const answer = answers.answer(query, zone, mayPass);
        if (answer === undefined) return next(query);
        return staleness?.kinds !== undefined && query.edns ? afterMessage(answer, query, markStale) : answer;
      },

      metadata: createMetadata(index, settings),

      async start() {
        const source = await openSource(options, context, metrics.observer);
        watch = source.watch(wanted, options.noendpoints ? withoutEndpoints(index) : index);
        staleness = followStaleness(watch);
        unfollow = metrics.follow(watch.health, milliseconds);
        if (index.synced) return;
        const waiting = setInterval(() => log.info("waiting for Kubernetes API before starting server"), 500);
        const synced = await new Promise<boolean>((resolve) => {
          const timeout = setTimeout(() => resolve(false), options.startup_timeout);
          index.whenSynced(() => {
            clearTimeout(timeout);
            resolve(true);
          });
        });
        clearInterval(waiting);
        if (!synced) log.warning("starting server with unsynced Kubernetes API");
      },

      ready() {
        if (!index.synced) return "not synchronised with the Kubernetes API";
        return staleness?.kinds === undefined || `out of date: ${staleness.kinds}`;
      },

      close() {
        staleness?.close();
        unfollow?.();
        return watch?.close();
      },
    };
  },
});

/** Text of the addresses that other machines may know this one by. */
function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list = []) =>
    list.filter(({ internal }) => !internal).map(({ address }) => address),
  );
}
