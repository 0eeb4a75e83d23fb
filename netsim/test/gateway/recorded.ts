/**
 * The requests and conditions of the Gateway API's conformance suite, re-expressed: not part of this repository. `NETSIM_RECORDED` names
 * a folder whose `gateway/` has them (`base.json`, `httproute.jsonl`, `grpcroute.jsonl`, `other.jsonl`).
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { GatewayRequest, Headers } from "../../src/gateway/request.ts";

export interface Thing {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

export interface Asked {
  readonly op?: "delete" | "patch" | "create" | "update";
  readonly kind?: string;
  readonly object?: Partial<Thing>;
  readonly gateway: string;
  readonly host?: string;
  readonly path?: string;
  readonly grpc?: string;
  readonly method?: string;
  readonly headers?: Headers;
  readonly tls?: boolean;
  readonly sni?: string;
  readonly protocol?: "H2" | "H2C_PRIOR_KNOWLEDGE";
  readonly weights?: Readonly<Record<string, number>>;
  readonly expect?: Expected;
}

export interface Expected {
  readonly status?: number | readonly number[];
  readonly grpcCode?: number;
  readonly failure?: string;
  readonly backend?: string;
  readonly namespace?: string;
  readonly backendRequest?: {
    readonly path?: string;
    readonly host?: string;
    readonly headers?: Headers;
    readonly absentHeaders?: readonly string[];
  };
  /** Of gRPC: headers that the backend says it got. */
  readonly responseHeaders?: Readonly<Record<string, readonly string[]>>;
  readonly backendSetsResponseHeaders?: Headers;
  readonly redirect?: {
    readonly scheme?: string;
    readonly host?: string;
    readonly port?: string;
    readonly path?: string;
  };
  readonly response?: {
    readonly headers?: Headers;
    readonly absentHeaders?: readonly string[];
    readonly oneOf?: Readonly<Record<string, readonly string[]>>;
  };
  readonly mirroredTo?: readonly { readonly backend: string; readonly percent?: number }[];
}

export interface Wanted {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
}

export interface Stated extends Wanted {
  readonly route?: string;
  readonly gateway?: string | null;
  /** A BackendTLSPolicy. */
  readonly policy?: string;
  /** A ListenerSet. */
  readonly lsNN?: string;
  readonly noAcceptedParents?: true;
  readonly parents?: readonly {
    readonly parentRef: { readonly name: string };
    readonly conditions: readonly Wanted[];
  }[];
  readonly listeners?: readonly {
    readonly name: string;
    readonly attachedRoutes?: number;
    readonly supportedKinds?: readonly string[];
    readonly conditions?: readonly Wanted[];
  }[];
}

export interface Case {
  readonly id: string;
  readonly features: readonly string[];
  readonly manifests: readonly Thing[];
  readonly requests?: readonly Asked[];
  readonly conditions?: readonly Stated[];
}

const folder = join(process.env["NETSIM_RECORDED"] ?? "", "gateway");

/** The reason to skip, false when the data are there. */
export const withoutRecords =
  process.env["NETSIM_RECORDED"] === undefined || !existsSync(join(folder, "base.json"))
    ? "NETSIM_RECORDED names no folder with gateway/"
    : false;

export const FILES = ["httproute", "grpcroute", "other"] as const;

export const readCases = (file: (typeof FILES)[number]): Case[] =>
  readFileSync(join(folder, `${file}.jsonl`), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Case);

/** The suite's shared objects, and a class with the features that a case is about. */
export const readBase = ({ features }: Case): Thing[] => [
  ...(JSON.parse(readFileSync(join(folder, "base.json"), "utf8")) as Thing[]),
  {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "GatewayClass",
    metadata: { name: "{GATEWAY_CLASS_NAME}" },
    spec: { controllerName: "example.com/any" },
    status: { supportedFeatures: features.map((name) => ({ name })) },
  } as Thing,
];

const isSame = (a: Thing, kind: string | undefined, b: Partial<Thing>): boolean =>
  a.kind === kind && a.metadata.name === b.metadata?.name && a.metadata.namespace === b.metadata.namespace;

/** The objects after one has been made, changed or deleted. */
export function changed(objects: readonly Thing[], { op, kind, object = {} }: Asked): Thing[] {
  const others = objects.filter((o) => !isSame(o, kind, object));
  if (op === "delete") return others;
  const before = objects.find((o) => isSame(o, kind, object));
  return [...others, { apiVersion: "gateway.networking.k8s.io/v1", ...before, kind, ...object } as Thing];
}

/** `namespace/name`, a listener's name, a port. */
export function gatewayOf({ gateway }: Asked): { name: string; listener?: string; port?: number } {
  const [where = "", listener] = gateway.split("#");
  const [name = "", port] = where.split(":");
  return {
    name,
    ...(listener !== undefined && { listener }),
    ...(port !== undefined && { port: Number(port) }),
  };
}

export const requestOf = (asked: Asked): GatewayRequest => ({
  host: asked.host ?? "gateway.test",
  path: asked.grpc === undefined ? (asked.path ?? "/") : `/${asked.grpc}`,
  method: asked.grpc === undefined ? (asked.method ?? "GET") : "POST",
  headers: { ...(asked.grpc !== undefined && { "content-type": "application/grpc" }), ...asked.headers },
  scheme: asked.tls === true ? "https" : "http",
  ...(asked.tls === true && asked.sni !== undefined && { sni: asked.sni }),
});

/** `infra-backend-v1`: the Service whose workload answers for another one that selects the same pods. */
export function workloadOf(objects: readonly Thing[], namespace: string, service: string): string {
  const found = objects.find(
    ({ kind, metadata }) =>
      kind === "Service" && metadata.namespace === namespace && metadata.name === service,
  ) as { spec?: { selector?: { app?: string } } } | undefined;
  return found?.spec?.selector?.app ?? service;
}

/**
 * Where the suite's own expectations cannot all be met: its GRPCRoute has three rules with the same match, of which the first always
 * wins, and it does not compare these headers itself.
 */
export const isContradicted = (id: string, name: string, { grpc, headers = {} }: Asked): boolean =>
  id === "GRPCRouteRequestHeaderModifier" &&
  ((grpc?.endsWith("/Echo") === true && /^X-Header-Add$/i.test(name)) ||
    (grpc?.endsWith("/EchoTwo") === true &&
      (/^X-Header-Add-2$/i.test(name) ? "X-Header-Add-2" in headers : "x-header-set-1" in headers) &&
      /^X-Header-(?:Add-[12]|Set-1)$/i.test(name)));

/**
 * What a stub wrote down in the place of conditions that the suite reads by two helpers (GatewayMustHaveCondition and
 * ListenerSetMustHaveCondition): always `ResolvedRefs: True`. ListenerSets have no such condition, and the Gateways of
 * GatewayInvalidTLSBackendConfiguration must say the opposite, by the test's own description.
 */
export const isStubbed = ({ lsNN, gateway, listeners, route, policy }: Stated): boolean =>
  lsNN !== undefined ||
  (listeners === undefined &&
    route === undefined &&
    policy === undefined &&
    /gateway-client-certificate-/.test(gateway ?? ""));
