/** Through which Gateway or Ingress controller a request from outside comes in, and where it leads. */
import type { Cluster, OtherObject, Service } from "../model/types.ts";
import { addressFault } from "./addresses.ts";
import { fields, list, text } from "./fields.ts";
import { ingressClasses } from "./ingress/rules.ts";
import { createIngressTable } from "./ingress/table.ts";
import { gatewaysOf } from "./listeners.ts";
import type { Answer, GatewayRequest } from "./request.ts";
import { createGatewayTable } from "./route.ts";

export interface EntranceRequest {
  readonly scheme: "http" | "https";
  /** As in the header Host; a port in it is ignored. */
  readonly host: string;
  /** 80 or 443 by the scheme, when absent. */
  readonly port?: number;
  /** With the query; "/" when absent. */
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Entrance {
  readonly kind: "Gateway" | "Ingress";
  /** The Gateway, or the Ingress whose rule takes the request. */
  readonly object: OtherObject;
  /** Name of the GatewayClass or IngressClass; "" when the input says none. */
  readonly className: string;
  /** Where clients connect: addresses and names in the status, of the spec, and of the Services in front. */
  readonly addresses: readonly string[];
  /** The Service of type LoadBalancer or NodePort in front of the proxies, when the input has it. */
  readonly service: Service | undefined;
  /** What becomes of the request: its backend, redirect or refusal, with the rule that decided. */
  readonly answer: Answer;
}

/**
 * Finds the Gateway or the Ingress that serves a request's host. With `address` (what the name resolved to) only those that are
 * reached by it, where the input says anything of their addresses. Of several the one whose rule takes the request, then the one
 * that at least knows the host; undefined when nobody does. Gateways come before Ingresses, and both in the order of the input.
 */
export function entrance(cluster: Cluster, request: EntranceRequest, address?: string): Entrance | undefined {
  const full: GatewayRequest = {
    host: request.host,
    path: request.path ?? "/",
    method: request.method ?? "GET",
    headers: request.headers ?? {},
    scheme: request.scheme,
  };
  const port = request.port ?? (request.scheme === "https" ? 443 : 80);
  const all = [...throughGateways(cluster, full, port), ...throughIngresses(cluster, full)].filter(
    ({ addresses }) => address === undefined || addresses.length === 0 || addresses.includes(address),
  );
  const reached = (e: Entrance): boolean => address !== undefined && e.addresses.includes(address);
  return all.find(reached) ?? all[0];
}

function throughGateways(cluster: Cluster, request: GatewayRequest, port: number): Entrance[] {
  const found = gatewaysOf(cluster).map((object): Entrance => {
    const service = frontOf(cluster, object);
    return {
      kind: "Gateway",
      object,
      className: text(fields(object.spec)["gatewayClassName"]) ?? "",
      addresses: gatewayAddresses(object, service),
      service,
      answer: createGatewayTable(cluster, object).route(request, port),
    };
  });
  return found.filter(({ answer }) => answer.rule !== null);
}

function throughIngresses(cluster: Cluster, request: GatewayRequest): Entrance[] {
  return ingressClasses(cluster).flatMap((className): Entrance[] => {
    const answer = createIngressTable(cluster, className).route(request);
    if (answer.rule === null) return [];
    const { object } = answer.rule;
    const service = controllerService(cluster, className);
    const addresses = [...loadBalancerAddresses(object.status), ...serviceAddresses(service)];
    return [{ kind: "Ingress", object, className, addresses: [...new Set(addresses)], service, answer }];
  });
}

/** The Service that a controller made for a Gateway carries its name in a label (GEP-1762). */
const frontOf = (cluster: Cluster, { metadata }: OtherObject): Service | undefined =>
  cluster.services.find(
    (s) =>
      s.metadata.namespace === metadata.namespace &&
      s.metadata.labels["gateway.networking.k8s.io/gateway-name"] === metadata.name,
  );

/** `status.addresses`, else those of the spec that can be had, and the addresses of the Service in front. */
export function gatewayAddresses(gateway: OtherObject, service?: Service): string[] {
  const read = (whole: unknown) => list(fields(whole)["addresses"]).map(fields);
  const assigned = read(gateway.status);
  const asked = read(gateway.spec).filter((address) => addressFault(address) === undefined);
  const values = (assigned.length > 0 ? assigned : asked).flatMap((address) => text(address["value"]) ?? []);
  return [...new Set([...values, ...serviceAddresses(service)])];
}

/** What the charts of the controllers call their Service: labels by which it is known. */
const CONTROLLERS =
  /(?:^|-)(?:ingress-nginx|nginx-ingress|traefik|haproxy-ingress|kubernetes-ingress|contour|envoy)$/;

/** The Service in front of the controller of a class: `app.kubernetes.io/name` says whose it is. */
function controllerService(cluster: Cluster, className: string): Service | undefined {
  const isOpen = ({ spec }: Service): boolean => spec.type === "LoadBalancer" || spec.type === "NodePort";
  const all = cluster.services.filter(
    (s) => isOpen(s) && CONTROLLERS.test(s.metadata.labels["app.kubernetes.io/name"] ?? s.metadata.name),
  );
  const named = all.find(
    ({ metadata: m }) =>
      className !== "" &&
      [m.name, m.labels["app.kubernetes.io/name"] ?? ""].some((n) => n.includes(className)),
  );
  return named ?? (all.length === 1 ? all[0] : undefined);
}

const loadBalancerAddresses = (status: unknown): string[] =>
  list(fields(fields(status)["loadBalancer"])["ingress"]).flatMap(
    (entry) => text(fields(entry)["ip"]) ?? text(fields(entry)["hostname"]) ?? [],
  );

const serviceAddresses = (service: Service | undefined): string[] =>
  service === undefined
    ? []
    : [...loadBalancerAddresses(service.status), ...(service.spec.externalIPs ?? [])];
