import t from "tap";
import { loadText } from "../../src/model/load.ts";
import { SERVICES, backend, edge, route, run } from "./proxy-support.ts";

const HTTP = "{name: web, port: 80, protocol: HTTP}";
const TO_WEB = "      backendRefs: [{name: web, port: 80}]";

interface Echo {
  readonly service: string;
  readonly path: string;
  readonly host: string;
  readonly body: number;
  readonly headers: Record<string, string[]>;
}

t.test("routing, filters, mirrors and the access log", async (t) => {
  const proxy = await run(
    t,
    edge(
      HTTP,
      route(`
    - matches: [{path: {value: /api}}]
      filters:
        - {type: URLRewrite, urlRewrite: {hostname: web.internal, path: {type: ReplacePrefixMatch, replacePrefixMatch: /v1}}}
        - {type: RequestHeaderModifier, requestHeaderModifier: {add: [{name: X-Team, value: b}], remove: [Cookie]}}
        - {type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: X-Seen, value: "yes"}], remove: [X-Secret]}}
        - {type: RequestMirror, requestMirror: {backendRef: {name: shadow, port: 80}}}
${TO_WEB}
    - matches: [{path: {value: /moved}}]
      filters: [{type: RequestRedirect, requestRedirect: {scheme: https, hostname: new.example.com, statusCode: 301}}]
    - matches: [{path: {value: /nobody}}]
      backendRefs: [{name: nobody, port: 80}]
    - matches: [{path: {value: /unknown}}]
      filters: [{type: ExtensionRef, extensionRef: {group: example.com, kind: Magic, name: m}}]
${TO_WEB}`),
    ),
    [80],
  );
  const url = `http://127.0.0.1:${proxy.port(80)}`;
  const answer = await fetch(`${url}/api/x?q=1`, {
    method: "POST",
    body: "hello",
    headers: { "X-Team": "a", Cookie: "c=d", "X-Echo-Set-Header": "X-Secret: s" },
  });
  const echo = (await answer.json()) as Echo;
  t.match(echo, { service: "web", path: "/v1/x?q=1", host: "web.internal", body: 5 });
  t.same(echo.headers["X-Team"] ?? echo.headers["x-team"], ["a,b"]);
  t.notOk(Object.keys(echo.headers).some((name) => name.toLowerCase() === "cookie"));
  t.equal(answer.headers.get("x-seen"), "yes");
  t.equal(answer.headers.get("x-secret"), null);

  const moved = await fetch(`${url}/moved/on?x=1`, { redirect: "manual" });
  t.equal(moved.status, 301);
  t.equal(moved.headers.get("location"), "https://new.example.com/moved/on?x=1");
  t.equal((await fetch(`${url}/nobody`)).status, 500, "a backend that is not there");
  t.equal((await fetch(`${url}/unknown`)).status, 500, "a filter must not be skipped");
  t.equal((await fetch(`${url}/else`)).status, 404);
  t.equal(proxy.served().get("shop/shadow:80"), 1, "the mirror got a copy");
  t.match(
    proxy.lines[0],
    /^127\.0\.0\.1 "POST http:\/\/127\.0\.0\.1:\d+\/api\/x\?q=1 HTTP\/1\.1" 200 \d+ms -> shop\/web:80 by HTTPRoute shop\/one \(edge\.yaml:\d+\): mirrored to shop\/shadow:80$/,
  );
  t.match(proxy.lines[2], /500 .*BackendNotFound/);
});

t.test("weights: the same shares, by chance or by a seed", async (t) => {
  const weighted = edge(
    HTTP,
    route(`
    - backendRefs: [{name: web, port: 80, weight: 3}, {name: canary, port: 80, weight: 1}, {name: shadow, port: 80, weight: 0}]`),
  );
  let state = 0;
  const proxy = await run(t, weighted, [80], { random: () => (state = (state + 0.125) % 1) });
  for (let i = 0; i < 16; i++) await (await fetch(`http://127.0.0.1:${proxy.port(80)}/`)).text();
  t.same([...proxy.served()].sort(), [
    ["shop/canary:80", 4],
    ["shop/web:80", 12],
  ]);
});

t.test("timeouts: 504 for the request and for the backend; none is early", async (t) => {
  const proxy = await run(
    t,
    edge(
      HTTP,
      route(`
    - matches: [{path: {value: /whole}}]
      timeouts: {request: 150ms}
${TO_WEB}
    - matches: [{path: {value: /try}}]
      timeouts: {request: 5s, backendRequest: 150ms}
${TO_WEB}`),
    ),
    [80],
  );
  const url = `http://127.0.0.1:${proxy.port(80)}`;
  for (const path of ["/whole", "/try"]) {
    const since = performance.now();
    t.equal((await fetch(`${url}${path}?delay=3s`)).status, 504, path);
    const took = performance.now() - since;
    t.ok(took >= 145 && took < 2500, `${path} after ${took} ms`);
    t.equal((await fetch(`${url}${path}`)).status, 200, path);
  }
});

