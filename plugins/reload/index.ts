import { definePlugin, type Plugin, type ReloadOutcome } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** Goes over to a changed Corefile without losing a query. */
export const reload: Plugin = definePlugin({
  name: "reload",
  directive: directiveTable,
  setup({ interval, jitter }, { host, log, metrics, random }) {
    const failed = metrics.counter("failed_total", "Counter of the number of failed reload attempts.").at();
    const version = metrics.gauge(
      "version_info",
      "A metric with a constant '1' value labeled by hash, and value which type of hash generated.",
      ["hash", "value"],
    );
    const spread = Math.min(jitter, interval / 2);
    let timer: NodeJS.Timeout | undefined;
    let closed = false;
    let lastFailure = "";

    const next = (): void => {
      if (closed) return;
      timer = setTimeout(() => void look(), interval + (random() * 2 - 1) * spread);
      timer.unref();
    };

    const look = async (): Promise<void> => {
      const before = host.configurationHash();
      report(await host.reload(true), before);
      next();
    };

    const report = (outcome: ReloadOutcome, before: string): void => {
      switch (outcome.kind) {
        case "reloaded":
          version.remove("sha512", before);
          version.at("sha512", outcome.hash).set(1);
          lastFailure = "";
          return;
        case "parse-failed":
          log.warning(`Corefile parse failed: ${outcome.error}`);
          return;
        case "failed":
          if (outcome.error !== lastFailure) {
            failed.inc();
            log.plain("error", `Restart failed: ${outcome.error}`);
            log.error(`Corefile changed but reload failed: ${outcome.error}`);
          }
          lastFailure = outcome.error;
          return;
        case "unreadable":
        case "unchanged":
          return;
      }
    };

    return {
      listening() {
        log.info(`Running configuration SHA512 = ${host.configurationHash()}`);
        next();
      },
      close() {
        closed = true;
        clearTimeout(timer);
      },
    };
  },
});
