/**
 * The second leg of a request that comes through an Ingress controller or a Gateway: its rule, and the connection that the
 * proxy itself opens to a pod of the backend. Proxies connect to endpoints, not to cluster IPs.
 */
import { entrance, type Entrance, type EntranceRequest } from "../gateway/index.ts";
import type { Cluster, OtherObject, Service } from "../model/types.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import { parseAddress } from "../service/address.ts";
import { balancerNamed } from "./balancer.ts";
import { serviceAt, type Way } from "./connect.ts";
import { fields, list, ruleOf, ruleText, type Fields } from "./gate-rule.ts";
import type { Goal, Request } from "./goal.ts";
import { hop, note, originOfObject } from "./origin.ts";
import { judge } from "./passage.ts";
import { endpointsRemedy } from "./refusal.ts";
import type { Site } from "./site.ts";
import type { Hop, Trace } from "./types.ts";
import type { Walk } from "./walk.ts";

/** Redirects that a client follows before it gives up. */
const MOST_REDIRECTS = 5;

const hostOf = (host: string): string => host.toLowerCase().replace(/:\d+$/, "");

/** `example.com` by itself or by a wildcard; a pattern that takes every name does not count. */
const names = (pattern: unknown, host: string): boolean =>
  typeof pattern === "string" &&
  (pattern === host || (pattern.startsWith("*.") && host.endsWith(pattern.slice(1))));

/** Whether the rule, or the listener, is for this very host (and not for whatever comes). */
function isFor({ object, answer }: Entrance, host: string): boolean {
  const route = fields(answer.rule?.object.spec);
  const gateway = fields(object.spec);
  const patterns = [
    ...list(route["hostnames"]),
    ...list(route["rules"]).map((r) => fields(r)["host"]),
    ...list(gateway["listeners"]).map((l) => fields(l)["hostname"]),
  ];
  return patterns.some((p) => names(p, hostOf(host)));
}

/** The entrance that serves a name; where none of its rules takes the request, with 404 for an answer. */
function entranceOf({ cluster }: Site, request: Request): Entrance | undefined {
  const asked = requestOf(request, portOf(request));
  const found = entrance(cluster, asked);
  if (found !== undefined && isFor(found, request.host)) return found;
  for (const path of pathsOf(cluster, hostOf(request.host))) {
    const other = entrance(cluster, { ...asked, path });
    if (other === undefined || !isFor(other, request.host)) continue;
    const { path: own } = request;
    const reason = "no rule takes it";
    return {
      ...other,
      answer: { ...other.answer, status: 404, reason, backend: null, redirect: null, rule: null, path: own },
    };
  }
  return undefined;
}

/** Paths that some rule for this very host takes. */
function pathsOf({ ingresses, gatewayObjects }: Cluster, host: string): readonly string[] {
  const rules = (object: OtherObject): readonly Fields[] => list(fields(object.spec)["rules"]).map(fields);
  const ofIngresses = ingresses
    .flatMap(rules)
    .filter((r) => names(r["host"], host))
    .flatMap((r) => list(fields(r["http"])["paths"]).map((p) => fields(p)["path"] ?? "/"));
  const ofRoutes = gatewayObjects
    .filter((o) => list(fields(o.spec)["hostnames"]).some((n) => names(n, host)))
    .flatMap(rules)
    .flatMap((r) => list(r["matches"]).map((m) => fields(fields(m)["path"])["value"] ?? "/"));
  return [...ofIngresses, ...ofRoutes].filter((p): p is string => typeof p === "string");
}

const portOf = ({ host }: Request): number | undefined => {
  const port = /:(\d+)$/.exec(host)?.[1];
  return port === undefined ? undefined : Number(port);
};

/** WebSockets begin as HTTP. */
const requestOf = ({ scheme, ...request }: Request, port: number | undefined): EntranceRequest => ({
  ...request,
  scheme: scheme === "https" || scheme === "wss" ? "https" : "http",
  ...(port !== undefined && { port }),
});

/**
 * What the world's DNS says of a name that the cluster's entrance serves, or that a balancer has: its addresses, or a
 * node's where only a node port leads in. Empty for other names.
 */
