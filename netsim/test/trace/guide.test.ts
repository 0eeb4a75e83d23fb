/** What guides to Kubernetes networking state about their own manifests, held against traces. */
import t from "tap";
import { costCurve } from "../../src/service/curve.ts";
import { at, example, guide, layers, names, placeOf } from "./support.ts";
import { readFileSync } from "node:fs";

const SERVICES = ["services", "services-pods"];

t.test("Services", async (t) => {
  const client = (to: string, ...more: string[]) => guide([...SERVICES, ...more], "default/client", to);

  const plain = await client("my-service:80");
  t.match(plain, { verdict: "allow", reason: "allowed", to: { port: 8080 } }, "port 80 is the pods' 8080");
  t.same(layers(plain), ["dns", "dns", "dns", "service", "policy", "route", "policy"]);
  t.match(at(plain, "service"), {
    what: /one of 3 endpoints \(33 %\)/,
    rule: /^-A KUBE-SEP-[A-Z2-7]{16} .* -j DNAT --to-destination 10\.1\.\d\.\d+:8080$/,
    object: "Service default/my-service",
  });
  t.equal((at(plain, "service")?.details?.["endpoints"] as string[]).length, 3);
  t.equal(names(plain)[0], "my-service.default.svc.cluster.local.");
  t.equal(placeOf(at(plain, "service")!), "services.yaml:11", "the line of the port");

  const ipvs = await client("my-service:80", "kube-proxy");
  t.match(
    at(ipvs, "service"),
    { rule: /^TCP 10\.96\.\d+\.\d+:80 rr$/ },
    "as kube-proxy's configuration says",
  );
  t.equal(ipvs.mode, "ipvs");

  const node = await guide(SERVICES, "203.0.113.9", "192.168.1.10:30080");
  t.match(node, { verdict: "allow", to: { port: 8080 } }, "a node's port from outside");
  t.match(at(node, "service"), {
    object: "Service default/my-nodeport-service",
    details: { masqueraded: true },
  });
  t.match(await guide(SERVICES, "203.0.113.9", plain.lookup?.result.addresses[0] + ":80"), {
    verdict: "unroutable",
    reason: "cluster-ip-from-outside",
  });

  const headless = await client("my-headless-service:5432");
  t.match(headless, { verdict: "allow", to: { port: 5432 } });
  t.notOk(at(headless, "service"), "no Service address stands between");
  t.match(headless.lookup?.result.addresses, [/^10\.1\.[12]\./, /^10\.1\.[12]\./], "the pods' own addresses");
  const first = await client("pod-0.my-headless-service.default.svc.cluster.local:5432");
  t.match(first, { verdict: "allow", to: { id: "default/pod-0" } }, "one pod of the StatefulSet");

  const alias = await client("external-db:5432");
  t.match(alias, { verdict: "allow", to: { id: /^203\.0\.113\./ } });
  t.ok(alias.hops.some((h) => h.what.includes("alias of mydb.example.com")));

  const sticky = await client("sticky-service:80");
  t.match(at(sticky, "service"), { what: /ClientIP/, details: { sessionAffinity: { seconds: 10800 } } });
});

t.test("default deny", async (t) => {
  const ask = (policy: string[], from: string, to: string) => guide(["production-pods", ...policy], from, to);
  t.match(
    await ask([], "production/frontend", "backend-service:8080"),
    { verdict: "allow" },
    "no policy, no limit",
  );
  const ingress = await ask(["default-deny-ingress"], "production/frontend", "backend-service:8080");
  t.match(ingress, { verdict: "deny", reason: "ingress-denied" });
  t.equal(at(ingress, "policy", "egress")?.verdict, "allow", "egress stays open");
  t.match(at(ingress, "policy", "ingress"), { object: "NetworkPolicy production/default-deny-ingress" });
  const all = await ask(["default-deny-all"], "production/frontend", "backend-service:8080");
  t.match(all, { verdict: "deny", reason: "dns-egress-denied" }, "not even the name is found");
  const address = await ask(["default-deny-all"], "production/frontend", "production/backend:8080");
  t.match(address, { verdict: "deny", reason: "egress-denied" });
  t.ok(address.notes.some((n) => n.code === "ingress-denied-too"));
});

