/** A cluster's index that follows a real API server: changes, restarts, selectors, rights, rotated tokens. */
import t from "tap";
import { mkdirSync, copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ApiServer, kubeconfigText, noApiServer, startApiServer } from "../support/apiserver.ts";
import { apply, load, type Manifest, remove } from "../support/apiserver-load.ts";
import { type ClusterFollower, DNS_KINDS, follow, until } from "../support/cluster-follower.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";

t.setTimeout(180_000);

const NAMESPACE: Manifest = { apiVersion: "v1", kind: "Namespace", metadata: { name: "live" } };

function service(name: string, labels: Record<string, string> = {}): Manifest {
  const metadata = { name, namespace: "live", labels };
  return { apiVersion: "v1", kind: "Service", metadata, spec: { ports: [{ name: "http", port: 80 }] } };
}

function slice(name: string, ready: boolean, ...addresses: string[]): Manifest {
  const labels = { "kubernetes.io/service-name": name };
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${name}-1`, namespace: "live", labels },
    addressType: "IPv4",
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready } })),
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  };
}

function pod(name: string, phase: string, podIP: string): Manifest {
  const spec = { containers: [{ name: "main", image: "x" }] };
  const status = { phase, podIP, podIPs: [{ ip: podIP }] };
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "live" }, spec, status };
}

const has = ({ index }: ClusterFollower, name: string): boolean =>
  index.find("live", name)?.service !== undefined;
const addressesOf = ({ index }: ClusterFollower, name: string): readonly string[] =>
  (index.find("live", name)?.slices ?? []).flatMap(({ addresses }) => addresses);
const median = (times: number[]): number => times.sort((a, b) => a - b)[times.length >> 1]!;

/** A kubeconfig that leads to the API server through a proxy. */
function through(proxy: TcpProxy, api: ApiServer): string {
  const file = join(api.dir, `kubeconfig-${proxy.port}`);
  writeFileSync(file, kubeconfigText(`https://127.0.0.1:${proxy.port}`, api.caFile, api.token));
  return file;
}

t.test("a real API server", { skip: noApiServer }, async (t) => {
  const api = await startApiServer({ authorization: "RBAC" });
  t.teardown(() => api.close());
  await apply(api, NAMESPACE);
  const access = { kind: "kubeconfig", file: api.kubeconfig } as const;

  await t.test("changes are in the index within 20 ms of the API server's answer", async (t) => {
    const follower = follow({ access });
    t.teardown(() => follower.watch.close());
    await follower.synced();
    const coming: number[] = [];
    const going: number[] = [];
    for (let i = 0; i < 20; i++) {
      await apply(api, service(`quick-${i}`));
      coming.push(await until(() => has(follower, `quick-${i}`), 2000, "there"));
      await remove(api, service(`quick-${i}`));
      going.push(await until(() => !has(follower, `quick-${i}`), 2000, "gone"));
    }
    t.ok(median(coming) <= 20, `median ${median(coming).toFixed(1)} ms until there`);
    t.ok(median(going) <= 20, `median ${median(going).toFixed(1)} ms until gone`);

    await apply(api, slice("web", true, "10.244.0.1", "10.244.0.2"));
    await until(() => addressesOf(follower, "web").length === 2, 2000, "two endpoints");
    await apply(api, slice("web", false, "10.244.0.1"));
    await until(() => addressesOf(follower, "web").length === 0, 2000, "none of them ready");
    await remove(api, slice("web", false));
    await apply(api, { ...NAMESPACE, metadata: { name: "brief" } });
    await until(() => follower.index.hasNamespace("brief"), 2000, "the namespace");
    t.same(follower.logs, []);
  });

  await t.test("pods count while they run", async (t) => {
    const follower = follow({ access }, ["Pod"]);
    t.teardown(() => follower.watch.close());
    await apply(api, pod("before", "Running", "10.244.0.9"));
    await follower.synced();
    const known = (): string[] => follower.index.podsAt("10.244.0.9").map(({ name }) => name);
    await until(() => known().length === 1, 2000, "the pod that was there");
    await apply(api, pod("after", "Pending", "10.244.0.9"));
    await until(() => known().length === 2, 2000, "the pod that came");
    await apply(api, pod("before", "Succeeded", "10.244.0.9"));
    await until(() => known().length === 1, 2000, "the pod that ended");
    t.same(known(), ["after"]);
  });

  await t.test("what a selector no longer chooses is gone", async (t) => {
    const follower = follow({ access }, ["Service"], "tier in (front),!hidden");
    t.teardown(() => follower.watch.close());
    await apply(api, service("front", { tier: "front" }));
    await apply(api, service("back", { tier: "back" }));
    await follower.synced();
    t.ok(has(follower, "front"));
    t.notOk(has(follower, "back"));
    await apply(api, service("front", { tier: "front", hidden: "yes" }));
    await until(() => !has(follower, "front"), 2000, "hidden");
    await apply(api, service("back", { tier: "front" }));
    await until(() => has(follower, "back"), 2000, "chosen");
  });

  await t.test("versions too old: everything is listed anew", async (t) => {
    const proxy = await startTcpProxy(api.port);
    t.teardown(() => proxy.close());
    const follower = follow({ access: { kind: "kubeconfig", file: through(proxy, api) } });
    t.teardown(() => follower.watch.close());
    await apply(api, service("early"));
    await follower.synced();
    proxy.cut();
    await remove(api, service("early"));
    await apply(api, service("meanwhile"));
    // A server that has just started remembers no changes of before.
    await api.restart();
    t.ok(has(follower, "early"), "answers go on");
    t.match(follower.health("Service").error, /^services: /);
    proxy.thaw();
    await until(() => has(follower, "meanwhile") && !has(follower, "early"), 10_000, "caught up");
    t.ok(
      follower.logs.some((line) => line.includes("listing anew")),
      follower.logs.join("; "),
    );
  });

  await t.test("killed and restarted: answers go on, then catch up", async (t) => {
    await apply(api, service("lasting"));
    const follower = follow({ access });
    t.teardown(() => follower.watch.close());
    await follower.synced();
    await api.kill();
    await until(() => DNS_KINDS.every((kind) => follower.health(kind).error), 5000, "noticed");
    t.ok(has(follower, "lasting"));
    t.ok(follower.index.synced);
    await api.restart();
    await apply(api, service("later"));
    await until(() => has(follower, "later"), 10_000, "caught up");
    await until(() => DNS_KINDS.every((kind) => !follower.health(kind).error), 5000, "no error left");
    t.ok(has(follower, "lasting"));
  });

  await t.test(
    "in a pod: list and watch are all the rights it takes, and tokens may be rotated",
    async (t) => {
      const [first, second] = await serviceAccount(api);
      const directory = join(api.dir, "serviceaccount");
      mkdirSync(directory);
      copyFileSync(api.caFile, join(directory, "ca.crt"));
      writeFileSync(join(directory, "token"), first.token);
      const proxy = await startTcpProxy(api.port);
      t.teardown(() => proxy.close());
      const env = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(proxy.port) };
      const follower = follow({ access: { kind: "in-cluster", env, directory } }, [...DNS_KINDS, "Pod"]);
      t.teardown(() => follower.watch.close());
      await follower.synced();
      t.same(follower.logs, [], "nothing was forbidden");

      writeFileSync(join(directory, "token"), second.token);
      await first.revoke();
      for (let status = 0; status !== 401; await sleep(250)) {
        status = (await api.request("GET", "/api/v1/services", undefined, { token: first.token })).status;
      }
      proxy.cut();
      proxy.thaw();
      await apply(api, service("rotated"));
      await until(() => has(follower, "rotated"), 5000, "the new token");
    },
  );

  await t.test("rights that are missing are told", async (t) => {
    const follower = follow({ access }, ["ServiceImport"]);
    t.teardown(() => follower.watch.close());
    await until(() => follower.health("ServiceImport").error !== undefined, 5000, "an error");
    t.match(follower.health("ServiceImport"), { listed: false, error: /^serviceimports: .*\(404\)$/ });
    const [weak] = await serviceAccount(api, "weak", false);
    const file = join(api.dir, "weak");
    writeFileSync(file, kubeconfigText(api.url, api.caFile, weak.token));
    const other = follow({ access: { kind: "kubeconfig", file } }, ["Pod"]);
    t.teardown(() => other.watch.close());
    await until(() => other.health("Pod").error !== undefined, 5000, "an error");
    t.match(
      other.health("Pod").error,
      /^pods: .*system:serviceaccount:live:weak.*cannot watch resource.*\(403\)$/,
    );
  });
});

