/** Who reaches a pod and whom it reaches, over the ports that containers name: from the same matrix as `netsim matrix`. */
import type { Cluster } from "../model/types.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import type { Engine } from "../policy/engine.ts";
import type { Matrix, PortMatrix } from "../policy/matrix.ts";

/** For each pod, by its place in the cluster. 0: there is nothing to connect to; 1: none of the ports; 2: some; 3: all. */
export type Reached = Uint8Array<ArrayBuffer>;

export interface Reach {
  /** How much of each pod this one reaches. */
  readonly to: Reached;
  /** How much of this one each pod reaches. */
  readonly from: Reached;
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
  const ports = new Map<string, PortMatrix>();

  return (pod) => {
    const to = new Uint8Array(cluster.pods.length);
    const from = new Uint8Array(cluster.pods.length);
    const own = places.indexOf(pod);
    if (own < 0) return { to, from };
    const all = (matrix ??= engine.matrix(ends));
    const { classOf } = all.classes;
    const portOf = (port: number, protocol: string): PortMatrix => {
      const key = `${port}/${protocol}`;
      const made = ports.get(key) ?? all.port({ port, protocol });
      ports.set(key, made);
      return made;
    };
    /** Verdicts are of classes: each pair of them is asked once. */
    const seen = new Map<string, number>();
    const share = (a: number, b: number): number => {
      const [x, y] = [classOf[a] as number, classOf[b] as number];
      const key = `${x} ${y}`;
      let value = seen.get(key);
      if (value === undefined) {
        const served = (ends[b] as Endpoint).ports;
        const open = served.filter(
          (p) => portOf(p.containerPort, p.protocol).verdict(x, y) !== "deny",
        ).length;
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
