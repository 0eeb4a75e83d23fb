/** A live cluster: its API server's lists, a page at a time; kinds that it has not are skipped. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { readLive } from "../../src/model/live.ts";
import { cluster } from "../../src/policy/net.ts";

const pod = (name: string, ip: string) => ({
  metadata: { name, namespace: "shop", labels: { app: name } },
  spec: { containers: [{ name: "c", ports: [{ containerPort: 80 }] }] },
  status: { phase: "Running", podIP: ip },
});
const PAGES: Record<string, object> = {
  "/api/v1/pods?limit=500": {
    kind: "PodList",
    apiVersion: "v1",
    metadata: { continue: "a b" },
    items: [pod("web", "10.0.0.1")],
  },
  "/api/v1/pods?limit=500&continue=a%20b": {
    kind: "PodList",
    apiVersion: "v1",
    metadata: {},
    items: [pod("api", "10.0.0.2")],
  },
  "/apis/networking.k8s.io/v1/networkpolicies?limit=500": {
    kind: "NetworkPolicyList",
    apiVersion: "networking.k8s.io/v1",
    metadata: {},
    items: [
      {
        metadata: { name: "deny", namespace: "shop" },
        spec: { podSelector: { matchLabels: { app: "api" } } },
      },
    ],
  },
};

t.test("lists", async (t) => {
  let refuse = false;
  const server = createServer((request, response) => {
    const page = PAGES[request.url ?? ""];
    response.writeHead(refuse ? 403 : page === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(page ?? { kind: "Status", message: "no" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const dir = mkdtempSync(join(tmpdir(), "netsim-live-"));
  t.teardown(() => {
    server.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "here",
    contexts: [{ name: "here", context: { cluster: "c", user: "u" } }],
    clusters: [
      {
        name: "c",
        cluster: {
          server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
          "insecure-skip-tls-verify": true,
        },
      },
    ],
    users: [{ name: "u", user: {} }],
  };
  writeFileSync(join(dir, "config"), JSON.stringify(config));
  process.env["KUBECONFIG"] = join(dir, "config");
  const net = await cluster("kube:here");
  t.same(net.problems, []);
  t.same(
    net.cluster.pods.map((p) => p.metadata.name),
    ["web", "api"],
  );
  t.equal(net.connect("shop/web", "shop/api:80").verdict, "deny");
  t.equal(net.connect("shop/api", "shop/web:80").verdict, "allow");
  refuse = true;
  await t.rejects(readLive(), /answered 403/);
  await t.rejects(readLive("elsewhere"), /no cluster for context elsewhere/);
});