t.test("frontend, backend, database", async (t) => {
  const ask = (from: string, to: string) => guide(["production-pods", "backend-policy"], from, to);
  const allowed = await ask("production/frontend", "http://backend-service:8080/");
  t.match(allowed, { verdict: "allow" });
  t.equal(placeOf(at(allowed, "policy", "ingress")!), "backend-policy.yaml:15", "the rule's line");
  const db = await ask("production/backend", "postgres:5432");
  t.match(db, { verdict: "allow" });
  t.equal(placeOf(at(db, "dns")!), "backend-policy.yaml:30", "the rule that lets queries through");
  t.match(await ask("production/backend", "redis:6379"), { verdict: "deny", reason: "egress-denied" });
  t.match(await ask("production/redis", "backend-service:8080"), {
    verdict: "deny",
    reason: "ingress-denied",
  });
  t.match(await ask("production/frontend", "production/backend:9090"), { verdict: "deny" }, "another port");
  t.match(
    await ask("production/frontend", "postgres:5432"),
    { verdict: "allow" },
    "no policy selects the database",
  );
});

t.test("Cilium: methods and paths", async (t) => {
  const ask = (from: string, path: string, method = "GET") =>
    guide(["l7-rule", "l7-rule-pods"], from, `http://backend${path}`, { method });
  const get = await ask("default/frontend", "/api/v1/items");
  t.match(get, { verdict: "allow" });
  t.match(at(get, "l7"), { verdict: "allow", file: example("l7-rule.yaml") });
  t.match(await ask("default/frontend", "/api/v1/orders", "POST"), { verdict: "allow" });
  t.match(await ask("default/frontend", "/api/v1/items", "POST"), { verdict: "deny", reason: "l7-denied" });
  t.match(await ask("default/frontend", "/admin"), { verdict: "deny", reason: "l7-denied" });
  t.match(await ask("default/other", "/api/v1/items"), { verdict: "deny", reason: "ingress-denied" });

  const api = (from: string, method: string, scheme = "http") =>
    guide(["api-l7-policy", "api-l7-pods"], `default/${from}`, `${scheme}://api-server:443/things`, {
      method,
    });
  for (const [from, method, verdict] of [
    ["reader", "GET", "allow"],
    ["reader", "POST", "deny"],
    ["writer", "GET", "allow"],
    ["writer", "POST", "allow"],
    ["writer", "PUT", "allow"],
    ["writer", "DELETE", "allow"],
    ["writer", "PATCH", "deny"],
    ["stranger", "GET", "deny"],
  ] as const)
    t.equal((await api(from, method)).verdict, verdict, `${from} ${method}`);
  t.match(
    await api("reader", "GET", "https"),
    { verdict: "deny", reason: "l7-tls" },
    "TLS is closed to the proxy",
  );
});

