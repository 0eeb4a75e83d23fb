/** What was recorded of CoreDNS on a real API server, with ours on one: the k8s scenarios, and changes as they happen. */
import t from "tap";
import { playLive } from "../conformance/kubernetes-live.ts";
import { hasOwnCluster, missingPlugins, runScenario, scenarioNames } from "../conformance/scenario.ts";
import { noApiServer, startApiServer } from "../support/apiserver.ts";
import { apply, load, remove } from "../support/apiserver-load.ts";
import { fixtureCluster } from "../support/fixture-cluster.ts";

t.setTimeout(600_000);

t.test("the k8s scenarios with the API server", { skip: noApiServer, timeout: 300_000 }, async (t) => {
  t.setTimeout(300_000);
  const api = await startApiServer();
  t.teardown(() => api.close());
  await load(api, fixtureCluster());
  for (const name of scenarioNames()) {
    if (!/^(k8s-|kubeadm|pods-|fallthrough-|autopath-)/.test(name)) continue;
    // These hold what no API server takes, or want none at all.
    if (hasOwnCluster(name) || name.startsWith("k8s-api-unreachable")) continue;
    const missing = missingPlugins(name);
    await t.test(
      name,
      missing.length === 0 ? {} : { skip: `not built yet: ${missing.join(", ")}` },
      async (t) => {
        for (const outcome of await runScenario(name, "kubeconfig", api.kubeconfig))
          t.same(outcome.differences, [], outcome.id);
      },
    );
  }
});

t.test("changes as they happen", { skip: noApiServer, timeout: 120_000 }, async (t) => {
  t.setTimeout(120_000);
  const api = await startApiServer();
  t.teardown(() => api.close());
  await playLive(t, {
    source: "kubeconfig",
    path: api.kubeconfig,
    apply: (object) => apply(api, object),
    remove: (object) => remove(api, object),
    async finalize(name) {
      const path = `/api/v1/namespaces/${name}`;
      const { body } = await api.request("GET", path);
      await api.request("PUT", `${path}/finalize`, { ...body, spec: { ...body.spec, finalizers: [] } });
    },
  });
});
