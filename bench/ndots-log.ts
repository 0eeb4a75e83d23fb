/**
 * Makes a query log of known cost: pods of several workloads look names up by models of their resolvers, a cluster DNS in this process answers
 * and writes its log. What each lookup needed and what it wasted is taken from the resolvers themselves, not from the log.
 */
import { openChain } from "../src/ndots/chain/chain.ts";
import { kubeadm, playable } from "../src/ndots/chain/corefiles.ts";
import { podTransport } from "../src/ndots/chain/pod.ts";
import { createWorld, inventedRecords } from "../src/ndots/chain/world.ts";
import { picker } from "../src/ndots/load.ts";
import type { KubeObject } from "../src/ndots/objects.ts";
import { seededRandom, until, virtualClock } from "../src/resolver/clock.ts";
import { parseResolvConf } from "../src/resolver/conf.ts";
import { lookup, type LookupReport } from "../src/resolver/lookup.ts";
import { findModel } from "../src/resolver/models.ts";

export interface Truth {
  lookups: number;
  queries: number;
  /** Questions for names that led nowhere. */
  wasted: number;
  /** Milliseconds that lookups took for them. */
  waited_ms: number;
}

export interface GeneratedLog {
  readonly objects: readonly KubeObject[];
  /** By `NAMESPACE/Deployment/NAME`. */
  readonly truth: Readonly<Record<string, Truth>>;
}

/** Round-trip time from every pod to the cluster DNS, in ms; nothing else takes time. */
export const RTT = 10;
const DNS = "10.96.0.10";
const PODS = 8;

interface Workload {
  readonly namespace: string;
  readonly name: string;
  readonly resolver: string;
  /** Of all lookups, among the shares of the others. */
  readonly share: number;
  readonly ndots?: number;
  readonly search?: readonly string[];
  readonly names: readonly { readonly name: string; readonly weight: number }[];
}

const OUTSIDE = [
  "api.example.com",
  "hooks.example.com",
  "example.org",
  "eu-west-1.queue.cloud.example",
  "www.example.net",
  "a.b.c.d.e.example.com",
];
const MISSING = ["gone.example.com", "typo.example"];

const outside = (weight: number) => OUTSIDE.map((name, i) => ({ name, weight: weight / (i + 1) }));
const missing = (weight: number) => MISSING.map((name) => ({ name, weight }));

const WORKLOADS: readonly Workload[] = [
  {
    namespace: "shop",
    name: "web",
    resolver: "glibc",
    share: 4,
    names: [...outside(8), { name: "cart", weight: 2 }, { name: "api.payments", weight: 1 }],
  },
  {
    namespace: "shop",
    name: "cart",
    resolver: "musl",
    share: 3,
    names: [...outside(5), ...missing(1), { name: "db-0.db", weight: 1 }],
  },
  {
    namespace: "shop",
    name: "mailer",
    resolver: "go",
    share: 1,
    // Written to its end, as it should be: nothing of it is needless.
    names: [...OUTSIDE.map((name) => ({ name: `${name}.`, weight: 1 })), { name: "cart", weight: 2 }],
  },
  {
    namespace: "payments",
    name: "api",
    resolver: "c-ares",
    share: 3,
    names: [...outside(4), { name: "web.shop.svc.cluster.local", weight: 2 }],
  },
  {
    namespace: "payments",
    name: "settle",
    resolver: "glibc",
    share: 1,
    ndots: 2,
    names: [...outside(4), { name: "web.shop", weight: 2 }, { name: "api", weight: 2 }],
  },
  {
    namespace: "payments",
    name: "probe",
    resolver: "glibc",
    share: 1,
    // Services that are gone, by their full names: questions for nothing, but no walk.
    names: [
      { name: "old.shop.svc.cluster.local.", weight: 4 },
      { name: "api.payments.svc.cluster.local.", weight: 1 },
      { name: "older.payments.svc.cluster.local.", weight: 4 },
    ],
  },
  {
    namespace: "batch",
    name: "crawler",
    resolver: "java",
    share: 6,
    search: ["zone.cloud.internal", "cloud.internal"],
    names: [...outside(10), ...missing(2)],
  },
  {
    namespace: "batch",
    name: "report",
    resolver: "node",
    share: 3,
    names: [...outside(2), { name: "web.shop.svc", weight: 1 }],
  },
];

const service = (namespace: string, name: string, clusterIP: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace },
  spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ port: 80, protocol: "TCP" }] },
});

const SERVICES: readonly KubeObject[] = [
  ...["shop", "payments", "batch"].map((name): KubeObject => ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name },
  })),
  service("shop", "web", "10.96.10.10"),
  service("shop", "cart", "10.96.10.20"),
  service("payments", "api", "10.96.20.10"),
  service("shop", "db", "None"),
  {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "db-1", namespace: "shop", labels: { "kubernetes.io/service-name": "db" } } as never,
    addressType: "IPv4",
    ports: [{ name: "sql", port: 5432, protocol: "TCP" }],
    endpoints: [{ addresses: ["10.244.90.1"], hostname: "db-0", conditions: { ready: true } }],
  },
];

