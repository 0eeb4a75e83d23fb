import { get } from "node:http";
import { definePlugin, type Plugin } from "../../src/plugin.ts";

/** Milliseconds between two looks at our own endpoint. */
const SELF_CHECK = 1000;
const BUCKETS = [0.00025, 0.0025, 0.025, 0.25, 2.5];

/** Says over HTTP that the process lives, and lets it live a little longer when it is told to end. */
export const health: Plugin = definePlugin({
  name: "health",
  directive: {
    doc: "Answers /health with 200 OK.",
    repeat: "last",
    args: { address: { type: "hostport", default: ":8080" } },
    options: {
      lameduck: {
        type: "duration",
        default: "0s",
        doc: "Goes on serving this long when the process is told to end.",
      },
    },
  },
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

    const check = (): void => {
      const begin = performance.now();
      const done = (failed: boolean): void => {
        const seconds = (performance.now() - begin) / 1000;
        duration.observe(seconds);
        if (failed) failures.inc();
        else if (seconds > 1)
          log.warning(`Local health request to "${selfUrl(address.text)}" took more than 1s: ${seconds}s`);
      };
      get(selfUrl(address.text), { signal: AbortSignal.timeout(5000), agent: false }, (response) => {
        response.resume();
        done(false);
      }).on("error", () => done(true));
    };

    return {
      async start() {
        release = await host.http(address.text, "/health", () => ({ status: 200, body: "OK" }));
        timer = setInterval(check, SELF_CHECK);
        timer.unref();
      },
      async beforeShutdown() {
        if (lameduck <= 0) return;
        log.info(`Going into lameduck mode for ${lameduck / 1000}s`);
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
