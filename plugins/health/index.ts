import { get } from "node:http";
import { durationText } from "../../src/directive/index.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** Milliseconds between two looks at our own endpoint. */
const SELF_CHECK = 1000;
/** An answer of our own that takes longer tells of a process that is overloaded: milliseconds. */
const SLOW = 1000;
const BUCKETS = [0.00025, 0.0025, 0.025, 0.25, 2.5];

/** Says over HTTP that the process lives, and lets it live a little longer when it is told to end. */
export const health: Plugin = definePlugin({
  name: "health",
  directive: directiveTable,
  setup({ address, lameduck }, { host, log, metrics }) {
    const duration = metrics
      .histogram(
        "request_duration_seconds",
        "Histogram of the time (in seconds) each request took.",
        [],
        BUCKETS,
      )
      .at();
    const failures = metrics
      .counter("request_failures_total", "The number of times the health check failed.")
      .at();
    let release: (() => Promise<void>) | undefined;
    let timer: NodeJS.Timeout | undefined;

    const url = selfUrl(address.text);

    const check = (): void => {
      const begin = performance.now();
      const done = (error: Error | undefined): void => {
        const elapsed = performance.now() - begin;
        duration.observe(elapsed / 1000);
        if (error !== undefined) {
          failures.inc();
          log.warning(`Local health request to "${url}" failed: ${error.message}`);
        } else if (elapsed > SLOW) {
          log.warning(`Local health request to "${url}" took more than 1s: ${durationText(elapsed)}`);
        }
      };
      get(url, { signal: AbortSignal.timeout(5000), agent: false }, (response) => {
        response.resume();
        done(undefined);
      }).on("error", done);
    };

    return {
      async start() {
        release = await host.http(address.text, "/health", () => ({ status: 200, body: "OK" }));
        timer = setInterval(check, SELF_CHECK);
        timer.unref();
      },
      async beforeShutdown() {
        if (lameduck <= 0) return;
        log.info(`Going into lameduck mode for ${durationText(lameduck)}`);
        await new Promise((resolve) => setTimeout(resolve, lameduck));
      },
      async close() {
        clearInterval(timer);
        await release?.();
      },
    };
  },
});

function selfUrl(address: string): string {
  return `http://${address.startsWith(":") ? `localhost${address}` : address}/health`;
}
