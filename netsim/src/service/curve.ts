/** What a service proxy costs a connection's first packet, as the cluster grows: rules walked through, or tables asked. */
import { loadObjects } from "../model/reader.ts";
import { MODES, serviceProxy, type Mode } from "./index.ts";
import { packet } from "./packet.ts";
import { outcomes } from "./spread.ts";

export interface Cost {
  readonly services: number;
  /** Means over Services all along the list. */
  readonly rules: number;
  readonly lookups: number;
}

const SAMPLES = 20;

/** For each number of Services (up to 60,000), what a pod's connection to one of them meets on the way. */
export function costCurve(mode: Mode, sizes: readonly number[], endpoints = 3): Cost[] {
  return sizes.map((services) => {
    const proxy = serviceProxy(loadObjects(syntheticCluster(services, endpoints)), "node-0", mode);
    const from = `10.244.0.${endpoints + 10}`;
    let rules = 0;
    let lookups = 0;
    let seen = 0;
    for (let i = 0; i < SAMPLES && proxy !== undefined; i++) {
      const to = packet(from, clusterIP(Math.floor((i * services) / SAMPLES)), 80);
      const [likeliest] = to === undefined ? [] : outcomes(proxy.plane("IPv4"), to);
      if (likeliest === undefined) continue;
      rules += likeliest.connection.rules;
      lookups += likeliest.connection.lookups;
      seen++;
    }
    return { services, rules: rules / Math.max(1, seen), lookups: lookups / Math.max(1, seen) };
  });
}

/** The curves of all modes over the same sizes. */
export function costCurves(sizes: readonly number[], endpoints = 3): Record<Mode, Cost[]> {
  const all = MODES.map((mode) => [mode, costCurve(mode, sizes, endpoints)] as const);
  return Object.fromEntries(all) as Record<Mode, Cost[]>;
}

function clusterIP(index: number): string {
  return `10.96.${Math.floor(index / 250)}.${(index % 250) + 1}`;
}

function syntheticCluster(services: number, endpoints: number): object[] {
  const node = {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node-0" },
    spec: { podCIDR: "10.244.0.0/16" },
    status: { addresses: [{ type: "InternalIP", address: "172.18.0.2" }] },
  };
  const addresses = Array.from({ length: endpoints }, (_, index) => `10.244.0.${index + 1}`);
  return [
    node,
    ...Array.from({ length: services }, (_, index) => index).flatMap((index) => [
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: `s${index}`, namespace: "default" },
        spec: { clusterIP: clusterIP(index), ports: [{ port: 80 }] },
      },
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: {
          name: `s${index}-1`,
          namespace: "default",
          labels: { "kubernetes.io/service-name": `s${index}` },
        },
        addressType: "IPv4",
        endpoints: addresses.map((address) => ({ addresses: [address], nodeName: "node-0" })),
        ports: [{ port: 8080 }],
      },
    ]),
  ];
}
