/**
 * `netsim route FILES... --gateway NS/NAME[#LISTENER] | --ingress-class CLASS --host H --path P`: what becomes of a request at a
 * Gateway or an Ingress controller: rule, backend, and the request as the backend sees it.
 */
import { readFileSync } from "node:fs";
import { capabilities, capabilitiesText } from "../gateway/capabilities/capabilities.ts";
import { fields, number, text } from "../gateway/fields.ts";
import { CONTROLLERS, compareControllers, createIngressTable } from "../gateway/ingress/table.ts";
import type { Controller } from "../gateway/ingress/table.ts";
import { gatewaysOf } from "../gateway/listeners.ts";
import { changeHeaders } from "../gateway/request.ts";
import type { Answer, GatewayRequest, Headers } from "../gateway/request.ts";
import { createGatewayTable } from "../gateway/route.ts";
import { createServiceTable } from "../gateway/service-route.ts";
import type { Cluster } from "../model/types.ts";
import { loadInput, reportProblems, writeAll } from "./input.ts";
import { statusOf, statusText } from "./route-status.ts";
import { asJson, asText, comparisonJson, comparisonText } from "./route-text.ts";
import { UsageError, choice, readArgs } from "./usage.ts";

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, {
    gateway: { type: "string" },
    service: { type: "string" },
    from: { type: "string" },
    "ingress-class": { type: "string" },
    controller: { type: "string" },
    compare: { type: "boolean" },
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
    capabilities: { type: "boolean" },
    json: { type: "boolean" },
  });
  const json = values.json === true;
  if (values.capabilities === true) {
    const rows = capabilities();
    await writeAll([`${json ? JSON.stringify(rows) : capabilitiesText(rows)}\n`]);
    return 0;
  }
  const className = values["ingress-class"];
  const entrances = [values.gateway, values.service, className].filter((one) => one !== undefined);
  if (values.status !== true && entrances.length !== 1)
    throw new UsageError(
      "needs one of --gateway NAMESPACE/NAME[#LISTENER], --ingress-class CLASS, --service NAMESPACE/NAME, --status and --capabilities",
    );
  const scheme = choice("scheme", values.scheme, ["http", "https"]);
  const controller = choice("controller", values.controller, CONTROLLERS);
  if (values.compare === true && className === undefined)
    throw new UsageError("--compare is for --ingress-class: it asks every controller");
  const cluster = loadInput(positionals);
  reportProblems(cluster.problems);
  if (values.status === true) {
    const status = statusOf(cluster);
    await writeAll(json ? [`${JSON.stringify(status)}\n`] : statusText(status));
    return 0;
  }
  const port = portOf(values.port);
  const { route, isTls } =
    className !== undefined
      ? ingressRouter(cluster, className, controller)
      : values.service !== undefined
        ? serviceRouter(cluster, values.service, port, values.from)
        : gatewayRouter(cluster, values.gateway ?? "", port);
  const first = {
    host: values.host ?? values.sni ?? "",
    path: values.path ?? "/",
    method: values.method ?? "GET",
    headers: headersOf(values.header ?? []),
    scheme: scheme ?? (isTls ? "https" : "http"),
    ...(values.sni !== undefined && { sni: values.sni }),
  } as const;
  const backendHeaders = headersOf(values["response-header"] ?? []);
  const asked: readonly Asked[] =
    values.requests === undefined ? [{ request: first }] : readRequests(values.requests, first);
  if (values.compare === true && className !== undefined) {
    await writeAll(
      asked.map(({ request }) => {
        const all = compareControllers(cluster, className, request);
        return json
          ? `${JSON.stringify(comparisonJson(all, backendHeaders))}\n`
          : comparisonText(request, all);
      }),
    );
    return 0;
  }
  await writeAll(
    asked.map(({ request, port }) => {
      const answer = route(request, port);
      return json ? `${JSON.stringify(asJson(answer, backendHeaders))}\n` : asText(request, answer);
    }),
  );
  return 0;
}

interface Router {
  readonly isTls: boolean;
  /** `port` takes the place of the one that the command line gives. */
  route(request: GatewayRequest, port?: number): Answer;
}

function ingressRouter(cluster: Cluster, className: string, controller: Controller | undefined): Router {
  const table = createIngressTable(cluster, className, controller);
  if (table.ingresses.length === 0)
    throw new UsageError(`--ingress-class: no Ingress of class ${className} in the input`);
  return { isTls: false, route: (request) => table.route(request) };
}

/** A Service in a mesh; clients are in its own namespace unless `from` says where. */
function serviceRouter(
  cluster: Cluster,
  name: string,
  port: number | undefined,
  from: string | undefined,
): Router {
  const found = cluster.services.find(({ metadata: m }) => `${m.namespace}/${m.name}` === name);
  if (found === undefined) throw new UsageError(`--service: no Service ${name} in the input`);
  const table = createServiceTable(cluster, found);
  const first = port ?? found.spec.ports[0]?.port ?? 0;
  return {
    isTls: false,
    route: (request, own = first) => table.route(request, own, from ?? found.metadata.namespace),
  };
}

function gatewayRouter(cluster: Cluster, gateway: string, port: number | undefined): Router {
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
    (l) => (listenerName === undefined || l.name === listenerName) && (port === undefined || l.port === port),
  );
  if (listener === undefined) {
    const names = table.listeners.map((l) => `${l.name} (${l.port})`).join(", ");
    throw new UsageError(`--gateway: ${name} has no such listener: it has ${names === "" ? "none" : names}`);
  }
  const isTls = listener.protocol === "HTTPS" || listener.protocol === "TLS";
  return { isTls, route: (request, own = listener.port) => table.route(request, own) };
}

function portOf(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  if (!/^\d{1,5}$/.test(given)) throw new UsageError(`--port ${given}: must be a port of the Gateway`);
  return Number(given);
}

export function headersOf(given: readonly string[]): Headers {
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

interface Asked {
  readonly request: GatewayRequest;
  readonly port?: number;
}

/**
 * A file of requests, one JSON object a line: host, path, method, headers, scheme, sni, port; what is absent is as on the command line.
 */
function readRequests(file: string, otherwise: GatewayRequest): Asked[] {
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
    const port = number(given["port"]);
    const headers = Object.entries(fields(given["headers"])).map(([k, v]) => [k, String(v)]);
    const request: GatewayRequest = {
      host: text(given["host"]) ?? sni ?? otherwise.host,
      path: text(given["path"]) ?? otherwise.path,
      method: text(given["method"]) ?? otherwise.method,
      headers: { ...otherwise.headers, ...(Object.fromEntries(headers) as Headers) },
      scheme: given["scheme"] === "https" ? "https" : given["scheme"] === "http" ? "http" : otherwise.scheme,
      ...(sni !== undefined && { sni }),
    };
    return [{ request, ...(port !== undefined && { port }) }];
  });
}
