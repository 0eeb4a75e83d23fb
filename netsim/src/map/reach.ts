/**
 * Who reaches a pod and whom it reaches, over the ports that containers name and Services lead to: from the same matrix as
 * `netsim matrix`.
 */
import type { Cluster } from "../model/types.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import type { Engine } from "../policy/engine.ts";
import type { Matrix, PortMatrix } from "../policy/matrix.ts";
import type { Probe } from "../policy/rule.ts";

/** For each pod, by its place in the cluster. 0: there is nothing to connect to; 1: none of the ports; 2: some; 3: all. */
export type Reached = Uint8Array<ArrayBuffer>;

export interface Reach {
  /** How much of each pod this one reaches. */
  readonly to: Reached;
  /** How much of this one each pod reaches. */
  readonly from: Reached;
}

/** A pod's ports, each once. */
function portsOf(cluster: Cluster, ends: readonly Endpoint[]): readonly (readonly Probe[])[] {
  const behind = new Map<string, Probe[]>();
  for (const { endpoints, ports } of cluster.endpointSlices) {
    const probes = ports.flatMap(({ port, protocol }) => (port === undefined ? [] : [{ port, protocol }]));
    for (const ip of endpoints.flatMap((e) => e.addresses))
      behind.set(ip, [...(behind.get(ip) ?? []), ...probes]);
  }
  return ends.map((end) => {
    const named = end.ports.map((p) => ({ port: p.containerPort, protocol: p.protocol as string }));
    const all = [...named, ...(behind.get(end.address.text) ?? [])];
    return [...new Map(all.map((p) => [`${p.port}/${p.protocol}`, p])).values()];
  });
}

export type Reacher = (pod: number) => Reach;

export function createReacher(cluster: Cluster, engine: Engine): Reacher {
  const places: number[] = [];
  const ends: Endpoint[] = [];
  for (const [i, pod] of cluster.pods.entries()) {
    const end = engine.endpoints.pod(pod);
    if (end === undefined) continue;
    places.push(i);
    ends.push(end);
  }
  let matrix: Matrix | undefined;
  let probes: ReturnType<typeof portsOf> | undefined;
  const ports = new Map<string, PortMatrix>();

  return (pod) => {
    const to = new Uint8Array(cluster.pods.length);
    const from = new Uint8Array(cluster.pods.length);
    const own = places.indexOf(pod);
    if (own < 0) return { to, from };
    const all = (matrix ??= engine.matrix(ends));
    const serving = (probes ??= portsOf(cluster, ends));
    const { classOf } = all.classes;
    const portOf = (probe: Probe): PortMatrix => {
      const key = `${probe.port}/${probe.protocol}`;
      const made = ports.get(key) ?? all.port(probe);
      ports.set(key, made);
      return made;
    };
    /** Verdicts are of classes: each pair of them is asked once for the same ports. */
    const seen = new Map<string, number>();
    const share = (a: number, b: number): number => {
      const [x, y] = [classOf[a] as number, classOf[b] as number];
      const served = serving[b] as readonly Probe[];
      const key = `${x} ${y} ${served.map((p) => `${p.port}${p.protocol}`).join()}`;
      let value = seen.get(key);
      if (value === undefined) {
        const open = served.filter((p) => portOf(p).verdict(x, y) !== "deny").length;
        value = served.length === 0 ? 0 : open === 0 ? 1 : open < served.length ? 2 : 3;
        seen.set(key, value);
      }
      return value;
    };
    for (const [i, place] of places.entries()) {
      if (i === own) continue;
      to[place] = share(own, i);
      from[place] = share(i, own);
    }
    return { to, from };
  };
}
