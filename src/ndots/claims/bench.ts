/** The load of a measurement that was made with the real programs, and the same load for a chain: see `recorded.ts`. */
import { parseResolvConf } from "../../resolver/conf.ts";
import { findModel } from "../../resolver/models.ts";
import type { Leg } from "../chain/leg.ts";
import { nodelocal, playable } from "../chain/corefiles.ts";
import { createWorld, inventedRecords } from "../chain/world.ts";
import { runLoad, type Load, type Mix, type MixName } from "../load.ts";
import type { KubeObject } from "../objects.ts";

const NAMESPACE = "nlcbench";
const DNS = "10.96.0.10";
const TTL = 30;
const SERVICES = Array.from({ length: 20 }, (_, i) => `svc${String(i).padStart(2, "0")}`);
const OUTSIDE = Array.from({ length: 12 }, (_, i) => `www${String(i)}.outside.test`);
const MISSING = Array.from({ length: 20 }, (_, i) => `gone${String(i)}.outside.test`);

/** CoreDNS as it was measured: everything is kept for 30 s. */
const COREFILE = `.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl ${String(TTL)}
    }
    forward . /etc/resolv.conf
    cache 30
}
`;

const objects: readonly KubeObject[] = [
  { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } },
  ...SERVICES.map((name, i): KubeObject => {
    const address = `10.96.1.${String(i + 1)}`;
    return {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: NAMESPACE },
      spec: { clusterIP: address, clusterIPs: [address], ports: [{ port: 80, protocol: "TCP" }] },
    };
  }),
];

/** Each name as often as Zipf's law says, together `share`. */
function zipf(names: readonly string[], share: number, kind: string): MixName[] {
  const total = names.reduce((sum, _, i) => sum + 1 / (i + 1), 0);
  return names.map((name, i) => ({ name, kind, weight: share / (i + 1) / total }));
}

const names: readonly MixName[] = [
  ...zipf(SERVICES, 0.3, "short"),
  ...zipf(
    SERVICES.map((name) => `${name}.${NAMESPACE}`),
    0.2,
    "ns",
  ),
  ...zipf(
    SERVICES.map((name) => `${name}.${NAMESPACE}.svc.cluster.local`),
    0.1,
    "fqdn",
  ),
  ...zipf(OUTSIDE, 0.35, "outside"),
  ...MISSING.map((name) => ({ name, kind: "missing", weight: 0.05 / MISSING.length })),
];

export interface BenchOptions {
  readonly nodelocal: boolean;
  /** Of the packets between the node and anywhere else, each way. */
  readonly loss: number;
  readonly pods?: number;
  /** Lookups of a pod in a second. */
  readonly rate?: number;
  readonly seconds?: number;
  readonly seed: number;
}

/**
 * Round-trip times in ms. The recorded median of one question was 0.15 to the cache on the node and 2.22 to CoreDNS, which is 2 on the way and
 * the rest in programs. CoreDNS's own resolver stood beside it.
 */
const NODE: Leg = { rtt: 0.15 };
const away = (loss: number): Leg => ({ rtt: 2.22, loss });
const BESIDE: Leg = { rtt: 0.1 };

export function runBench({
  nodelocal: cached,
  loss,
  pods = 10,
  rate = 5,
  seconds = 45,
  seed,
}: BenchOptions): Promise<Load> {
  const search = [`${NAMESPACE}.svc.cluster.local`, "svc.cluster.local", "cluster.local"].join(" ");
  const conf = parseResolvConf(`search ${search}\nnameserver ${DNS}\noptions ndots:5\n`);
  const resolvers = [{ model: findModel("glibc")!, weight: 1 }];
  const mix: Mix = { seconds, groups: [{ pods, rate, conf, names, resolvers }] };
  return runLoad({
    corefiles: { cluster: playable(COREFILE), nodelocal: cached ? playable(nodelocal()) : undefined },
    clusterDns: DNS,
    objects,
    world: createWorld([...inventedRecords(OUTSIDE, TTL)], TTL),
    legs: { node: NODE, cluster: away(loss), upstream: cached ? away(loss) : BESIDE },
    mix,
    net: "dual",
    seed,
  });
}
