import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { CLUSTER, type ClusterView } from "../../src/capabilities.ts";
import { zoneOf } from "../../src/cluster/settings.ts";
import { isWithin, prepend, ROOT, type Name } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import { parseSearchList } from "../../src/dns/search-list.ts";
import { definePlugin, SetupError, type Plugin } from "../../src/plugin.ts";
import { createWalk, FIRST_ELEMENT } from "./walk.ts";

/** Whose search domains end every pod's list: pods inherit them from their nodes, and so does this server's. */
const OWN_RESOLV_CONF = "/etc/resolv.conf";

/** Walks a client's search list in its place: one query and one answer for what would be one of each for every domain. */
export const autopath: Plugin = definePlugin({
  name: "autopath",
  directive: {
    doc: "Completes names by the client's search list.",
    repeat: "last",
    args: {
      zones: { type: "zone[]", default: "keys", doc: "Names in these zones only." },
      source: {
        type: "text",
        as: "RESOLV-CONF",
        doc: "A file whose search line is every client's list; or @kubernetes: each pod's own.",
      },
    },
  },
  setup({ zones, source }, context) {
    const provider = source.startsWith("@") ? source.slice(1) : undefined;
    const common = provider === undefined ? [...searchOf(source, resolve(source)), ROOT] : undefined;
    const wins = context.metrics.counter("success_total", "Counter of requests that did autopath.", [
      "server",
    ]);
    const walk = createWalk((query) => wins.at(query.scope.server).inc());
    const own = provider === undefined ? [] : searchOf(OWN_RESOLV_CONF);
    let cluster: ClusterView | undefined;

    const listOf = (query: Query): readonly Name[] | undefined => {
      if (common !== undefined) return common;
      return cluster === undefined ? undefined : podsList(cluster, query, own);
    };

    return {
      answer(query, next) {
        if (zoneOf(zones, query.name) === undefined) return next(query);
        const list = listOf(query);
        const first = list?.[0];
        if (first === undefined || first === ROOT || !isWithin(query.name, first)) return next(query);
        return query.name === first ? FIRST_ELEMENT : walk(query, list!, next);
      },
      start() {
        if (provider === "kubernetes") cluster = context.find(CLUSTER)[0];
        else if (provider !== undefined && context.plugins().includes(provider)) {
          throw new Error(
            `plugin/autopath: ${provider} knows no search lists: write @kubernetes or the name of a file`,
          );
        }
      },
    };
  },
});

/** The list of the pod that asks, as its node's kubelet wrote it; undefined where no pod has this address. */
function podsList(
  { index, settings }: ClusterView,
  query: Query,
  own: readonly Name[],
): readonly Name[] | undefined {
  const zone = zoneOf(settings.zones, query.name);
  const pod = zone === undefined ? undefined : index.podsAt(query.peer.address)[0];
  if (zone === undefined || pod === undefined) return undefined;
  const services = prepend("svc", zone);
  return [prepend(pod.namespace, services), services, zone, ...own, ROOT];
}

/** The search domains of a file; `name` is how the Corefile calls it. */
function searchOf(name: string, path = name): readonly Name[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (name === OWN_RESOLV_CONF) return [];
    throw new SetupError(`can't read the search list: ${(error as Error).message}`);
  }
  return parseSearchList(text);
}
