/** What people write for the ends of a connection -> endpoints: `shop/web-0`, a workload, an address, a Service, a URL. */
import { podsByNamespace } from "../model/derive-pods.ts";
import type { EndpointPort, Pod, Service, ServicePort } from "../model/types.ts";
import { parseAddress } from "../select/cidr.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Engine } from "./engine.ts";
import type { Probe } from "./rule.ts";

/** The destination of a connection: where it may end, or why it goes nowhere. */
export type Destination =
  | {
      readonly kind: "endpoints";
      readonly targets: readonly Target[];
      readonly service?: Service;
      readonly http?: HttpTarget;
    }
  | {
      readonly kind: "unresolved";
      readonly reason: "unknown" | "no-port" | "no-endpoints";
      readonly message: string;
    };

export interface Target {
  readonly endpoint: Endpoint;
  readonly probe: Probe;
}

/** The request that a URL with `http:` stands for. */
export interface HttpTarget {
  readonly host: string;
  readonly path: string;
}

/** `web` of Deployment web's ReplicaSet web-6d4cf56db6, of a StatefulSet's web-0, of a bare pod web-6d4cf56db6-x2x7k. */
export function workloadOf(pod: Pod): string {
  const owner = pod.metadata.ownerReferences?.find((o) => o.controller !== false);
  if (owner !== undefined)
    return owner.kind === "ReplicaSet" ? owner.name.replace(/-[a-z0-9]{4,10}$/, "") : owner.name;
  return pod.metadata.name.replace(/-[a-z0-9]{4,10}-[a-z0-9]{2,5}$|-\d+$/, "");
}

export interface Parties {
  /** Pods of `namespace/pod`, `namespace/workload`, `namespace/*` or `*`; an address; a node's name. Empty: there is none. */
  source(text: string): readonly Endpoint[];
  /** `from` is who asks: a Service's short name is looked for in its namespace. */
  destination(text: string, from: Endpoint | undefined, port?: Probe): Destination;
}

export function createParties(engine: Engine): Parties {
  const { cluster, endpoints } = engine;
  const byNamespace = podsByNamespace(cluster.pods);

  function podsNamed(text: string): readonly Endpoint[] {
    const slash = text.indexOf("/");
    const [namespace, name] = slash < 0 ? ["", text] : [text.slice(0, slash), text.slice(slash + 1)];
    const usable = (pods: readonly Pod[]) => pods.flatMap((p) => endpoints.pod(p) ?? []);
    if (text === "*") return usable(cluster.pods);
    const pods = byNamespace.get(namespace) ?? [];
    if (name === "*") return usable(pods);
    const exact = pods.filter((p) => p.metadata.name === name);
    return usable(exact.length > 0 ? exact : pods.filter((p) => workloadOf(p) === name));
  }

  function source(text: string): readonly Endpoint[] {
    if (parseAddress(text) !== undefined) return [endpoints.byAddress(text) ?? []].flat();
    const pods = podsNamed(text);
    if (pods.length > 0) return pods;
    return cluster.nodes.filter((n) => n.metadata.name === text).flatMap((n) => endpoints.node(n) ?? []);
  }

  function serviceNamed(host: string, from: Endpoint | undefined): Service | undefined {
    const labels = host
      .toLowerCase()
      .replace(/\.$/, "")
      .replace(/\.svc(\.cluster\.local)?$/, "")
      .split(".");
    const [name, namespace = from?.namespace ?? "default"] = labels;
    if (labels.length > 2) return undefined;
    return cluster.services.find((s) => s.metadata.name === name && s.metadata.namespace === namespace);
  }

  const serviceAt = (address: string): Service | undefined =>
    cluster.services.find((s) => (s.spec.clusterIPs ?? []).includes(address));

  function destination(text: string, from: Endpoint | undefined, port?: Probe): Destination {
    const { host, probe = port, http } = splitTarget(text);
    const service = parseAddress(host) === undefined ? undefined : serviceAt(host);
    const direct = service === undefined ? source(host) : [];
    if (direct.length > 0) {
      if (probe === undefined) return unresolved("no-port", `${text} needs a port: ${text}:80`);
      return {
        kind: "endpoints",
        targets: direct.map((endpoint) => ({ endpoint, probe })),
        ...(http && { http }),
      };
    }
    const named = service ?? serviceNamed(host, from);
    if (named === undefined)
      return unresolved("unknown", `there is no pod, workload, Service or node ${JSON.stringify(host)}`);
    return behind(named, probe, http);
  }

  function behind(service: Service, probe: Probe | undefined, http: HttpTarget | undefined): Destination {
    const { name, namespace } = service.metadata;
    const port = portOf(service, probe);
    const id = `Service ${namespace}/${name}`;
    if (port === undefined) {
      const ports = service.spec.ports.map((p) => `${p.port}/${p.protocol}`).join(", ");
      return unresolved(
        "no-port",
        `${id} has ${ports === "" ? "no ports" : `the ports ${ports}`}${probe === undefined ? ": name one" : ""}`,
      );
    }
    const slices = cluster.endpointSlices.filter(
      (s) => s.metadata.namespace === namespace && s.metadata.labels["kubernetes.io/service-name"] === name,
    );
    const targets = slices.flatMap((slice) => {
      const target = slice.ports.find((p) => matches(p, port));
      if (target?.port === undefined) return [];
      const to: Probe = { port: target.port, protocol: port.protocol };
      const ready = slice.endpoints.filter((e) => e.conditions?.ready !== false);
      return ready
        .flatMap((e) => e.addresses.flatMap((a) => endpoints.byAddress(a) ?? []))
        .map((endpoint) => ({ endpoint, probe: to }));
    });
    if (targets.length === 0)
      return unresolved(
        "no-endpoints",
        `${id} has no ready endpoints for port ${port.port}/${port.protocol}`,
      );
    return { kind: "endpoints", targets, service, ...(http && { http }) };
  }

  return { source, destination };
}

const unresolved = (reason: "unknown" | "no-port" | "no-endpoints", message: string): Destination => ({
  kind: "unresolved",
  reason,
  message,
});

const matches = (p: EndpointPort, port: ServicePort): boolean =>
  p.protocol === port.protocol && ((p.name ?? "") === (port.name ?? "") || p.port === port.targetPort);

/** The Service's port of that number; its only one when no number is given. */
function portOf(service: Service, probe: Probe | undefined): ServicePort | undefined {
  const { ports } = service.spec;
  if (probe === undefined) return ports.length === 1 ? ports[0] : undefined;
  return ports.find((p) => p.port === probe.port && p.protocol === probe.protocol);
}

/** `http://api.payments/orders`, `api.payments:8080`, `[fd00::1]:53/UDP`, `shop/web-0:8080`, `10.0.0.1`. */
function splitTarget(text: string): { host: string; probe?: Probe; http?: HttpTarget } {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) {
    const url = new URL(text);
    const secure = url.protocol === "https:";
    const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const probe = { port, protocol: "TCP" };
    return { host, probe, ...(!secure && { http: { host: url.host, path: url.pathname + url.search } }) };
  }
  const match = /^(\[[^\]]+\]|[^:]+):(\d{1,5})(?:\/(\w+))?$/.exec(text);
  if (match === null) return { host: text.replace(/^\[|\]$/g, "") };
  const [, host = "", number, protocol = "TCP"] = match;
  const name = protocol.toUpperCase() === "ICMPV6" ? "ICMPv6" : protocol.toUpperCase();
  return { host: host.replace(/^\[|\]$/g, ""), probe: { port: Number(number), protocol: name } };
}
