/** Why a Service leads nowhere, in all modes of its proxy. */
import t from "tap";
import { loadObjects } from "../../src/model/load.ts";
import { refused } from "../../src/trace/refusal.ts";
import { createSite } from "../../src/trace/site.ts";
import { service } from "../policy/make.ts";
import { ask, is, usual } from "./shop.ts";
import { at } from "./support.ts";

t.test("Services", async (t) => {
  const empty = service("data/empty", {
    clusterIP: "10.96.0.21",
    selector: { app: "gone" },
    ports: [{ port: 80 }],
  });
  for (const mode of ["iptables", "nftables", "ipvs", "ebpf"] as const)
    is(t, await ask("empty.data:80", [empty], { mode }), "reject", "no-endpoints", mode);
  t.match((await ask("empty.data:80", [empty])).remedy, { text: /no pod in data has the labels app=gone/ });
  is(t, await ask("db-svc.data:81"), "timeout", "no-such-service-port");
  is(
    t,
    await ask("10.96.77.77:80", [
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "ServiceCIDR",
        metadata: { name: "k" },
        spec: { cidrs: ["10.96.0.0/16"] },
      },
    ]),
    "unroutable",
    "no-such-service",
  );
  const range = {
    apiVersion: "networking.k8s.io/v1",
    kind: "ServiceCIDR",
    metadata: { name: "k" },
    spec: { cidrs: ["10.96.0.0/16"] },
  };
  t.match(
    (await ask("10.96.77.77:80", [range], { mode: "nftables" })).reason,
    "no-such-service",
    "nftables refuses it",
  );
  t.match(await ask("10.96.0.20:81", [range], { mode: "nftables" }), {
    verdict: "reject",
    reason: "no-such-service-port",
  });
  const local = service("data/local", {
    clusterIP: "10.96.0.22",
    selector: { app: "db" },
    internalTrafficPolicy: "Local",
    ports: [{ port: 80, targetPort: 5432 }],
  });
  const dropped = await ask("10.96.0.22:80", [local]);
  is(t, dropped, "timeout", "no-local-endpoints");
  t.match(dropped.remedy, { change: "internalTrafficPolicy: Cluster" });
  is(t, await ask("10.96.0.20:80", [], {}, "203.0.113.9"), "unroutable", "cluster-ip-from-outside");
  const balanced = {
    ...service("data/lb", {
      type: "LoadBalancer",
      clusterIP: "10.96.0.23",
      selector: { app: "db" },
      loadBalancerSourceRanges: ["192.0.2.0/24"],
      ports: [{ port: 80, targetPort: 5432, nodePort: 30099 }],
    }),
    status: { loadBalancer: { ingress: [{ ip: "198.51.100.7" }] } },
  };
  is(t, await ask("198.51.100.7:80", [balanced], {}, "203.0.113.9"), "timeout", "source-range");
  is(t, await ask("198.51.100.7:80", [balanced], {}, "192.0.2.9"), "allow", "allowed");
});

t.test("an address that two Services share", async (t) => {
  const shared = (name: string, port: number, more: object = {}) =>
    service(`data/${name}`, {
      clusterIP: `10.96.0.${port}`,
      selector: { app: "db" },
      externalIPs: ["198.51.100.9"],
      ports: [{ port, targetPort: 5432 }],
      ...more,
    });
  const both = [shared("first", 80), shared("second", 81, { selector: { app: "gone" } })];
  is(t, await ask("198.51.100.9:80", both), "allow", "allowed");
  const other = await ask("198.51.100.9:81", both);
  is(t, other, "reject", "no-endpoints", "the port says which one is meant");
  t.match(at(other, "service"), { object: "Service data/second" });
});

t.test("what a proxy refuses, and no Service or range explains", (t) => {
  const site = createSite(loadObjects(usual), "nftables");
  const connection = (verdict: "rejected" | "dropped") => ({
    verdict,
    destination: { address: "192.0.2.1", port: 80 },
    source: "10.244.1.2",
    translated: false,
    masqueraded: false,
    service: undefined,
    steps: [{ where: "filter", rule: "ip daddr 192.0.2.1 drop", effect: verdict }],
    rules: 1,
    lookups: 0,
  });
  for (const [verdict, outcome, reason] of [
    ["rejected", "reject", "rejected-by-proxy"],
    ["dropped", "timeout", "dropped-by-proxy"],
  ] as const) {
    const { stop, hops } = refused(site, undefined, connection(verdict), "192.0.2.1:80/TCP", "node-1");
    t.match(stop, { verdict: outcome, reason });
    t.match(hops, [{ verdict: outcome, rule: "ip daddr 192.0.2.1 drop", what: /nftables on node-1/ }]);
  }
  t.end();
});
