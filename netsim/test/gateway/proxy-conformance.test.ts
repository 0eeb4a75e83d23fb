/** The suite's requests once more, through the real proxy and with curl: what comes back must be what the suite wants. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import type { Test } from "tap";
import { gatewaysOf, kindsOf } from "../../src/gateway/listeners.ts";
import { header, pathOnly } from "../../src/gateway/request.ts";
import { createGatewayTable } from "../../src/gateway/route.ts";
import { loadText } from "../../src/model/load.ts";
import { objectName } from "../../src/model/source.ts";
import { startEcho } from "../../src/proxy/echo.ts";
import type { EchoServer } from "../../src/proxy/echo.ts";
import { startProxy } from "../../src/proxy/proxy.ts";
import type { Proxy } from "../../src/proxy/proxy.ts";
import { curl, withoutCurl } from "./curl.ts";
import type { CurlAnswer, CurlRequest } from "./curl.ts";
import {
  FILES,
  changed,
  gatewayOf,
  isContradicted,
  readBase,
  readCases,
  requestOf,
  withoutRecords,
  workloadOf,
} from "./recorded.ts";
import type { Asked, Expected, Thing } from "./recorded.ts";
import { makeSuite } from "./suite.ts";

interface Echo {
  readonly namespace: string;
  readonly service: string;
  readonly path: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
}

interface Sent {
  readonly id: string;
  readonly asked: Asked;
  readonly expect: Expected;
  readonly objects: readonly Thing[];
  readonly proxy: Proxy;
  readonly request: CurlRequest;
}

/** gRPC's message stands behind a flag and its length. */
function echoIn({ body }: CurlAnswer): Echo | undefined {
  const from = body.indexOf("{");
  if (from < 0) return undefined;
  try {
    return JSON.parse(body.slice(from)) as Echo;
  } catch {
    return undefined;
  }
}

const joined = (headers: Echo["headers"], name: string): string | undefined =>
  header(Object.fromEntries(Object.entries(headers).map(([key, values]) => [key, values.join(",")])), name);

const skip = withoutRecords === false ? withoutCurl() : withoutRecords;

t.test("every request of the suite, through the proxy", { skip, timeout: 120_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "netsim-curl-"));
  const suite = makeSuite();
  const closing: { close(): Promise<void> }[] = [];
  t.teardown(async () => {
    await Promise.all(closing.map((one) => one.close()));
    rmSync(folder, { recursive: true });
  });
  for (const [port, { certificate, key }] of Object.entries(suite.clients)) {
    writeFileSync(join(folder, `client-${port}.crt`), certificate);
    writeFileSync(join(folder, `client-${port}.key`), key);
  }
  // The Deployments that the data leaves out: backends that speak TLS with the suite's certificate.
  const secure = new Map<string, EchoServer>();
  const secureBackend = async (namespace: string, service: string): Promise<EchoServer> => {
    const known = secure.get(service);
    if (known !== undefined) return known;
    const server = await startEcho({ namespace, service, port: 443, pods: [] }, suite.backend);
    secure.set(service, server);
    closing.push(server);
    return server;
  };

  const sent: Sent[] = [];
  const start = async (objects: readonly Thing[], name: string): Promise<Proxy | undefined> => {
    const text = JSON.stringify({ apiVersion: "v1", kind: "List", items: [...objects, ...suite.objects] });
    const cluster = loadText(text, `(state ${closing.length})`);
    const gateway = gatewaysOf(cluster).find((g) => objectName(g) === `Gateway ${name}`);
    if (gateway === undefined) return undefined;
    const { listeners } = createGatewayTable(cluster, gateway);
    const ports = [...new Set(listeners.filter((l) => kindsOf(l).length > 0).map(({ port }) => port))];
    const backends = new Map<string, { host: string; port: number }>();
    for (const { metadata: m, spec } of cluster.services)
      for (const { port, appProtocol } of spec.ports)
        if (port === 443 || port === 8443 || /^(?:grpc-)?tls-|btls/.test(m.name)) {
          if (!/tls/.test(`${m.name}${spec.selector?.["app"] ?? ""}`) || appProtocol === "kubernetes.io/h2c")
            continue;
          const workload = spec.selector?.["app"] ?? m.name;
          const server = await secureBackend(m.namespace, workload);
          backends.set(`${m.namespace}/${m.name}:${port}`, { host: "127.0.0.1", port: server.port });
        }
    const [namespace = "", own = ""] = name.split("/");
    const proxy = await startProxy(cluster, {
      served: { kind: "gateway", namespace, name: own },
      listen: ports.map((gatewayPort) => ({ host: "127.0.0.1", port: 0, gatewayPort })),
      backends,
      random: () => 0,
    });
    if (proxy !== undefined) closing.push(proxy);
    return proxy;
  };

  for (const file of FILES)
    for (const one of readCases(file)) {
      let objects: readonly Thing[] = [...readBase(one), ...one.manifests];
      const proxies = new Map<string, Proxy | undefined>();
      for (const asked of one.requests ?? []) {
        if (asked.op !== undefined) {
          objects = changed(objects, asked);
          proxies.clear();
          continue;
        }
        const { expect } = asked;
        if (expect === undefined) continue;
        const where = gatewayOf(asked);
        if (!proxies.has(where.name)) proxies.set(where.name, await start(objects, where.name));
        const proxy = proxies.get(where.name);
        if (proxy === undefined) {
          t.fail(`${one.id}: no proxy for ${where.name}`);
          continue;
        }
        const gateway = objects.find(
          ({ kind, metadata: m }) => kind === "Gateway" && `${m.namespace}/${m.name}` === where.name,
        ) as { spec: { listeners: { name: string; port: number }[] } } | undefined;
        const listeners = gateway?.spec.listeners ?? [];
        const wanted =
          where.port ?? (listeners.find(({ name }) => name === where.listener) ?? listeners[0])?.port;
        const to = proxy.addresses.find(({ gatewayPort }) => gatewayPort === wanted);
        if (to === undefined) {
          t.fail(`${one.id}: port ${wanted} is not open`);
          continue;
        }
        const request = requestOf(asked);
        const isTls = asked.tls === true;
        // A name of its own, so that curl takes a new connection: 7.88 cannot use one for HTTP/2 without TLS again.
        const name = isTls ? (asked.sni ?? request.host) : `request-${sent.length}.test`;
        const client = join(folder, `client-${wanted}`);
        const isMutual = expect.failure === undefined && /ClientCertificateValidation$/.test(one.id);
        const options = [
          asked.grpc !== undefined || asked.protocol === "H2C_PRIOR_KNOWLEDGE"
            ? "http2-prior-knowledge"
            : asked.protocol === "H2"
              ? "http2"
              : "http1.1",
          `connect-to = "::127.0.0.1:${to.port}"`,
          ...(isMutual ? [`cert = "${client}.crt"`, `key = "${client}.key"`] : []),
        ];
        const sets = Object.entries(expect.backendSetsResponseHeaders ?? {}).map((pair) => pair.join(": "));
        sent.push({
          id: one.id,
          asked,
          expect,
          objects,
          proxy,
          request: {
            url: `${isTls ? "https" : "http"}://${name}:${to.port}${request.path}`,
            method: request.method,
            headers: [
              `Host: ${request.host}`,
              ...Object.entries(request.headers).map((pair) => pair.join(": ")),
              ...(asked.grpc === undefined ? [] : ["TE: trailers"]),
              ...(sets.length === 0 ? [] : [`X-Echo-Set-Header: ${sets.join(", ")}`]),
            ],
            options,
            ...(asked.grpc !== undefined && { body: "" }),
          },
        });
      }
    }
  t.ok(sent.length > 300, `${sent.length} requests`);
  const answers = await curl(
    folder,
    sent.map(({ request }) => request),
  );
  for (const [i, answer] of answers.entries()) {
    const one = sent[i];
    if (one !== undefined) check(t, one, answer);
  }
});

