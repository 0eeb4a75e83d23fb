/**
 * `netsim route FILES... --gateway NS/NAME[#LISTENER] | --ingress-class CLASS --host H --path P`: what becomes of a request at a
 * Gateway or an Ingress controller: rule, backend, and the request as the backend sees it.
 */
import { readFileSync } from "node:fs";
import { fields, text } from "../gateway/fields.ts";
import { createIngressTable } from "../gateway/ingress/table.ts";
import { changeHeaders } from "../gateway/request.ts";
import type { Answer, GatewayRequest, Headers } from "../gateway/request.ts";
import { createGatewayTable } from "../gateway/route.ts";
import { gatewaysOf } from "../gateway/listeners.ts";
import { readRoutes } from "../gateway/objects.ts";
import { listenerStatuses, routeStatus } from "../gateway/status.ts";
import type { Condition } from "../gateway/conditions.ts";
import { lineOf, objectName } from "../model/source.ts";
import type { Cluster } from "../model/types.ts";
import { loadInput, reportProblems, writeAll } from "./input.ts";
import { UsageError, choice, readArgs } from "./usage.ts";

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, {
    gateway: { type: "string" },
    "ingress-class": { type: "string" },
    host: { type: "string" },
    path: { type: "string" },
    method: { type: "string" },
    header: { type: "string", multiple: true },
    "response-header": { type: "string", multiple: true },
    scheme: { type: "string" },
    sni: { type: "string" },
    port: { type: "string" },
    requests: { type: "string" },
    status: { type: "boolean" },
    json: { type: "boolean" },
  });
  if (values.status === true) return printStatus(loadInput(positionals), values.json === true);
  if ((values.gateway === undefined) === (values["ingress-class"] === undefined))
    throw new UsageError(
      "needs one of --gateway NAMESPACE/NAME[#LISTENER], --ingress-class CLASS and --status",
    );
  const scheme = choice("scheme", values.scheme, ["http", "https"]);
  const cluster = loadInput(positionals);
  reportProblems(cluster.problems);
  const { route, isTls } = router(cluster, values.gateway, values["ingress-class"], values.port);
  const first = {
    host: values.host ?? "",
    path: values.path ?? "/",
    method: values.method ?? "GET",
    headers: headersOf(values.header ?? []),
    scheme: scheme ?? (isTls ? "https" : "http"),
    ...(values.sni !== undefined && { sni: values.sni }),
  } as const;
  const backendHeaders = headersOf(values["response-header"] ?? []);
  const requests = values.requests === undefined ? [first] : readRequests(values.requests, first);
  const answers = requests.map((request) => route(request));
  if (values.json === true)
    await writeAll(answers.map((answer) => `${JSON.stringify(asJson(answer, backendHeaders))}\n`));
  else await writeAll(answers.map((answer, i) => asText(requests[i] ?? first, answer)));
  return 0;
}

/** What a controller would write into the status of Gateways and routes. */
async function printStatus(cluster: Cluster, json: boolean): Promise<number> {
  reportProblems(cluster.problems);
  const gateways = gatewaysOf(cluster).map((gateway) => ({
    object: objectName(gateway),
    listeners: listenerStatuses(cluster, gateway).map(({ owner, ...status }) => ({
      object: objectName(owner),
      ...status,
    })),
  }));
  const routes = readRoutes(cluster).map((route) => ({
    object: objectName(route.object),
    parents: routeStatus(cluster, route),
  }));
  if (json) {
    await writeAll([`${JSON.stringify({ gateways, routes })}\n`]);
    return 0;
  }
  const words = (conditions: readonly Condition[]): string =>
    conditions
      .filter(({ type }) => type === "Accepted" || type === "ResolvedRefs")
      .map(({ type, status, reason }) => (status === "True" ? type : `not ${type}: ${reason}`))
      .join(", ");
  const listeners = gateways.flatMap((gateway) =>
    gateway.listeners.map(
      (l) => `${l.object} ${l.name}: ${words(l.conditions)}, ${l.attachedRoutes} routes attached\n`,
    ),
  );
  const parents = routes.flatMap((route) =>
    route.parents.map(
      ({ parentRef: { kind, namespace, name, sectionName }, conditions }) =>
        `${route.object} at ${kind} ${namespace}/${name}${sectionName === undefined ? "" : `#${sectionName}`}: ${words(conditions)}\n`,
    ),
  );
  await writeAll([...listeners, ...parents]);
  return 0;
}

interface Router {
  readonly isTls: boolean;
  route(request: GatewayRequest): Answer;
}

