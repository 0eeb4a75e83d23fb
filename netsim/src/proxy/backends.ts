/** Where a Service is for the proxy: an address from the command line, the addresses of its endpoints, or an echo server made here. */
import { isDeserted, serviceOf, upstreamOf } from "../gateway/backends.ts";
import type { Target } from "../gateway/request.ts";
import type { Cluster, EndpointSlice } from "../model/types.ts";
import type { Authority } from "./certificates.ts";
import { startEcho } from "./echo.ts";
import type { EchoServer } from "./echo.ts";
import { startUdpEcho } from "./udp-echo.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
  /** An echo server of this process: its certificate is of this process's authority. */
  readonly isEcho?: boolean;
}

export interface BackendOptions {
  /** By `namespace/service:port`. */
  readonly addresses: ReadonlyMap<string, Address>;
  /** Use the addresses in EndpointSlices where there are any: from where the cluster's pods can be reached. */
  readonly endpoints: boolean;
  readonly authority: () => Authority;
}

export interface Backends {
  /** Where to connect for a Service's port now; undefined when nobody is there. */
  addressOf(cluster: Cluster, target: Target, protocol?: "tcp" | "udp"): Promise<Address | undefined>;
  /** Requests that echo servers have had, by `namespace/service:port`. */
  served(): ReadonlyMap<string, number>;
  close(): Promise<void>;
}

export const nameOf = ({ namespace, service, port }: Target): string =>
  `${namespace}/${service}:${port ?? 0}`;

export function createBackends({ addresses, endpoints, authority }: BackendOptions): Backends {
  const echoes = new Map<string, Promise<EchoServer>>();
  const running = new Map<string, EchoServer[]>();
  let turn = 0;

  function echo(cluster: Cluster, target: Target, protocol: "tcp" | "udp"): Promise<EchoServer> {
    const { tls, isUncheckedTls } = upstreamOf(cluster, target);
    const isTls = tls !== undefined || isUncheckedTls;
    const key = `${nameOf(target)}/${protocol}${isTls ? "/tls" : ""}`;
    const known = echoes.get(key);
    if (known !== undefined) return known;
    const { namespace, service, port } = target;
    const identity = { namespace, service, port: port ?? 0, pods: podsOf(cluster, target) };
    const names = tls === undefined ? [service] : namesFor(tls);
    const started =
      protocol === "udp"
        ? startUdpEcho(identity)
        : startEcho(identity, isTls ? authority().issue(names) : undefined);
    echoes.set(key, started);
    started.then(
      (server) => running.set(nameOf(target), [...(running.get(nameOf(target)) ?? []), server]),
      // Too many open files: the next request tries again.
      () => echoes.delete(key),
    );
    return started;
  }

  return {
    async addressOf(cluster, target, protocol = "tcp") {
      const given = addresses.get(nameOf(target));
      if (given !== undefined) return given;
      if (isDeserted(cluster, target.namespace, target.service)) return undefined;
      const own = endpoints ? endpointsOf(cluster, target) : [];
      if (own.length > 0) return own[turn++ % own.length];
      const { port } = await echo(cluster, target, protocol);
      return { host: "127.0.0.1", port, isEcho: true };
    },
    served: () =>
      new Map(
        [...running].map(([name, servers]) => [name, servers.reduce((sum, one) => sum + one.served(), 0)]),
      ),
    async close() {
      await Promise.allSettled([...echoes.values()].map(async (one) => (await one).close()));
      echoes.clear();
    },
  };
}

/** What a policy wants to see in the certificate. */
const namesFor = (tls: NonNullable<ReturnType<typeof upstreamOf>["tls"]>): string[] => [
  ...new Set([tls.hostname, ...tls.subjectAltNames.map(({ value }) => value)]),
];

const slicesOf = (cluster: Cluster, { namespace, service }: Target): EndpointSlice[] =>
  cluster.endpointSlices.filter(
    ({ metadata }) =>
      metadata.namespace === namespace && metadata.labels["kubernetes.io/service-name"] === service,
  );

const podsOf = (cluster: Cluster, target: Target): string[] =>
  slicesOf(cluster, target).flatMap(({ endpoints }) =>
    endpoints
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ targetRef }) => (targetRef?.kind === "Pod" ? (targetRef.name ?? []) : [])),
  );

function endpointsOf(cluster: Cluster, target: Target): Address[] {
  const name = serviceOf(cluster, target.namespace, target.service)?.spec.ports.find(
    (p) => p.port === target.port,
  )?.name;
  return slicesOf(cluster, target).flatMap(({ endpoints, ports, addressType }) => {
    const port = ports.find((p) => (p.name ?? "") === (name ?? ""))?.port;
    if (port === undefined || addressType === "FQDN") return [];
    const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false);
    return ready.flatMap(({ addresses }) => addresses.map((host) => ({ host, port })));
  });
}