t.test("Cilium: names of the world outside", async (t) => {
  const ask = (files: string[], to: string) =>
    guide(["payment-pods", "dns-egress-policy", ...files], "default/payment", to);
  const alone = await ask([], "https://api.stripe.com");
  t.match(
    alone,
    { verdict: "deny", reason: "dns-egress-denied" },
    "as it stands, the name cannot even be asked for",
  );
  t.match(alone.remedy, { change: /rules: \{dns:/ });
  const blind = await ask(["dns-egress-blind"], "https://api.stripe.com");
  t.match(blind, { verdict: "deny", reason: "fqdn-not-learned" }, "answered, and seen by nobody");
  t.equal(at(blind, "dns")?.details?.["learned"], false);
  const seen = (to: string) => ask(["dns-egress-dns"], to);
  const stripe = await seen("https://api.stripe.com");
  t.match(stripe, { verdict: "allow" });
  t.equal(placeOf(at(stripe, "policy", "egress")!), "dns-egress-policy.yaml:10");
  t.match(await seen("https://api.paypal.com"), { verdict: "allow" });
  t.match(await seen("https://www.paypal.com"), { verdict: "deny", reason: "egress-denied" });
  t.match(
    await seen("http://api.stripe.com"),
    { verdict: "deny", reason: "egress-denied" },
    "port 80 is not 443",
  );
});

t.test("quiz 1: pods reach each other without NAT", async (t) => {
  const same = await guide(["services-pods"], "default/client", "default/my-app:8080");
  t.match(same, { verdict: "allow" });
  t.same(layers(same), ["policy", "route", "policy"], "neither a name nor a Service");
  t.match(at(same, "route")?.what, /no NAT/);
  const all = new Set<boolean>();
  for (const pod of ["my-app-1", "my-app-2", "my-app-3", "pod-0", "pod-1"]) {
    const there = await guide(["services-pods"], "default/client", `default/${pod}:8080`);
    const back = await guide(["services-pods"], `default/${pod}`, "default/client:9000");
    all.add(at(there, "route")?.details?.["sameNode"] === true);
    t.match(
      at(there, "policy", "ingress")?.details?.["peer"],
      "default/client",
      "the source is seen as it is",
    );
    t.equal(back.to.address, there.from.address, "the address that a pod has is the one that others see");
  }
  t.same(all.size, 2, "on the same node and on another");
});

t.test("quiz 2: the cost of a Service among many", (t) => {
  const sizes = [10, 100, 1000];
  const iptables = costCurve("iptables", sizes).map((c) => c.rules);
  const ebpf = costCurve("ebpf", sizes);
  t.ok(
    iptables[2]! > iptables[1]! * 5 && iptables[1]! > iptables[0]! * 2,
    `rules grow: ${iptables.join(", ")}`,
  );
  t.same(new Set(ebpf.map((c) => c.lookups)).size, 1, "lookups do not");
  t.same(new Set(ebpf.map((c) => c.rules)), new Set([0]));
  t.end();
});

t.test("quiz 4 and the common mistakes", async (t) => {
  const ask = (mistake: string, from: string, to: string, resolver = "glibc") =>
    guide(["production-pods", `mistakes/${mistake}`], from, to, { resolver });

  for (const resolver of ["glibc", "musl", "go"]) {
    const dns = await ask("no-dns", "production/backend", "postgres:5432", resolver);
    t.match(
      dns,
      { verdict: "deny", reason: "dns-egress-denied", lookup: { result: { ok: false } } },
      resolver,
    );
    t.ok(
      dns.hops.every((h) => h.layer === "dns" && h.verdict === "deny"),
      "every query is dropped",
    );
    t.equal(placeOf(dns.remedy!), "mistakes/no-dns.yaml:8");
    t.match(dns.remedy?.change, /k8s-app: kube-dns.*protocol: UDP, port: 53.*protocol: TCP, port: 53/);
  }
  t.match(
    await ask("no-dns", "production/backend", "production/postgres:5432"),
    { verdict: "allow" },
    "the address is open",
  );

  const namespace = await ask("no-namespace-selector", "staging/frontend", "backend-service.production:8080");
  t.match(namespace, {
    verdict: "deny",
    reason: "ingress-denied",
    remedy: { change: /^namespaceSelector: .*staging/ },
  });
  t.equal(placeOf(namespace.remedy!), "mistakes/no-namespace-selector.yaml:10");
  t.match(await ask("no-namespace-selector", "production/frontend", "backend-service:8080"), {
    verdict: "allow",
  });

  const type = await ask("no-egress-type", "production/backend", "redis:6379");
  t.match(type, { verdict: "allow" }, "egress rules that nobody reads");
  const ignored = type.notes.find((n) => n.code === "egress-rules-ignored");
  t.match(ignored, {
    object: "NetworkPolicy production/backend-egress",
    text: /policyTypes: \[Ingress, Egress\]/,
  });
  t.equal(placeOf(ignored!), "mistakes/no-egress-type.yaml:7");

  const cidr = await ask("wrong-cidr", "production/backend", "production/redis:6379");
  t.match(cidr, {
    verdict: "deny",
    reason: "egress-denied",
    remedy: { text: /10\.244\.22\.0\/24 does not hold/ },
  });
});

t.test("quiz 5: ndots", async (t) => {
  const ask = (from: string, name = "api.example.com") =>
    guide(["my-pod", "coredns"], `default/${from}`, `https://${name}`);
  const usual = await ask("default-pod");
  t.same(names(usual), [
    "api.example.com.default.svc.cluster.local.",
    "api.example.com.svc.cluster.local.",
    "api.example.com.cluster.local.",
    "api.example.com.",
  ]);
  t.equal(usual.lookup?.needless, 6, "three names, each for A and AAAA");
  t.ok(usual.notes.some((n) => n.code === "needless-queries"));
  const lowered = await ask("my-pod");
  t.same(names(lowered), ["api.example.com."], "with ndots 2");
  t.equal(lowered.lookup?.needless, 0);
  t.same(names(await ask("default-pod", "api.example.com.")), ["api.example.com."], "with a final dot");
});

t.test("the examples' Corefile is the one that answers", async (t) => {
  t.match(readFileSync(example("coredns.yaml"), "utf8"), /pods insecure/);
  const pod = await guide(
    ["my-pod", "coredns"],
    "default/default-pod",
    "10-1-1-2.default.pod.cluster.local:80",
  );
  t.same(pod.lookup?.result.addresses, ["10.1.1.2"]);
});
