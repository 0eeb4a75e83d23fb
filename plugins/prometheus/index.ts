import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";
import { createQueryMetrics } from "./queries.ts";
import { readWebConfig, webLines } from "./web-config.ts";

/** Counts queries and answers, and shows all plugins' metrics to Prometheus. */
export const prometheus: Plugin = definePlugin({
  name: "prometheus",
  directive: directiveTable,
  setup({ address, tls }, context) {
    const { host, metrics, log } = context;
    const web = tls === undefined ? undefined : readWebConfig(context.path(tls), tls);
    const queries = createQueryMetrics(metrics, () => {
      const chain = context.chain();
      return chain[chain.indexOf("prometheus") + 1] ?? "";
    });
    const info = metrics.gauge(
      "coredns_build_info",
      "A metric with a constant '1' value labeled by version, revision, and goversion from which CoreDNS was built.",
      ["goversion", "revision", "version"],
    );
    const enabled = metrics.gauge(
      "coredns_plugin_enabled",
      "A metric that indicates whether a plugin is enabled on per server and zone basis.",
      ["name", "server", "view", "zone"],
    );
    let release: (() => Promise<void>) | undefined;
    return {
      observe: queries.observe,
      observeUnrouted: queries.observeUnrouted,
      async start() {
        info.at(`node ${process.version}`, "", host.version).set(1);
        const zone = context.zoneText;
        for (const name of context.plugins()) {
          for (const { label } of context.listeners()) enabled.at(name, label, context.view, zone).set(1);
        }
        // An address that can't be opened stops nothing.
        release = await host
          .http(address.text, "/metrics", () => host.metricsPage(), web)
          .catch((error: Error) => {
            log.plain("error", `Failed to start metrics handler: ${error.message}`);
            return undefined;
          });
        if (web !== undefined && release !== undefined)
          for (const line of webLines(address.text)) log.print(line);
      },
      close: () => release?.(),
    };
  },
});
