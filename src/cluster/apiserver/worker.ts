/** The worker thread that talks to an API server: JSON and TLS cost time that the thread with the queries does not have. */
import { setMaxListeners } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import type { Kind } from "../objects.ts";
import { type ApiObserver, createClient } from "./client.ts";
import { timingsFor } from "./freshness.ts";
import { createGate } from "./limits.ts";
import { type Command, type Portion, type Report, type Setup, type Watch, WINDOW } from "./protocol.ts";
import { reflect } from "./reflector.ts";

const port = parentPort!;
const { access, limits, timings, userAgent } = workerData as Setup;
const now = Date.now;
const report = (what: Report): void => port.postMessage(what);

const observer: ApiObserver = {
  request: (code, method, host, seconds) => report({ type: "request", code, method, host, seconds }),
  limited: (method, host, seconds) => report({ type: "limited", method, host, seconds }),
};
const client = createClient({ access, limits, userAgent, observer, now });
const enter = createGate(WINDOW);
const onTheirWay: (() => void)[] = [];
const running = new Map<number, AbortController>();

port.on("message", (command: Command) => {
  switch (command.type) {
    case "watch":
      return begin(command.watch);
    case "unwatch":
      running.get(command.id)?.abort(new Error("not wanted any more"));
      return void running.delete(command.id);
    case "close":
      for (const stop of running.values()) stop.abort(new Error("closed"));
      client.close();
      return port.close();
    case "done":
      return onTheirWay.shift()?.();
  }
});

function begin({ id, resources, fields }: Watch): void {
  const stop = new AbortController();
  // Every kind has some waiting for it at a time; they go with what they wait for, so that no leak is to be warned of.
  setMaxListeners(0, stop.signal);
  running.set(id, stop);
  // The server selects; a second look at the labels would cost time and change nothing.
  const wanted = { kinds: [], labels: undefined, namespaceLabels: undefined, fields };
  const clock = timingsFor(timings, limits.qps, resources.length);
  for (const resource of resources) {
    const delivery = deliveryOf(id, resource.kind, stop.signal);
    const log = (level: "info" | "warning", text: string): void => report({ type: "log", level, text });
    void reflect(
      { resource, wanted, client, delivery, timings: clock, now, random: Math.random, log },
      stop.signal,
    );
  }
}

function deliveryOf(id: number, kind: Kind, signal: AbortSignal) {
  const send = async (portion: Portion): Promise<void> => {
    const leave = await enter();
    if (signal.aborted) return leave();
    onTheirWay.push(leave);
    report({ type: "portion", id, kind, portion });
  };
  return {
    list: () => send({ type: "list" }),
    objects: (objects) => send({ type: "objects", objects }),
    end: (version) => send({ type: "end", version }),
    changes: (changes, version) => send({ type: "changes", changes, version }),
    state: (state) => report({ type: "state", id, kind, state }),
  } satisfies Parameters<typeof reflect>[0]["delivery"];
}