function router(
  cluster: Cluster,
  gateway: string | undefined,
  ingressClass: string | undefined,
  port: string | undefined,
): Router {
  if (gateway === undefined) {
    const table = createIngressTable(cluster, ingressClass ?? "");
    if (table.ingresses.length === 0)
      throw new UsageError(`--ingress-class: no Ingress of class ${ingressClass} in the input`);
    return { isTls: false, route: table.route };
  }
  const [name = "", listenerName] = gateway.split("#");
  const all = gatewaysOf(cluster);
  const nameOf = (g: (typeof all)[number]): string => `${g.metadata.namespace}/${g.metadata.name}`;
  const found = all.find((g) => nameOf(g) === name);
  if (found === undefined) {
    const names = all.length === 0 ? "none" : all.map(nameOf).join(", ");
    throw new UsageError(`--gateway: no Gateway ${name} in the input, which has ${names}`);
  }
  const table = createGatewayTable(cluster, found);
  const listener = table.listeners.find(
    (l) =>
      (listenerName === undefined || l.name === listenerName) &&
      (port === undefined || String(l.port) === port),
  );
  if (listener === undefined) {
    const names = table.listeners.map((l) => `${l.name} (${l.port})`).join(", ");
    throw new UsageError(`--gateway: ${name} has no such listener: it has ${names === "" ? "none" : names}`);
  }
  const isTls = listener.protocol === "HTTPS" || listener.protocol === "TLS";
  return { isTls, route: (request) => table.route(request, listener.port) };
}

function headersOf(given: readonly string[]): Headers {
  return changeHeaders(
    {},
    given.map((line) => {
      const colon = line.indexOf(":");
      if (colon < 1) throw new UsageError(`--header ${line}: write 'Name: value'`);
      const pair = [line.slice(0, colon).trim(), line.slice(colon + 1).trim()] as const;
      return { set: [], add: [pair], remove: [] };
    }),
  );
}

/** A file of requests, one JSON object a line: host, path, method, headers, scheme, sni; what is absent is as on the command line. */
function readRequests(file: string, otherwise: GatewayRequest): GatewayRequest[] {
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`--requests: ${(error as Error).message}`);
  }
  return content.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw new UsageError(`--requests: ${file}:${i + 1}: ${(error as Error).message}`);
    }
    const given = fields(value);
    const sni = text(given["sni"]) ?? otherwise.sni;
    const headers = Object.entries(fields(given["headers"])).map(([k, v]) => [k, String(v)]);
    return [
      {
        host: text(given["host"]) ?? otherwise.host,
        path: text(given["path"]) ?? otherwise.path,
        method: text(given["method"]) ?? otherwise.method,
        headers: { ...otherwise.headers, ...(Object.fromEntries(headers) as Headers) },
        scheme:
          given["scheme"] === "https" ? "https" : given["scheme"] === "http" ? "http" : otherwise.scheme,
        ...(sni !== undefined && { sni }),
      },
    ];
  });
}

function ruleOf({ rule }: Answer): { object: string; file: string; line: number } | null {
  if (rule === null) return null;
  const { object, path } = rule;
  return { object: objectName(object), file: object.source.file, line: lineOf(object.source, path) };
}

function asJson(answer: Answer, backendHeaders: Headers): object {
  const { status, reason, backend, path, host, requestHeaders, redirect, mirrors, weights, timeouts } =
    answer;
  const responseHeaders = changeHeaders(backendHeaders, answer.responseChanges);
  return {
    status,
    ...(reason !== undefined && reason !== "" && { reason }),
    backend,
    path,
    host,
    requestHeaders,
    responseHeaders,
    redirect,
    mirrors,
    weights,
    timeouts,
    rule: ruleOf(answer),
  };
}

function asText(request: GatewayRequest, answer: Answer): string {
  const { backend, redirect, status, reason } = answer;
  const rule = ruleOf(answer);
  const to =
    redirect !== null
      ? `${status} to ${redirect.location}`
      : backend === null
        ? `${status}${reason === undefined ? "" : `: ${reason}`}`
        : `${backend.namespace}/${backend.service}:${backend.port ?? "?"} as http://${answer.host}${answer.path}`;
  const by = rule === null ? "" : `\n  by ${rule.object} (${rule.file}:${rule.line})`;
  const mirrors = answer.mirrors.map((m) => `\n  and ${m.percent} % to ${m.namespace}/${m.service}`).join("");
  return `${request.method} ${request.scheme}://${request.host}${request.path} -> ${to}${by}${mirrors}\n`;
}
