/**
 * What stands in for an API server where etcd is too slow to be filled: it lists and watches objects that never change, in JSON, as kube-apiserver
 * does (pages, initial events, bookmarks), with the fields that a real one adds, so that a client has as much to decode.
 */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Manifest } from "../../test/support/apiserver-load.ts";

const RESOURCES: Readonly<Record<string, readonly [kind: string, apiVersion: string]>> = {
  services: ["Service", "v1"],
  endpointslices: ["EndpointSlice", "discovery.k8s.io/v1"],
  namespaces: ["Namespace", "v1"],
  pods: ["Pod", "v1"],
};
const VERSION = "1000000";

export interface StillApi {
  readonly url: string;
  close(): Promise<void>;
}

export async function startStillApi(objects: Iterable<Manifest>): Promise<StillApi> {
  const kept = new Map<string, string[]>(Object.values(RESOURCES).map(([kind]) => [kind, []]));
  let number = 0;
  for (const object of objects) kept.get(object.kind)?.push(JSON.stringify(stored(object, ++number)));
  const server = createServer((request, response) => {
    const url = new URL(request.url!, "http://still");
    const found = RESOURCES[url.pathname.slice(url.pathname.lastIndexOf("/") + 1)];
    response.setHeader("content-type", "application/json");
    if (found === undefined) {
      response.statusCode = 404;
      response.end('{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}');
      return;
    }
    const [kind, apiVersion] = found;
    const items = kept.get(kind)!;
    const asked = url.searchParams;
    if (["true", "1"].includes(asked.get("watch") ?? ""))
      void watch(response, items, kind, apiVersion, asked.get("sendInitialEvents") === "true");
    else
      list(
        response,
        items,
        kind,
        apiVersion,
        Number(asked.get("limit") ?? 0),
        Number(asked.get("continue") ?? 0),
      );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server.close(), "close");
      server.closeAllConnections();
      await closed;
    },
  };
}

/** As it comes back from storage. */
function stored(object: Manifest, number: number): object {
  const uid = `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
  const time = "2026-01-01T00:00:00Z";
  const fields = {
    "f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
    "f:spec": { "f:internalTrafficPolicy": {}, "f:ports": { ".": {} }, "f:selector": {}, "f:type": {} },
  };
  const { apiVersion, kind, metadata, ...rest } = object;
  const manager = {
    manager: "bench",
    operation: "Update",
    apiVersion,
    time,
    fieldsType: "FieldsV1",
    fieldsV1: fields,
  };
  return {
    kind,
    apiVersion,
    metadata: {
      ...metadata,
      uid,
      resourceVersion: String(number),
      creationTimestamp: time,
      managedFields: [manager],
    },
    ...rest,
  };
}

function list(
  response: ServerResponse,
  items: readonly string[],
  kind: string,
  apiVersion: string,
  limit: number,
  from: number,
): void {
  const end = limit > 0 ? Math.min(items.length, from + limit) : items.length;
  const next = end < items.length ? `,"continue":"${end}","remainingItemCount":${items.length - end}` : "";
  const head = `{"kind":"${kind}List","apiVersion":"${apiVersion}","metadata":{"resourceVersion":"${VERSION}"${next}},"items":[`;
  response.end(`${head}${items.slice(from, end).join(",")}]}`);
}

async function watch(
  response: ServerResponse,
  items: readonly string[],
  kind: string,
  apiVersion: string,
  initial: boolean,
): Promise<void> {
  response.flushHeaders();
  if (!initial) return;
  const gone = once(response, "close").catch(() => undefined);
  for (let at = 0; at < items.length && !response.destroyed; at += 500) {
    const events = items.slice(at, at + 500).map((item) => `{"type":"ADDED","object":${item}}\n`);
    if (!response.write(events.join("")))
      await Promise.race([once(response, "drain").catch(() => undefined), gone]);
  }
  const annotations = { "k8s.io/initial-events-end": "true" };
  const object = { kind, apiVersion, metadata: { resourceVersion: VERSION, annotations } };
  response.write(`${JSON.stringify({ type: "BOOKMARK", object })}\n`);
}
