import t from "tap";
import { objectName } from "../../src/model/source.ts";
import { loadObjects } from "../../src/model/load.ts";
import type { Cluster } from "../../src/model/types.ts";
import type { Condition } from "../../src/gateway/conditions.ts";
import { gatewaysOf } from "../../src/gateway/listeners.ts";
import { changeHeaders, header, pathOnly } from "../../src/gateway/request.ts";
import type { Answer, GatewayRequest } from "../../src/gateway/request.ts";
import { createGatewayTable } from "../../src/gateway/route.ts";
import { readRoutes } from "../../src/gateway/objects.ts";
import { gatewayStatus, listenerStatuses, policyStatuses, routeStatus } from "../../src/gateway/status.ts";
import {
  FILES,
  changed,
  gatewayOf,
  isContradicted,
  isStubbed,
  readBase,
  readCases,
  requestOf,
  withoutRecords,
  workloadOf,
} from "./recorded.ts";
import type { Asked, Stated, Thing, Wanted } from "./recorded.ts";

/** Secrets that are not there and others that are broken look the same without any. */
const NEEDS_SECRETS = /nonexistent-secret|malformed|nonexistent-ca|unresolved-gateway/;

const has = (conditions: readonly Condition[], { type, status, reason }: Wanted): boolean =>
  conditions.some(
    (c) =>
      c.type === type &&
      c.status === status &&
      (reason === undefined || reason === "" || c.reason === reason),
  );

function holds(cluster: Cluster, stated: Stated): boolean {
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
  if (stated.policy !== undefined) {
    const found = policyStatuses(cluster).find(
      ({ policy }) => objectName(policy) === `BackendTLSPolicy ${stated.policy}`,
    );
    return (
      found?.ancestors.some(
        ({ gateway, conditions }) =>
          objectName(gateway) === `Gateway ${stated.gateway}` && has(conditions, stated),
      ) ?? false
    );
  }
  const gateway = gatewaysOf(cluster).find((g) => objectName(g) === `Gateway ${stated.gateway}`);
  if (gateway === undefined) return false;
  if (stated.listeners === undefined) return has(gatewayStatus(cluster, gateway).conditions, stated);
  const listeners = listenerStatuses(cluster, gateway);
  return stated.listeners.every((w) =>
    listeners.some(
      (l) =>
        l.name === w.name &&
        (w.attachedRoutes === undefined || w.attachedRoutes === l.attachedRoutes) &&
        (w.supportedKinds ?? []).every((kind) => l.supportedKinds.some((k) => k === kind)) &&
        (w.conditions ?? []).every((c) => has(l.conditions, c)),
    ),
  );
}

/** The first listener's port unless one is named; a port may stand in its place. */
function answerOf(objects: readonly Thing[], asked: Asked): { answer: Answer; request: GatewayRequest } {
  const cluster = loadObjects(objects);
  const { name, listener, port } = gatewayOf(asked);
  const gateway = gatewaysOf(cluster).find((g) => objectName(g) === `Gateway ${name}`);
  if (gateway === undefined) throw new Error(`no Gateway ${name}`);
  const table = createGatewayTable(cluster, gateway);
  const named = table.listeners.find((l) => l.name === listener) ?? table.listeners[0];
  const request = requestOf(asked);
  return { request, answer: table.route(request, port ?? named?.port ?? 0) };
}

/** A backend that is asked to take its time. */
function timedOut({ timeouts }: Answer, { path = "" }: Asked): boolean {
  const delay = Number(/delay=(\d+)s/.exec(path)?.[1] ?? 0) * 1000;
  return [timeouts.request, timeouts.backendRequest].some(
    (limit) => limit !== undefined && limit > 0 && limit < delay,
  );
}

for (const file of FILES) {
  t.test(file, { skip: withoutRecords }, async (t) => {
    for (const one of readCases(file)) {
      const { id, manifests, requests = [], conditions = [] } = one;
      let objects: readonly Thing[] = [...readBase(one), ...manifests];
      const states = [loadObjects(objects)];
      for (const asked of requests)
        if (asked.op !== undefined) states.push(loadObjects((objects = changed(objects, asked))));
      for (const stated of conditions) {
        const text = JSON.stringify(stated);
        if (isStubbed(stated) || NEEDS_SECRETS.test(text)) continue;
        // The data does not say between which changes a condition was read.
        t.ok(
          states.some((state) => holds(state, stated)),
          `${id}: ${text}`,
        );
      }
      objects = [...readBase(one), ...manifests];
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
        // What depends on certificates is seen where there are some: proxy-conformance.test.ts.
        if (expect.failure !== undefined || NEEDS_SECRETS.test(asked.path ?? "")) continue;
        const { answer, request } = answerOf(objects, asked);
        before = answer;
        const name = `${id}: ${asked.gateway} ${request.method} ${request.host}${request.path}`;
        const status = timedOut(answer, asked) ? 504 : answer.status;
        if (expect.grpcCode !== undefined)
          t.equal(status === 404 ? 12 : status === 200 ? 0 : 14, expect.grpcCode, name);
        else t.ok([expect.status].flat().includes(status), `${name}: ${status} ${answer.reason ?? ""}`);

        if (expect.backend !== undefined && answer.backend !== null && id !== "HTTPRouteServiceTypes") {
          const { namespace, service } = answer.backend;
          t.equal(workloadOf(objects, namespace, service), expect.backend, name);
          t.equal(namespace, expect.namespace, name);
        }
        const seen = expect.backendRequest ?? {};
        if (seen.path !== undefined) t.equal(answer.path, seen.path, name);
        if (seen.host !== undefined) t.equal(answer.host, seen.host, name);
        for (const [key, value] of Object.entries(seen.headers ?? {}))
          t.equal(header(answer.requestHeaders, key), value, `${name}: ${key}`);
        for (const key of seen.absentHeaders ?? [])
          t.equal(header(answer.requestHeaders, key), undefined, `${name}: ${key}`);
        for (const [key, values] of Object.entries(expect.responseHeaders ?? {}))
          if (!isContradicted(id, key, asked))
            t.equal(header(answer.requestHeaders, key), values.join(","), `${name}: ${key}`);
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