function check(t: Test, { id, asked, expect, objects, proxy }: Sent, answer: CurlAnswer): void {
  const request = requestOf(asked);
  const name = `${id}: ${asked.gateway} ${request.method} ${request.scheme}://${request.host}${request.path}`;
  const echo = echoIn(answer);
  const seenStatus = `${answer.status} ${answer.body.slice(0, 100)}`;
  if (expect.failure !== undefined) {
    const isGrpc = asked.grpc !== undefined;
    return void (isGrpc
      ? t.not(answer.headers["grpc-status"], "0", `${name}: must fail`)
      : t.not(answer.status, 200, `${name}: must fail`));
  }
  if (expect.grpcCode !== undefined)
    t.equal(Number(answer.headers["grpc-status"]), expect.grpcCode, `${name}: ${seenStatus}`);
  else t.ok([expect.status].flat().includes(answer.status), `${name}: ${seenStatus}`);

  if (echo !== undefined && expect.backend !== undefined && id !== "HTTPRouteServiceTypes") {
    t.equal(workloadOf(objects, echo.namespace, echo.service), expect.backend, name);
    t.equal(echo.namespace, expect.namespace, name);
  } else if (expect.backend !== undefined && answer.status === 200) t.ok(echo, `${name}: a backend answered`);
  const seen = expect.backendRequest ?? {};
  if (seen.path !== undefined) t.equal(echo?.path, seen.path, name);
  if (seen.host !== undefined) t.equal(echo?.host, seen.host, name);
  const got = echo?.headers ?? {};
  for (const [key, value] of Object.entries(seen.headers ?? {}))
    t.equal(joined(got, key), value, `${name}: ${key}`);
  for (const key of seen.absentHeaders ?? []) t.equal(joined(got, key), undefined, `${name}: ${key}`);
  for (const [key, values] of Object.entries(expect.responseHeaders ?? {}))
    if (!isContradicted(id, key, asked)) t.equal(joined(got, key), values.join(","), `${name}: ${key}`);
  if (expect.redirect !== undefined) {
    const to = new URL(answer.headers["location"] ?? "http://none/");
    const { scheme = request.scheme, host = request.host, path = pathOnly(request.path) } = expect.redirect;
    t.same([to.protocol, to.hostname, to.pathname], [`${scheme}:`, host, path], name);
    if (expect.redirect.port !== undefined) t.equal(to.port, expect.redirect.port, name);
  }
  for (const [key, value] of Object.entries(expect.response?.headers ?? {}))
    t.equal(header(answer.headers, key), value, `${name}: ${key}`);
  for (const key of expect.response?.absentHeaders ?? [])
    t.equal(header(answer.headers, key), undefined, `${name}: ${key}`);
  for (const [key, choices] of Object.entries(expect.response?.oneOf ?? {}))
    t.ok(choices.includes(header(answer.headers, key) ?? ""), `${name}: ${key}`);
  for (const mirror of expect.mirroredTo ?? []) {
    const count = [...proxy.served()].find(([key]) => key.split(/[/:]/)[1] === mirror.backend)?.[1] ?? 0;
    t.ok(count > 0, `${name}: ${mirror.backend} got a copy`);
  }
}