t.test("an API server without watch lists", { skip: noApiServer }, async (t) => {
  const api = await startApiServer({ flags: ["--feature-gates=WatchList=false"] });
  t.teardown(() => api.close());
  const services = Array.from({ length: 1100 }, (_, i) => service(`svc-${i}`));
  await load(api, [NAMESPACE, ...services]);
  const follower = follow({ access: { kind: "kubeconfig", file: api.kubeconfig } });
  t.teardown(() => follower.watch.close());
  await follower.synced();
  t.equal(follower.index.servicesIn("live").size, 1100, "in three pages");
  await apply(api, service("another"));
  await until(() => has(follower, "another"), 2000, "the watch");
  t.same(follower.logs, []);
});

interface Token {
  readonly token: string;
  revoke(): Promise<void>;
}

/** A service account with the rights of a DNS server (or none), and two tokens of it, each bound to a secret that it falls with. */
async function serviceAccount(api: ApiServer, name = "dns", mayRead = true): Promise<[Token, Token]> {
  const metadata = { name, namespace: "live" };
  const rbac = "rbac.authorization.k8s.io";
  await apply(api, { apiVersion: "v1", kind: "ServiceAccount", metadata });
  if (mayRead) {
    const verbs = ["list", "watch"];
    const rules = [
      { apiGroups: [""], resources: ["services", "pods", "namespaces"], verbs },
      { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs },
    ];
    await apply(api, { apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata: { name }, rules });
    const roleRef = { apiGroup: rbac, kind: "ClusterRole", name };
    const subjects = [{ kind: "ServiceAccount", ...metadata }];
    await apply(api, {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRoleBinding",
      metadata: { name },
      roleRef,
      subjects,
    });
  }
  const issue = async (secretName: string): Promise<Token> => {
    const secret: Manifest = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: secretName, namespace: "live" },
    };
    await apply(api, secret);
    const { body } = await api.request("GET", `/api/v1/namespaces/live/secrets/${secretName}`);
    const boundObjectRef = {
      apiVersion: "v1",
      kind: "Secret",
      name: secretName,
      uid: body.metadata.uid as string,
    };
    const path = `/api/v1/namespaces/live/serviceaccounts/${name}/token`;
    const request = { spec: { boundObjectRef, expirationSeconds: 600 } };
    const { body: issued } = await api.request("POST", path, request);
    return { token: issued.status.token as string, revoke: () => remove(api, secret) };
  };
  return [await issue(`${name}-1`), await issue(`${name}-2`)];
}