export function frontAddresses(site: Site, name: string, request: Request | undefined): readonly string[] {
  const balancer = balancerNamed(site.cluster, name);
  if (balancer !== undefined) return [balancer];
  const gate = request === undefined ? undefined : entranceOf(site, request);
  if (gate === undefined) return [];
  const numbers = gate.addresses.filter((a) => parseAddress(a) !== undefined);
  const named = gate.addresses.flatMap((a) => balancerNamed(site.cluster, a) ?? []);
  if (numbers.length + named.length > 0) return [...new Set([...numbers, ...named])];
  if (gate.addresses.length > 0) return gate.addresses;
  if (gate.service?.spec.type !== "NodePort") return [];
  const addresses = site.cluster.nodes.flatMap((n) => n.status.addresses ?? []);
  const open =
    addresses.find((a) => a.type === "ExternalIP") ?? addresses.find((a) => a.type === "InternalIP");
  return open === undefined ? [] : [open.address];
}

/** Who proxies the request that arrived at `address`: whoever has that address, or else serves that name outside. */
export function gateAt(site: Site, request: Request, address: string, port: number): Entrance | undefined {
  const reached = entrance(site.cluster, requestOf(request, port), address);
  if (reached !== undefined && leadsTo(reached, address)) return reached;
  const served = entranceOf(site, request);
  if (served !== undefined && leadsTo(served, address)) return served;
  const isOurs =
    serviceAt(site, address) !== undefined || site.engine.endpoints.byAddress(address)?.kind !== "external";
  return isOurs ? undefined : served;
}

const leadsTo = ({ addresses, service }: Entrance, address: string): boolean =>
  addresses.includes(address) ||
  service?.status.loadBalancer?.ingress?.some((i) => i.ip === address) === true;

/** What the proxy makes of the request; `again` follows a redirect that leads back to the same address. */
export function throughGate(
  walk: Walk,
  gate: Entrance,
  reached: Endpoint,
  site: Site,
  again: (goal: Goal) => Trace,
): Trace {
  const { answer } = gate;
  const { request } = walk.goal;
  const proxy = ownProxy(site, gate, reached);
  const who = `${gate.kind} ${gate.object.metadata.namespace}/${gate.object.metadata.name}`;
  const origin = {
    ...originOfObject(answer.rule?.object ?? gate.object, answer.rule?.path ?? []),
    rule: ruleText(gate),
  };
  const details = {
    entrance: who,
    class: gate.className,
    status: answer.status,
    backend: answer.backend,
    path: answer.path,
    host: answer.host,
    redirect: answer.redirect,
    weights: answer.weights,
  };
  const said = (verdict: Hop["verdict"], what: string): void => {
    walk.hops.push(hop("l7", verdict, `${who}: ${what}`, origin, details));
  };
  const line = `${request?.method ?? "GET"} ${request?.path ?? "/"}`;

  if (answer.redirect !== null) {
    const { scheme, host, port, path, location } = answer.redirect;
    said("allow", `answers ${line} with ${answer.status}, Location: ${location}`);
    walk.redirects++;
    const same = host === hostOf(request?.host ?? "") && /^https?$/.test(scheme);
    if (!same) {
      walk.notes.push(
        note("redirected-elsewhere", `the client is sent to ${location}: that is another connection`),
      );
      return walk.end();
    }
    if (walk.redirects > MOST_REDIRECTS) return walk.end({ verdict: "reject", reason: "redirect-loop" });
    const next = { scheme, host, path, method: request?.method ?? "GET", headers: request?.headers ?? {} };
    return again({ ...walk.goal, port, request: next });
  }
  const { backend } = answer;
  const service = meant(site, gate);
  if (service === undefined) {
    said("reject", `answers ${line} with ${answer.status}: ${answer.reason ?? "there is no backend"}`);
    return walk.end({ verdict: "reject", reason: answer.status === 404 ? "no-route" : "backend-missing" });
  }
  const id = `Service ${service.metadata.namespace}/${service.metadata.name}`;
  const ways = backend === null ? [] : endpointWays(site, service, backend.port, proxy);
  if (ways.length === 0) {
    said("reject", `sends ${line} to ${id}, which has no ready endpoints: 503`);
    return walk.end({ verdict: "reject", reason: "no-endpoints", remedy: endpointsRemedy(site, service) });
  }
  const changed = answer.path === request?.path ? "" : ` as ${answer.path}`;
  said("allow", `sends ${line} to ${id}:${backend?.port ?? ""}${changed}${shareText(gate)}`);
  notesOf(walk, gate, proxy);
  const inner: Request = {
    // A TLSRoute goes by the name in the handshake and looks no further.
    scheme: answer.rule?.object.kind === "TLSRoute" ? (request?.scheme ?? "https") : "http",
    host: answer.host,
    path: answer.path,
    method: request?.method ?? "GET",
    headers: answer.requestHeaders,
  };
  walk.goal = { ...walk.goal, request: inner };
  const [first] = ways;
  const asked = { address: first!.to.address.text, port: first!.port, name: undefined };
  return judge(walk, proxy, ways, asked, site, (way) =>
    hop(
      "service",
      "allow",
      `${proxy.id} connects to ${way.to.id} (${way.to.address.text}:${way.port}), ${ways.length === 1 ? "the only endpoint" : `one of ${ways.length} endpoints`} of ${id}: no cluster IP in between`,
      originOfObject(service),
      { endpoint: `${way.to.address.text}:${way.port}`, endpoints: ways.map((w) => w.to.id), direct: true },
    ),
  );
}

