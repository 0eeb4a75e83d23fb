import { unwatchFile, watchFile } from "node:fs";
import type { Logger } from "../../src/plugin.ts";
import { createUpstream, type Upstream, type UpstreamSettings } from "../../src/upstream/upstream.ts";
import { expand, type Place } from "./targets.ts";

export interface Upstreams {
  /** In the Corefile's order. Empty before `start`. */
  readonly list: readonly Upstream[];
  /** Resolves hosts and opens nothing yet. Rejects where there is no upstream. */
  start(): Promise<void>;
  close(): void;
}

export interface UpstreamsOptions {
  readonly places: readonly Place[];
  readonly resolvers: readonly string[];
  readonly settings: UpstreamSettings;
  readonly log: Pick<Logger, "info" | "warning">;
  /** Milliseconds between looks at the files. */
  readonly interval?: number;
}

const INTERVAL = 5000;

/** The upstreams that a line's words stand for. Files among them are followed: who changes one need not restart the server. */
export function createUpstreams({
  places,
  resolvers,
  settings,
  log,
  interval = INTERVAL,
}: UpstreamsOptions): Upstreams {
  const files = places.flatMap((place) => (place.kind === "file" ? [place.file] : []));
  let list: readonly Upstream[] = [];
  let isClosed = false;
  let work: Promise<void> = Promise.resolve();

  const build = async (): Promise<void> => {
    const endpoints = await expand(places, resolvers);
    if (endpoints.length === 0) throw new Error("no valid upstream addresses found");
    const next = await Promise.all(
      endpoints.map((endpoint) => {
        const same = list.find(
          ({ endpoint: { address, port } }) => address === endpoint.address && port === endpoint.port,
        );
        return same ?? createUpstream(endpoint, settings);
      }),
    );
    const gone = list.filter((upstream) => !next.includes(upstream));
    list = next;
    for (const upstream of isClosed ? next : gone) upstream.close();
  };

  const follow = (): void => {
    work = work.then(build).then(
      () => log.info(`${files.join(", ")} changed: upstreams are ${list.map(({ name }) => name).join(", ")}`),
      (error: Error) =>
        log.warning(`${files.join(", ")} changed, and the upstreams stay as they were: ${error.message}`),
    );
  };

  return {
    get list() {
      return list;
    },
    async start() {
      await build();
      for (const file of files) watchFile(file, { interval, persistent: false }, follow);
    },
    close() {
      isClosed = true;
      for (const file of files) unwatchFile(file, follow);
      for (const upstream of list) upstream.close();
    },
  };
}
