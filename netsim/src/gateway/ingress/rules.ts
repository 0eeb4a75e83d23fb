/** Ingresses as every controller reads them: classes, rules, backends, the hosts that have certificates. */
import type { Cluster, OtherObject } from "../../model/types.ts";
import { isDeserted, serviceOf } from "../backends.ts";
import { fields, list, number, text, texts } from "../fields.ts";
import { byAge } from "../objects.ts";
import { PASSTHROUGH, refused } from "../request.ts";
import type { Answer, GatewayRequest, Pick, Redirect, Target } from "../request.ts";

/** A path of a rule, or the backend for what no rule takes (`path` is then "/"). */
export interface PathRule {
  readonly ingress: OtherObject;
  readonly at: readonly (string | number)[];
  /** In lower case; "" for every host. */
  readonly host: string;
  readonly path: string;
  readonly pathType: "Exact" | "Prefix" | "ImplementationSpecific";
  readonly backend: unknown;
}

/** What one controller has been given. */
export interface IngressInput {
  readonly cluster: Cluster;
  /** The oldest first. */
  readonly ingresses: readonly OtherObject[];
  readonly rules: readonly PathRule[];
}

/** What a controller makes of a request; `pick` chooses among weighted backends. */
export type Serve = (request: GatewayRequest, pick: Pick) => Answer;

const classOf = (ingress: OtherObject): string | undefined =>
  text(fields(ingress.spec)["ingressClassName"]) ??
  ingress.metadata.annotations["kubernetes.io/ingress.class"];

const ingressClassesOf = (cluster: Cluster): readonly OtherObject[] =>
  cluster.others.get("IngressClass") ?? [];

const defaultClasses = (cluster: Cluster): string[] =>
  ingressClassesOf(cluster)
    .filter(({ metadata }) => metadata.annotations["ingressclass.kubernetes.io/is-default-class"] === "true")
    .map(({ metadata }) => metadata.name);

/** Classes that Ingresses of the input name, or are of by default; "" for those without any. */
export function ingressClasses(cluster: Cluster): string[] {
  const [standard] = defaultClasses(cluster);
  const names = cluster.ingresses.map((ingress) => classOf(ingress) ?? standard ?? "");
  return [...new Set(names)];
}

/** `spec.controller` of a class: `k8s.io/ingress-nginx`, `traefik.io/ingress-controller` and so on. */
export const controllerNameOf = (cluster: Cluster, className: string): string | undefined =>
  text(
    fields(ingressClassesOf(cluster).find(({ metadata }) => metadata.name === className)?.spec)["controller"],
  );

/** The Ingresses of a class: named in the spec or the old annotation, or none named and the class the default one or "". */
export function readIngresses(cluster: Cluster, className: string): IngressInput {
  const isDefault = className === "" || defaultClasses(cluster).includes(className);
  const ingresses = cluster.ingresses
    .filter((ingress) => {
      const own = classOf(ingress);
      return own === undefined ? isDefault : own === className;
    })
    .map((object) => ({ object }))
    .sort(byAge)
    .map(({ object }) => object);
  return { cluster, ingresses, rules: ingresses.flatMap(rulesOf) };
}

function rulesOf(ingress: OtherObject): PathRule[] {
  return list(fields(ingress.spec)["rules"]).flatMap((value, i) => {
    const host = (text(fields(value)["host"]) ?? "").toLowerCase();
    return list(fields(fields(value)["http"])["paths"]).map((entry, j): PathRule => {
      const path = fields(entry);
      const type = path["pathType"];
      return {
        ingress,
        at: ["spec", "rules", i, "http", "paths", j],
        host,
        path: text(path["path"]) ?? "/",
        pathType: type === "Exact" || type === "Prefix" ? type : "ImplementationSpecific",
        backend: path["backend"],
      };
    });
  });
}

/** `spec.defaultBackend` of an Ingress as a rule of its own. */
export function defaultRule(ingress: OtherObject): PathRule | undefined {
  const backend = fields(ingress.spec)["defaultBackend"];
  if (backend === undefined) return undefined;
  return { ingress, at: ["spec", "defaultBackend"], host: "", path: "/", pathType: "Prefix", backend };
}

export const hasRules = (ingress: OtherObject): boolean => list(fields(ingress.spec)["rules"]).length > 0;

/** An exact name, then a wildcard for exactly one label, then "" where that is among them. */
export function serverName(names: readonly string[], host: string): string | undefined {
  if (names.includes(host)) return host;
  const dot = host.indexOf(".");
  const wildcard = dot > 0 ? `*${host.slice(dot)}` : "";
  if (wildcard !== "" && names.includes(wildcard)) return wildcard;
  return names.includes("") ? "" : undefined;
}

/** Whether one of the Ingresses lists the host, or a wildcard for it, below `spec.tls`. */
export const hasTls = (ingresses: readonly OtherObject[], host: string): boolean =>
  ingresses.some((ingress) =>
    list(fields(ingress.spec)["tls"]).some(
      (tls) =>
        serverName(
          texts(fields(tls)["hosts"]).map((h) => h.toLowerCase()),
          host,
        ) !== undefined,
    ),
  );

/** Whole elements of a path, as the type `Prefix` has it: `/foo` takes `/foo`, `/foo/` and `/foo/x`, not `/foox`. */
export function isUnder(path: string, prefix: string): boolean {
  const bare = prefix.replace(/\/$/, "");
  return path === bare || path.startsWith(`${bare}/`);
}

/** The Service's port that a backend names by number or name; undefined where there is none. */
export function targetOf(cluster: Cluster, { ingress, backend }: PathRule): Target | undefined {
  const service = fields(fields(backend)["service"]);
  const { namespace } = ingress.metadata;
  const port = fields(service["port"]);
  const found = serviceOf(cluster, namespace, text(service["name"]) ?? "");
  const own = found?.spec.ports.find(
    (p) => p.port === number(port["number"]) || (p.name !== undefined && p.name === text(port["name"])),
  );
  return found === undefined || own === undefined
    ? undefined
    : { namespace, service: found.metadata.name, port: own.port };
}

export const isEmpty = (cluster: Cluster, { namespace, service }: Target): boolean =>
  isDeserted(cluster, namespace, service);

/** TLS that is not ended here goes to the backend of the root, whatever the path: nobody can read it. */
export function passedThrough(cluster: Cluster, rules: readonly PathRule[], request: GatewayRequest): Answer {
  const rule = rules.find(({ path }) => path === "/") ?? rules[0];
  const backend = rule === undefined ? undefined : targetOf(cluster, rule);
  if (rule === undefined || backend === undefined) return refused(request, 0, "there is no backend");
  return {
    ...refused(request, 200, ""),
    status: 200,
    backend,
    weights: { [backend.service]: 1 },
    isPassthrough: true,
    notes: [PASSTHROUGH],
    rule: { object: rule.ingress, path: rule.at },
  };
}

/** A redirect that a rule answers with. */
export function redirected(
  request: GatewayRequest,
  { ingress, at }: PathRule,
  status: number,
  location: string,
  reason: string,
): Answer {
  const rule = { object: ingress, path: at };
  return { ...refused(request, status, reason), redirect: redirectTo(location, request), rule };
}

function redirectTo(location: string, request: GatewayRequest): Redirect {
  const url = URL.canParse(location) ? new URL(location) : undefined;
  const scheme = url?.protocol.replace(":", "") ?? request.scheme;
  const port = Number(url?.port === "" ? undefined : url?.port) || (scheme === "https" ? 443 : 80);
  return { scheme, host: url?.hostname ?? request.host, port, path: url?.pathname ?? location, location };
}
