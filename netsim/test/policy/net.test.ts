/** The API: names of parties, proxies, DNS, reasons with their lines, what is not evaluated. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { loadObjects, loadText } from "../../src/model/load.ts";
import { createDnsCache } from "../../src/policy/cilium/dns-cache.ts";
import { dnsQuery, learnedAddresses } from "../../src/policy/cilium/dns-proxy.ts";
import { createEngine } from "../../src/policy/engine.ts";
import type { Endpoint } from "../../src/policy/endpoint.ts";
import { cluster, createNet } from "../../src/policy/net.ts";
import { calicoPolicy, ciliumPolicy, networkPolicy, node, pod, service } from "./make.ts";

const base = [
  node("node-1", "172.18.0.2"),
  pod("shop/web-6d4cf56db6-x2x7k", { app: "web", role: "reader" }, "10.244.1.2"),
  pod("shop/editor-0", { app: "web", role: "writer" }, "10.244.1.3"),
  pod("pay/api-0", { app: "api" }, "10.244.2.2", { ports: [{ name: "http", containerPort: 8080 }] }),
  pod("infra/dns-0", { app: "dns" }, "10.244.3.2", { ports: [{ containerPort: 53, protocol: "UDP" }] }),
  service("pay/api", {
    clusterIP: "10.96.0.20",
    selector: { app: "api" },
    ports: [{ port: 80, targetPort: "http" }],
  }),
  service("pay/none", { clusterIP: "10.96.0.21", selector: { app: "none" }, ports: [{ port: 80 }] }),
];
const net = (...objects: object[]) => createNet(loadObjects([...base, ...objects]));

t.test("ways to name an end", (t) => {
  const n = net();
  const to = (text: string) => n.connect("shop/web", text);
  t.match(
    to("pay/api:8080"),
    { verdict: "allow", from: "shop/web-6d4cf56db6-x2x7k", to: "pay/api-0" },
    "workloads",
  );
  t.match(to("api.pay:80"), { to: "pay/api-0", port: { port: 8080 } }, "a Service, to its target port");
  t.match(to("http://api.pay.svc.cluster.local/orders"), { to: "pay/api-0", port: { port: 8080 } }, "a URL");
  t.match(to("10.96.0.20:80"), { to: "pay/api-0" }, "a cluster address");
  t.match(to("10.244.2.2:8080"), { to: "pay/api-0" }, "a pod's address");
  t.match(to("node-1:10250"), { to: "node-1" }, "a node");
  t.match(to("203.0.113.9:443"), { verdict: "allow", to: "203.0.113.9" }, "an address outside");
  t.match(
    n.connect("pay/api-0", "api:80"),
    { to: "pay/api-0", verdict: "allow" },
    "a short name, in the own namespace",
  );
  t.match(to("api:80"), { verdict: "nxdomain" }, "which is another");
  t.match(to("none.pay:80"), { verdict: "reject", why: [/no ready endpoints/] });
  t.match(to("api.pay:81"), { verdict: "reject", why: [/has the ports 80\/TCP/] });
  t.match(to("pay/api"), { verdict: "reject", why: [/needs a port/] });
  t.match(n.connect("shop/ghost", "api.pay:80"), { verdict: "nxdomain", why: [/no pod, workload or node/] });
  t.equal(n.connections("shop/*", "pay/api:8080").length, 2);
  t.end();
});

const l7 = ciliumPolicy("pay/l7", {
  endpointSelector: { matchLabels: { app: "api" } },
  ingress: [
    {
      fromEndpoints: [{ matchLabels: { role: "reader", "k8s:io.kubernetes.pod.namespace": "shop" } }],
      toPorts: [
        { ports: [{ port: "8080", protocol: "TCP" }], rules: { http: [{ method: "GET", path: "/v1/.*" }] } },
      ],
    },
  ],
});

t.test("HTTP rules decide the request that is at hand", (t) => {
  const n = net(l7);
  t.equal(
    n.connect("shop/web", "pay/api:8080").verdict,
    "redirect",
    "without one, what policy says of the connection",
  );
  t.equal(n.connect("shop/web", "http://api.pay/v1/items").verdict, "allow");
  t.match(n.connect("shop/web", "http://api.pay/v2/items"), {
    verdict: "deny",
    why: [/./, /./, /the proxy refuses GET \/v2\/items/],
  });
  t.equal(n.connect("shop/web", "http://api.pay/v1/items", { http: { method: "POST" } }).verdict, "deny");
  t.equal(n.connect("shop/editor", "http://api.pay/v1/items").verdict, "deny");
  const open = ciliumPolicy("pay/open", {
    endpointSelector: {},
    ingress: [{ toPorts: [{ ports: [{ port: "8080", protocol: "TCP" }] }] }],
  });
  t.equal(
    net(l7, open).connect("shop/web", "http://api.pay/v2/items").verdict,
    "allow",
    "a plain allow beside it lets all requests through",
  );
  t.end();
});

t.test("toFQDNs goes by what the agent learnt, and it learns only through its DNS proxy", (t) => {
  const names = {
    toFQDNs: [{ matchPattern: "*.stripe.com" }],
    toPorts: [{ ports: [{ port: "443", protocol: "TCP" }] }],
  };
  const dns = (rules?: object) => ({
    toEndpoints: [{ matchLabels: { app: "dns", "k8s:io.kubernetes.pod.namespace": "infra" } }],
    toPorts: [{ ports: [{ port: "53", protocol: "ANY" }], ...(rules && { rules }) }],
  });
  const policy = (...egress: object[]) =>
    loadObjects([...base, ciliumPolicy("shop/out", { endpointSelector: {}, egress })]);
  const ask = (cluster: ReturnType<typeof policy>, name: string) => {
    const engine = createEngine(cluster);
    const at = (ip: string) => engine.endpoints.byAddress(ip) as Endpoint;
    const { action, learned } = dnsQuery(engine, at("10.244.1.2"), at("10.244.3.2"), name);
    return [action, learned];
  };
  t.same(ask(policy(names), "api.stripe.com"), ["deny", false], "the forgotten port 53");
  t.same(ask(policy(names, dns()), "api.stripe.com"), ["allow", false], "answered, but seen by nobody");
  const watched = policy(names, dns({ dns: [{ matchPattern: "*.stripe.com" }] }));
  t.same(ask(watched, "API.stripe.com."), ["allow", true]);
  t.same(
    ask(watched, "api.stripe.com.shop.svc.cluster.local"),
    ["refuse", false],
    "a search domain's name has no rule",
  );
  const cache = createDnsCache();
  cache.lookup(0, "api.stripe.com.", ["203.0.113.9"], 30);
  const verdict = () => {
    const engine = createEngine(watched, { cilium: { dns: learnedAddresses(cache) } });
    const [from, to] = ["10.244.1.2", "203.0.113.9"].map((ip) => engine.endpoints.byAddress(ip) as Endpoint);
    return engine.connect(from as Endpoint, to as Endpoint, { port: 443, protocol: "TCP" }).verdict;
  };
  t.equal(verdict(), "allow");
  cache.gc(60);
  t.equal(verdict(), "allow", "expired, but a zombie");
  cache.conntrackGc(70, []);
  cache.conntrackGc(130, []);
  cache.gc(140);
  t.equal(verdict(), "deny");
  t.end();
});

t.test("every verdict says where it is written", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "netsim-net-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, "policies.yaml");
  writeFileSync(
    file,
    `# who may come in
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: api
  namespace: pay
spec:
  podSelector: {matchLabels: {app: api}}
  ingress:
    - ports: [{port: 9090}]
    - from:
        - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}
          podSelector: {matchLabels: {role: reader}}
      ports:
        - port: 8080
`,
  );
  const manifests = join(dir, "base.json");
  writeFileSync(manifests, JSON.stringify({ apiVersion: "v1", kind: "List", items: base }));
  return cluster(join(dir, "*.yaml"), manifests).then((n) => {
    t.match(n.connect("shop/web", "pay/api:8080"), {
      verdict: "allow",
      place: { object: "NetworkPolicy pay/api", file, line: 11 },
    });
    const denied = n.connect("shop/editor", "pay/api:8080");
    t.match(denied, { verdict: "deny", place: { object: "NetworkPolicy pay/api", file, line: 2 } });
    t.match(denied.why, [
      "egress allowed: no policy selects the pod",
      `ingress denied: only the rules of NetworkPolicy pay/api (${file}:2) allow, and none matches`,
    ]);
    t.same(n.problems, []);
  });
});

t.test("what is not evaluated is said in the verdicts that it could touch", (t) => {
  const authorization = {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name: "a", namespace: "pay" },
    spec: {},
  };
  const n = net(authorization);
  t.match(n.connect("shop/web", "pay/api:8080").why.at(-1), /not evaluated: AuthorizationPolicy pay\/a/);
  t.notMatch(n.connect("shop/web", "infra/dns:53/UDP").why.join(), /not evaluated/);
  const calico = calicoPolicy("pay/c", { selector: "all()" });
  t.match(
    net(l7, calico).connect("shop/web", "pay/api:8080").why.at(-1),
    /NetworkPolicy pay\/c .* is not evaluated beside cilium's/,
  );
  t.end();
});

t.test("a Cilium policy that the agent refuses has no effect, and is reported where it is written", (t) => {
  const n = createNet(
    loadText(`apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  endpointSelector: {}
  ingress:
    - fromEntities: [world]
      fromCIDR: [10.0.0.0/8]
    - icmps: [{fields: [{type: 8}]}]
      toPorts: [{ports: [{port: "80"}]}]
`),
  );
  t.match(n.problems, [
    { line: 7, field: "spec.ingress[0]", message: /combines fromCIDR and fromEntities/ },
    { line: 9, field: "spec.ingress[1]", message: /combines icmps and toPorts/ },
  ]);
  t.end();
});

t.test("rules that the agent takes and nobody means", (t) => {
  const rules = (spec: object) => net(ciliumPolicy("shop/p", { endpointSelector: {}, ...spec })).problems;
  t.match(rules({ ingress: [{}] }), [
    { severity: "warning", field: "spec.ingress[0]", message: /isolates, and allows nothing/ },
  ]);
  const ghost = { toServices: [{ k8sService: { serviceName: "ghost", namespace: "pay" } }] };
  t.match(rules({ egress: [ghost] }), [{ message: /names no Service that there is: it allows nothing/ }]);
  t.match(rules({ egress: [{ ...ghost, toPorts: [{ ports: [{ port: "80" }] }] }] }), [
    { message: /open to everybody/ },
  ]);
  t.same(
    rules({
      ingress: [{ fromEntities: ["all"] }],
      egress: [{ toServices: [{ k8sService: { serviceName: "api" } }] }],
    }),
    [],
  );
  t.end();
});

t.test("objects instead of files", async (t) => {
  const n = await cluster(...base, networkPolicy("pay/deny", { podSelector: {} }));
  t.equal(n.connect("shop/web", "api.pay:80").verdict, "deny");
});
