/** The same cluster from a real API server and from its manifests: both sources must lead to one index. */
import t from "tap";
import { ClusterIndex } from "../../src/cluster/cluster-index.ts";
import { KINDS } from "../../src/cluster/objects.ts";
import { objectsSource } from "../../src/cluster/objects-source.ts";
import { apiServerSource } from "../../src/cluster/apiserver/source.ts";
import { noApiServer, startApiServer } from "../support/apiserver.ts";
import { load } from "../support/apiserver-load.ts";
import { until } from "../support/cluster-follower.ts";
import { fixtureCluster } from "../support/fixture-cluster.ts";

t.setTimeout(60_000);

const WANTED = {
  kinds: KINDS,
  labels: undefined,
  namespaceLabels: undefined,
  // A real API server adds labels of the node to pods.
  fields: { podNames: true, zones: true, podLabels: false },
};

const byName = <T extends { name: string }>(list: readonly T[]): T[] =>
  [...list].sort((a, b) => (a.name < b.name ? -1 : 1));

/** All that the index knows, in an order of its own. */
function contents(index: ClusterIndex, podAddresses: readonly string[]): object {
  const namespaces = [...index.namespaces()].sort().map((namespace) => [
    namespace,
    index.hasNamespace(namespace),
    [...index.servicesIn(namespace)]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, node]) => ({
        name,
        ...node,
        slices: byName(node.slices),
        importedSlices: byName(node.importedSlices),
      })),
  ]);
  return { namespaces, pods: podAddresses.map((address) => byName(index.podsAt(address))) };
}

t.test("the fixture cluster", { skip: noApiServer }, async (t) => {
  const objects = fixtureCluster();
  const api = await startApiServer();
  t.teardown(() => api.close());
  await load(api, objects);

  const live = new ClusterIndex({ kinds: KINDS, now: Date.now });
  const watch = apiServerSource({ access: { kind: "kubeconfig", file: api.kubeconfig } }).watch(WANTED, live);
  t.teardown(() => watch.close());
  await until(() => live.synced, 20_000, "synchronised");

  const manifests = new ClusterIndex({ kinds: KINDS, now: Date.now });
  objectsSource(objects, Date.now).watch(WANTED, manifests);

  const podAddresses = objects
    .map((object) => (object["status"] as { podIP?: string } | undefined)?.podIP ?? "")
    .filter((address) => address !== "");
  t.ok(podAddresses.length > 20);
  t.ok(manifests.servicesIn("shop").size > 10);
  t.same(contents(live, podAddresses), contents(manifests, podAddresses));
});
