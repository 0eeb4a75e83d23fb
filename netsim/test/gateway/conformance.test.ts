/**
 * The requests of the Gateway API's conformance suite, re-expressed: not part of this repository. `NETSIM_RECORDED` names a folder
 * whose `gateway/` has them (`base.json`, `httproute.jsonl`, `grpcroute.jsonl`, `other.jsonl`).
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { gatewaysOf } from "../../src/gateway/listeners.ts";
import { changeHeaders, header, pathOnly } from "../../src/gateway/request.ts";
import type { Answer, GatewayRequest, Headers } from "../../src/gateway/request.ts";
import { createGatewayTable } from "../../src/gateway/route.ts";
import { readRoutes } from "../../src/gateway/objects.ts";
import { listenerStatuses, routeStatus } from "../../src/gateway/status.ts";
import type { Condition } from "../../src/gateway/conditions.ts";
import { loadObjects } from "../../src/model/load.ts";
import type { Cluster } from "../../src/model/types.ts";

interface Thing {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

interface Asked {
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
  readonly weights?: Readonly<Record<string, number>>;
  readonly expect?: Expected;
}

interface Expected {
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

interface Wanted {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
}

interface Stated extends Wanted {
  readonly route?: string;
  readonly gateway?: string | null;
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

interface Case {
  readonly id: string;
  readonly manifests: readonly Thing[];
  readonly requests?: readonly Asked[];
  readonly conditions?: readonly Stated[];
}

/** Left out: Secrets that the data does not have, and what implementations without a feature say. */
const OTHER_CONDITIONS =
  /^(?:GatewayInvalidTLSConfiguration|TLSRouteListener(?:MixedTermination|Terminate)NotSupported)$|unresolved-gateway/;

function holds(cluster: Cluster, stated: Stated): boolean {
  const has = (conditions: readonly Condition[], { type, status, reason }: Wanted): boolean =>
    conditions.some(
      (c) =>
        c.type === type &&
        c.status === status &&
        (reason === undefined || reason === "" || c.reason === reason),
    );
  if (stated.route !== undefined) {
    const parents = readRoutes(cluster)
      .filter((r) => `${r.namespace}/${r.name}` === stated.route)
      .flatMap((r) => routeStatus(cluster, r));
    if (stated.noAcceptedParents === true)
      return !parents.some((p) => has(p.conditions, { type: "Accepted", status: "True" }));
    if (stated.parents !== undefined)
      return stated.parents.every((w) =>
        parents.some(
          (p) => p.parentRef.name === w.parentRef.name && w.conditions.every((c) => has(p.conditions, c)),
        ),
      );
    return parents.some(({ parentRef: { namespace, name }, conditions }) => {
      const isParent = stated.gateway === null || stated.gateway === `${namespace}/${name}`;
      return isParent && has(conditions, stated);
    });
  }
  const gateway = gatewaysOf(cluster).find(
    (g) => `${g.metadata.namespace}/${g.metadata.name}` === stated.gateway,
  );
  const listeners = gateway === undefined ? [] : listenerStatuses(cluster, gateway);
  return (stated.listeners ?? []).every((w) =>
    listeners.some(
      (l) =>
        l.name === w.name &&
        (w.attachedRoutes === undefined || w.attachedRoutes === l.attachedRoutes) &&
        (w.supportedKinds ?? []).every((kind) => l.supportedKinds.some((k) => k === kind)) &&
        (w.conditions ?? []).every((c) => has(l.conditions, c)),
    ),
  );
}

const folder = join(process.env["NETSIM_RECORDED"] ?? "", "gateway");
const skip =
  process.env["NETSIM_RECORDED"] === undefined || !existsSync(join(folder, "base.json"))
    ? "NETSIM_RECORDED names no folder with gateway/"
    : false;

/** Of certificates the data has nothing: what depends on them cannot be told from it. */
const NEEDS_CERTIFICATES = /^BackendTLSPolicy/;

const isSame = (a: Thing, kind: string | undefined, b: Partial<Thing>): boolean =>
  a.kind === kind && a.metadata.name === b.metadata?.name && a.metadata.namespace === b.metadata.namespace;

function changed(objects: readonly Thing[], { op, kind, object = {} }: Asked): Thing[] {
  const others = objects.filter((o) => !isSame(o, kind, object));
  if (op === "delete") return others;
  const before = objects.find((o) => isSame(o, kind, object));
  return [...others, { apiVersion: "gateway.networking.k8s.io/v1", ...before, kind, ...object } as Thing];
}

/** The first listener's port unless one is named; a port may stand in its place. */
function answerOf(objects: readonly Thing[], asked: Asked): { answer: Answer; request: GatewayRequest } {
  const cluster = loadObjects(objects);
  const [where = "", listener] = asked.gateway.split("#");
  const [name, given] = where.split(":");
  const gateway = gatewaysOf(cluster).find((g) => `${g.metadata.namespace}/${g.metadata.name}` === name);
  if (gateway === undefined) throw new Error(`no Gateway ${name}`);
  const table = createGatewayTable(cluster, gateway);
  const named = table.listeners.find((l) => l.name === listener) ?? table.listeners[0];
  const { grpc } = asked;
  const request: GatewayRequest = {
    host: asked.host ?? "gateway.test",
    path: grpc === undefined ? (asked.path ?? "/") : `/${grpc}`,
    method: grpc === undefined ? (asked.method ?? "GET") : "POST",
    headers: { ...(grpc !== undefined && { "content-type": "application/grpc" }), ...asked.headers },
    scheme: asked.tls === true ? "https" : "http",
    ...(asked.sni !== undefined && { sni: asked.sni }),
  };
  return { request, answer: table.route(request, given === undefined ? (named?.port ?? 0) : Number(given)) };
}

