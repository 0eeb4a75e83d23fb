import { definePlugin, type Instance, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** Says over HTTP whether all plugins that need time are ready. */
export const ready: Plugin = definePlugin({
  name: "ready",
  directive: directiveTable,
  setup({ address, monitor }, { host, log }) {
    const wereReady = new WeakSet<Instance>();
    let release: (() => Promise<void>) | undefined;

    const isReady = (instance: Instance): boolean => {
      if (monitor === "until-ready" && wereReady.has(instance)) return true;
      if (instance.ready!() !== true) return false;
      wereReady.add(instance);
      return true;
    };

    return {
      async start() {
        // An address that can't be opened stops nothing: probes will tell.
        release = await host
          .http(address.text, "/ready", () => {
            const waiting = host
              .members()
              .filter(({ instance }) => instance.ready !== undefined && !isReady(instance));
            const names = [...new Set(waiting.map(({ plugin }) => plugin))].sort();
            if (names.length === 0) return { status: 200, body: "OK" };
            log.info(`Plugins not ready: "${names.join(",")}"`);
            return { status: 503, body: names.join(",") };
          })
          .catch(() => undefined);
      },
      // Closed already while the process is a lame duck: no new clients are to come.
      beforeShutdown: () => release?.(),
      close: () => release?.(),
    };
  },
});