t.test("retries: codes, broken connections, bodies that can be sent again", async (t) => {
  let tries = 0;
  const bodies: string[] = [];
  const backends = await backend(t, (request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      bodies.push(body);
      tries++;
      if (request.url === "/broken" && tries < 3) return void request.socket.destroy();
      response.statusCode = tries < 3 ? 503 : 200;
      response.end(`try ${tries}`);
    });
  });
  const proxy = await run(
    t,
    edge(
      HTTP,
      route(`
    - matches: [{path: {value: /never}}]
${TO_WEB}
    - retry: {codes: [503], attempts: 2, backoff: 10ms}
${TO_WEB}`),
    ),
    [80],
    { backends },
  );
  const url = `http://127.0.0.1:${proxy.port(80)}`;
  for (const path of ["/codes", "/broken"]) {
    tries = 0;
    const answer = await fetch(`${url}${path}`, { method: "POST", body: "again" });
    t.equal(answer.status, 200, path);
    t.equal(await answer.text(), "try 3");
  }
  t.same([...new Set(bodies)], ["again"], "the whole body each time");
  t.match(proxy.lines[0], /200 .*: 3 tries$/);
  tries = 0;
  t.equal((await fetch(`${url}/never`)).status, 503, "without retry the backend's answer stands");
  t.equal(tries, 1);
});

t.test("a backend that breaks, or is not there, is a 502; none ready a 503", async (t) => {
  const backends = new Map(await backend(t, (request) => request.socket.destroy()));
  backends.set("shop/canary:80", { host: "127.0.0.1", port: 1 });
  const slice = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: shadow-1, namespace: shop, labels: {kubernetes.io/service-name: shadow}}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1], conditions: {ready: false}}]
ports: [{name: tcp, port: 80}]
---`;
  const proxy = await run(
    t,
    edge(
      HTTP,
      `${slice}${route(`
    - matches: [{path: {value: /closed}}]
      backendRefs: [{name: canary, port: 80}]
    - matches: [{path: {value: /empty}}]
      backendRefs: [{name: shadow, port: 80}]
    - matches: [{path: {value: /}}]
${TO_WEB}`)}`,
    ),
    [80],
    { backends },
  );
  const url = `http://127.0.0.1:${proxy.port(80)}`;
  t.equal((await fetch(`${url}/`)).status, 502);
  t.equal((await fetch(`${url}/closed`)).status, 502);
  t.equal((await fetch(`${url}/empty`)).status, 503);
});

t.test("bodies stream both ways before either is whole", async (t) => {
  const backends = await backend(t, (request, response) => {
    response.writeHead(200, { "content-type": "text/plain" });
    request.on("data", (chunk: Buffer) => response.write(`got ${chunk.toString()}\n`));
    request.on("end", () => response.end("end\n"));
  });
  const proxy = await run(t, edge(HTTP, route(`    -${TO_WEB.slice(5)}`)), [80], { backends });
  let resolve = (): void => undefined;
  const seen = new Promise<void>((done) => (resolve = done));
  let state = 0;
  const body = new ReadableStream({
    async pull(controller) {
      if (state++ === 0) return controller.enqueue(Buffer.from("one"));
      // The second half is sent when the answer to the first has been read.
      await seen;
      controller.enqueue(Buffer.from("two"));
      controller.close();
    },
  });
  const answer = await fetch(`http://127.0.0.1:${proxy.port(80)}/`, {
    method: "POST",
    body,
    duplex: "half",
  } as RequestInit);
  let text = "";
  for await (const chunk of answer.body ?? []) {
    text += Buffer.from(chunk as Uint8Array).toString();
    if (text.includes("one")) resolve();
  }
  t.equal(text, "got one\ngot two\nend\n");
});

t.test("another state of the cluster counts from the next request on", async (t) => {
  const [before, after] = ["web", "canary"].map((name) =>
    edge(HTTP, route(`    - backendRefs: [{name: ${name}, port: 80}]`)),
  ) as [string, string];
  const proxy = await run(t, before, [80]);
  const url = `http://127.0.0.1:${proxy.port(80)}/`;
  const slow = fetch(`${url}?delay=300ms`).then((answer) => answer.json() as Promise<Echo>);
  t.equal(((await (await fetch(url)).json()) as Echo).service, "web");
  t.ok(proxy.update(loadText(after, "after.yaml")));
  t.equal(((await (await fetch(url)).json()) as Echo).service, "canary");
  t.equal((await slow).service, "web", "what was under way is not cut off");
  t.notOk(proxy.update(loadText(SERVICES)), "without the Gateway it stays as it was");
  t.equal((await fetch(url)).status, 200);
});