/** A backend that is asked to take its time. */
function timedOut({ timeouts }: Answer, { path = "" }: Asked): boolean {
  const delay = Number(/delay=(\d+)s/.exec(path)?.[1] ?? 0) * 1000;
  return [timeouts.request, timeouts.backendRequest].some(
    (limit) => limit !== undefined && limit > 0 && limit < delay,
  );
}

for (const file of ["httproute", "grpcroute", "other"]) {
  t.test(file, { skip }, async (t) => {
    const base = JSON.parse(readFileSync(join(folder, "base.json"), "utf8")) as Thing[];
    const cases = readFileSync(join(folder, `${file}.jsonl`), "utf8")
      .trim()
      .split("\n");
    for (const { id, manifests, requests = [], conditions = [] } of cases.map(
      (line) => JSON.parse(line) as Case,
    )) {
      if (NEEDS_CERTIFICATES.test(id)) continue;
      let objects: readonly Thing[] = [...base, ...manifests];
      const states = [loadObjects(objects)];
      for (const asked of requests)
        if (asked.op !== undefined) states.push(loadObjects((objects = changed(objects, asked))));
      for (const stated of conditions) {
        const isRead = stated.route !== undefined || stated.listeners !== undefined;
        if (!isRead || OTHER_CONDITIONS.test(id) || OTHER_CONDITIONS.test(stated.gateway ?? "")) continue;
        // The data does not say between which changes a condition was read.
        t.ok(
          states.some((state) => holds(state, stated)),
          `${id}: ${JSON.stringify(stated)}`,
        );
      }
      objects = [...base, ...manifests];
      let before: Answer | undefined;
      for (const asked of requests) {
        if (asked.op !== undefined) {
          objects = changed(objects, asked);
          continue;
        }
        const { expect } = asked;
        if (expect === undefined) {
          t.same(before?.weights, asked.weights, `${id}: weights`);
          continue;
        }
        // A client's certificate is not part of a request here.
        if (expect.failure !== undefined) continue;
        const { answer, request } = answerOf(objects, asked);
        before = answer;
        const name = `${id}: ${asked.gateway} ${request.method} ${request.host}${request.path}`;
        const status = timedOut(answer, asked) ? 504 : answer.status;
        if (expect.grpcCode !== undefined)
          t.equal(status === 404 ? 12 : status === 200 ? 0 : 14, expect.grpcCode, name);
        else t.ok([expect.status].flat().includes(status), `${name}: ${status} ${answer.reason ?? ""}`);

        // The data names the backend's workload, which other Services may stand for.
        if (expect.backend !== undefined && answer.backend !== null && id !== "HTTPRouteServiceTypes")
          t.match(answer.backend, { service: expect.backend, namespace: expect.namespace }, name);
        const seen = expect.backendRequest ?? {};
        if (seen.path !== undefined) t.equal(answer.path, seen.path, name);
        if (seen.host !== undefined) t.equal(answer.host, seen.host, name);
        for (const [key, value] of Object.entries(seen.headers ?? {}))
          t.equal(header(answer.requestHeaders, key), value, `${name}: ${key}`);
        for (const key of seen.absentHeaders ?? [])
          t.equal(header(answer.requestHeaders, key), undefined, `${name}: ${key}`);
        if (expect.redirect !== undefined) {
          const to = new URL(answer.redirect?.location ?? "http://none/");
          const {
            scheme = request.scheme,
            host = request.host,
            path = pathOnly(request.path),
          } = expect.redirect;
          t.same([to.protocol, to.hostname, to.pathname], [`${scheme}:`, host, path], name);
          if (expect.redirect.port !== undefined) t.equal(to.port, expect.redirect.port, name);
        }
        const got = changeHeaders(expect.backendSetsResponseHeaders ?? {}, answer.responseChanges);
        for (const [key, value] of Object.entries(expect.response?.headers ?? {}))
          t.equal(header(got, key), value, `${name}: ${key}`);
        for (const key of expect.response?.absentHeaders ?? [])
          t.equal(header(got, key), undefined, `${name}: ${key}`);
        for (const [key, choices] of Object.entries(expect.response?.oneOf ?? {}))
          t.ok(choices.includes(header(got, key) ?? ""), `${name}: ${key}: ${header(got, key)}`);
        if (expect.mirroredTo !== undefined) {
          const wanted = expect.mirroredTo.map((m) => [m.backend, m.percent ?? 100]);
          t.same(answer.mirrors.map((m) => [m.service, m.percent]).sort(), wanted.sort(), name);
        }
      }
    }
  });
}
