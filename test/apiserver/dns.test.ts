/** The whole server on a real API server: what a change costs in time, and what an outage does. */
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { createServer } from "../../src/index.ts";
import { ask } from "../conformance/ask.ts";
import { freePorts } from "../conformance/scenario.ts";
import { noApiServer, startApiServer, type ApiServer } from "../support/apiserver.ts";
import { apply, load, remove, type Manifest } from "../support/apiserver-load.ts";
import { fixtureCluster } from "../support/fixture-cluster.ts";

const service = (name: string, address: string): Manifest => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "live" },
  spec: { clusterIP: address, clusterIPs: [address], ports: [{ name: "http", port: 80, protocol: "TCP" }] },
});

t.test("a server on a real API server", { skip: noApiServer, timeout: 180_000 }, async (t) => {
  t.setTimeout(180_000);
  const api: ApiServer = await startApiServer();
  t.teardown(() => api.close());
  await load(api, fixtureCluster());
  await apply(api, { apiVersion: "v1", kind: "Namespace", metadata: { name: "live" } });
  const [port, readyPort] = (await freePorts(2)) as [number, number];
  const server = createServer({
    corefile: `.:${port} {
      bind 127.0.0.1
      ready 127.0.0.1:${readyPort}
      kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig ${api.kubeconfig}
        ttl 30
      }
      cache 30
    }`,
  });
  t.teardown(() => server.close());
  await server.listen();
  const rcode = async (name: string): Promise<string | null | undefined> =>
    (await ask({ name, type: "A" }, port, false)).rcode;
  const ready = async (): Promise<number> => (await fetch(`http://127.0.0.1:${readyPort}/ready`)).status;

  /** Milliseconds until the answer is `wanted`. */
  const until = async (name: string, wanted: string): Promise<number> => {
    const begin = performance.now();
    while ((await rcode(name)) !== wanted) {
      if (performance.now() - begin > 5000) throw new Error(`${name} is not ${wanted} after 5 s`);
    }
    return performance.now() - begin;
  };

  await t.test("ready once synchronised", async (t) => {
    t.equal(await ready(), 200);
    t.equal(await rcode("web.shop.svc.cluster.local."), "NOERROR", "the fixture's names are there");
  });

  await t.test(
    "a Service is seen, and seen to go, within 20 ms of the API server's answer, through a cache that held the opposite",
    async (t) => {
      const appeared: number[] = [];
      const went: number[] = [];
      for (let i = 0; i < 20; i++) {
        const name = `web-${i}.live.svc.cluster.local.`;
        t.equal(await rcode(name), "NXDOMAIN", "the cache now holds a denial");
        const one = service(`web-${i}`, `10.96.201.${i + 1}`);
        await apply(api, one);
        appeared.push(await until(name, "NOERROR"));
        await remove(api, one);
        went.push(await until(name, "NXDOMAIN"));
      }
      const median = (times: number[]): number => times.sort((a, b) => a - b)[10]!;
      t.comment(
        `median ${median(appeared).toFixed(1)} ms and ${median(went).toFixed(1)} ms, most ${appeared.at(-1)!.toFixed(1)} ms and ${went.at(-1)!.toFixed(1)} ms`,
      );
      t.ok(median(appeared) <= 20, "creation");
      t.ok(median(went) <= 20, "deletion");
    },
  );

  await t.test("the API server dies and comes back: answers go on, then catch up", async (t) => {
    await api.kill();
    await sleep(500);
    t.equal(await rcode("web.shop.svc.cluster.local."), "NOERROR", "what is known is answered");
    t.equal(await ready(), 200, "as in CoreDNS, ready stays ready");
    await api.restart();
    await apply(api, service("after", "10.96.202.1"));
    const ms = await until("after.live.svc.cluster.local.", "NOERROR").catch(() =>
      until("after.live.svc.cluster.local.", "NOERROR"),
    );
    t.pass(`caught up ${Math.round(ms)} ms after the change`);
  });
});

t.test("an API server that is not there: SERVFAIL, not ready", { skip: noApiServer }, async (t) => {
  const [port, readyPort, nobody] = (await freePorts(3)) as [number, number, number];
  const server = createServer({
    corefile: `.:${port} {
      bind 127.0.0.1
      ready 127.0.0.1:${readyPort}
      kubernetes cluster.local {
        endpoint http://127.0.0.1:${nobody}
        startup_timeout 500ms
      }
    }`,
  });
  t.teardown(() => server.close());
  await server.listen();
  t.equal((await ask({ name: "web.shop.svc.cluster.local.", type: "A" }, port, false)).rcode, "SERVFAIL");
  const response = await fetch(`http://127.0.0.1:${readyPort}/ready`);
  t.equal(response.status, 503);
  t.equal(await response.text(), "kubernetes");
});