const addressOf = (workload: number, pod: number): string => `10.244.${workload + 1}.${pod + 1}`;

/** Deployments, their ReplicaSets and pods, as an API server has them. */
function podsOf({ namespace, name, ndots }: Workload, number: number): KubeObject[] {
  const set = `${name}-5d8f7c6b9`;
  const dnsConfig =
    ndots === undefined ? {} : { dnsConfig: { options: [{ name: "ndots", value: String(ndots) }] } };
  return [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, namespace },
      spec: {
        selector: { matchLabels: { app: name } },
        template: { spec: { containers: [], ...dnsConfig } },
      },
    },
    {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name: set, namespace, ownerReferences: [{ kind: "Deployment", name }] },
    },
    ...Array.from({ length: PODS }, (_, pod): KubeObject => {
      const podIP = addressOf(number, pod);
      return {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: `${set}-${pod}`, namespace, ownerReferences: [{ kind: "ReplicaSet", name: set }] },
        spec: { containers: [] },
        status: { phase: "Running", podIP, podIPs: [{ ip: podIP }] },
      };
    }),
  ];
}

/** The questions of a lookup that led nowhere, and how many steps they were: all but those for the name that was found, or for the name itself. */
function wasteOf({ name, queries, result }: LookupReport): { wasted: number; steps: number } {
  const itself = name.endsWith(".") ? name : `${name}.`;
  const needed = result.ok ? queries.at(-1)?.name : itself;
  const others = queries.filter((query) => query.name !== needed);
  return { wasted: others.length, steps: new Set(others.map((query) => query.name)).size };
}

/** Calls `line` for each line of the log, without its end. About eight lines for each lookup. */
export async function generateLog(
  lookups: number,
  seed: number,
  line: (text: string) => void,
): Promise<GeneratedLog> {
  const clock = virtualClock();
  const objects = [...SERVICES, ...WORKLOADS.flatMap(podsOf)];
  const chain = await openChain({
    corefiles: { cluster: playable(kubeadm()).replace("errors", "log") },
    clusterDns: DNS,
    objects,
    world: createWorld(inventedRecords(OUTSIDE, 300)),
    legs: { node: { rtt: 0 }, cluster: { rtt: RTT }, upstream: { rtt: 0 } },
    clock,
    random: seededRandom(seed),
    log: (_hop, text) => line(`[INFO] ${text}`),
  });
  const truth: Record<string, Truth> = {};
  const pods = WORKLOADS.flatMap((workload, number) =>
    Array.from({ length: PODS }, (_, pod) => ({ workload, address: addressOf(number, pod) })),
  );
  const shares = WORKLOADS.reduce((sum, { share }) => sum + share, 0);
  /** Lookups that each workload has yet to begin. What can't be shared evenly is the first one's. */
  const left = new Map(
    WORKLOADS.map((workload) => [workload, Math.floor((lookups * workload.share) / shares)]),
  );
  const dealt = [...left.values()].reduce((sum, count) => sum + count, 0);
  left.set(WORKLOADS[0]!, left.get(WORKLOADS[0]!)! + lookups - dealt);
  const live = async (workload: Workload, address: string, number: number): Promise<void> => {
    const { namespace, name, resolver, names, ndots = 5, search = [] } = workload;
    const random = seededRandom(seed + number);
    const model = findModel(resolver)!;
    const pick = picker(names, random);
    const domains = [`${namespace}.svc.cluster.local`, "svc.cluster.local", "cluster.local", ...search];
    const conf = parseResolvConf(`search ${domains.join(" ")}\nnameserver ${DNS}\noptions ndots:${ndots}\n`);
    const transport = podTransport(chain, address, clock);
    const sum = (truth[`${namespace}/Deployment/${name}`] ??= {
      lookups: 0,
      queries: 0,
      wasted: 0,
      waited_ms: 0,
    });
    for (let more = left.get(workload)!; more > 0; more = left.get(workload)!) {
      left.set(workload, more - 1);
      const report = await lookup(model, pick().name, { conf, net: "dual", transport, clock, random });
      const { wasted, steps } = wasteOf(report);
      sum.lookups++;
      sum.queries += report.queries.length;
      sum.wasted += wasted;
      sum.waited_ms += steps * RTT;
      await until(clock, clock.now() + RTT);
    }
  };
  try {
    await clock.run(() =>
      Promise.all(pods.map(({ workload, address }, number) => live(workload, address, number))),
    );
  } finally {
    await chain.close();
  }
  return { objects, truth };
}