/** Cilium has no pods for it: every node's own proxy serves Gateways and Ingresses, and policies know it as `ingress`. */
function ownProxy({ cluster, engine }: Site, { kind, className }: Entrance, reached: Endpoint): Endpoint {
  const classes = cluster.others.get(`${kind}Class`)?.filter((c) => c.metadata.name === className) ?? [];
  const isCilium = classes.some(({ spec }) =>
    /^(io\.cilium|cilium\.io)\//.test(String(fields(spec)["controllerName"] ?? fields(spec)["controller"])),
  );
  return reached.kind === "external" && isCilium && engine.enforcer === "cilium"
    ? { ...reached, ingressProxy: true }
    : reached;
}

function notesOf(walk: Walk, { answer, kind }: Entrance, proxy: Endpoint): void {
  if (proxy.kind === "external" && proxy.ingressProxy !== true)
    walk.notes.push(
      note(
        "proxy-unknown",
        `no pods of the ${kind} controller in the input: policy of the backends is asked about its address ${proxy.id}`,
      ),
    );
  for (const { namespace, service, percent } of answer.mirrors)
    walk.notes.push(
      note("mirrored", `${percent} % of the requests are copied to Service ${namespace}/${service}`),
    );
}

const shareText = ({ answer }: Entrance): string => {
  const share = answer.weights[answer.backend?.service ?? ""] ?? 1;
  return share >= 1 ? "" : ` (${Math.round(100 * share)} % of such requests)`;
};

/** The Service that the rule means; also where the proxy answers 503, since nobody is behind it. */
function meant(site: Site, { answer: { backend, rule, status } }: Entrance): Service | undefined {
  if (backend !== null) return serviceOf(site, backend.namespace, backend.service);
  if (rule === null || status !== 503) return undefined;
  const { backend: one, backendRefs } = ruleOf(rule);
  const [first = {}] = list(backendRefs).map(fields);
  const name = fields(fields(one)["service"])["name"] ?? first["name"];
  return serviceOf(site, String(first["namespace"] ?? rule.object.metadata.namespace), String(name));
}

const serviceOf = (site: Site, namespace: string, name: string): Service | undefined =>
  site.cluster.services.find((s) => s.metadata.namespace === namespace && s.metadata.name === name);

/** The ready endpoints of a Service's port, of the proxy's family where there are such. */
function endpointWays(
  site: Site,
  service: Service,
  port: number | undefined,
  proxy: Endpoint,
): readonly Way[] {
  const { namespace, name } = service.metadata;
  const own = service.spec.ports.find((p) => p.port === port);
  const found = site.cluster.endpointSlices
    .filter(
      (s) => s.metadata.namespace === namespace && s.metadata.labels["kubernetes.io/service-name"] === name,
    )
    .flatMap((s) => {
      const number = s.ports.find((p) => (p.name ?? "") === (own?.name ?? ""))?.port;
      return number === undefined
        ? []
        : s.endpoints
            .filter((e) => e.conditions?.ready ?? true)
            .flatMap((e) => site.engine.endpoints.byAddress(e.addresses[0] ?? "") ?? [])
            .map((to) => ({ to, port: number }));
    });
  const same = found.filter(({ to }) => to.address.v6 === proxy.address.v6);
  const used = same.length > 0 || proxy.kind === "external" ? same : found;
  return (used.length > 0 ? used : found).map(({ to, port: number }) => ({
    probability: 1 / found.length,
    connection: undefined,
    to,
    port: number,
    seen: proxy,
  }));
}
