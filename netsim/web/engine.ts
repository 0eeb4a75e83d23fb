/** The engine of a map, in a worker: it holds the cluster, and answers the page. */
import { resolverModels } from "clusterdns";
import type { Ask, CallName, Calls, Reply } from "../src/map/protocol.ts";
import { createReacher, type Reacher } from "../src/map/reach.ts";
import { openSnapshot, type Snapshot } from "../src/map/snapshot.ts";
import { viewOf } from "../src/map/view.ts";
import type { Cluster } from "../src/model/types.ts";
import { createEngine } from "../src/policy/engine.ts";
import { MODES } from "../src/service/index.ts";
import { traceArticle } from "../src/trace/article.ts";
import { traceText } from "../src/trace/text.ts";
import { trace } from "../src/trace/trace.ts";

interface Opened {
  readonly cluster: Cluster;
  readonly reach: Reacher;
}

let opened: Opened | undefined;
const cluster = (): Opened => {
  if (opened === undefined) throw new Error("no cluster is open");
  return opened;
};

async function unzip(data: ArrayBuffer): Promise<string> {
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

const answers: { [K in CallName]: (ask: Calls[K]["ask"]) => Promise<Calls[K]["answer"]> } = {
  async open({ data }) {
    const given = openSnapshot(JSON.parse(await unzip(data)) as Snapshot);
    const engine = createEngine(given);
    opened = { cluster: given, reach: createReacher(given, engine) };
    return {
      view: viewOf(given, engine),
      modes: MODES,
      resolvers: resolverModels.map((m) => m.aliases[0] ?? m.name),
    };
  },
  async trace({ from, to, options }) {
    const result = await trace(cluster().cluster, from, to, options);
    return {
      trace: result,
      article: traceArticle(result),
      text: traceText(result, { color: false, width: 100 }),
    };
  },
  reach: async ({ pod }) => cluster().reach(pod),
};

const answer = async ({ id, call, ask }: Ask): Promise<Reply> => {
  try {
    return { id, answer: await (answers[call] as (ask: unknown) => Promise<unknown>)(ask) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
};

// One after the other: each trace runs in a virtual time of its own, but they share the worker's turns.
let last: Promise<void> = Promise.resolve();
globalThis.addEventListener("message", (event) => {
  last = last.then(async () => globalThis.postMessage(await answer((event as MessageEvent<Ask>).data)));
});
