/** Calico's policies, by its documentation (docs.tigera.io: network policy, tiers, selectors, network sets). */
import t from "tap";
import { loadObjects } from "../../src/model/load.ts";
import { createNet } from "../../src/policy/net.ts";
import { parseCalicoSelector } from "../../src/select/calico-selector.ts";
import { calicoPolicy, globalPolicy, namespace, networkPolicy, node, pod, tier } from "./make.ts";

const base = [
  namespace("shop", { team: "retail" }),
  namespace("pay", { team: "finance" }),
  node("node-1", "172.18.0.2"),
  pod("shop/web", { app: "web" }, "10.244.1.2", { ports: [{ name: "http", containerPort: 8080 }] }),
  pod("shop/api", { app: "api", tier: "mid" }, "10.244.1.3", {
    ports: [{ name: "http", containerPort: 8081 }],
    spec: { serviceAccountName: "api" },
  }),
  pod("pay/db", { app: "db" }, "10.244.2.2", { ports: [{ containerPort: 5432 }] }),
];
const net = (...objects: object[]) => createNet(loadObjects([...base, ...objects]));
const toWeb = (...policies: object[]) => {
  const n = net(...policies);
  return {
    api: n.connect("shop/api", "shop/web:8080").verdict,
    db: n.connect("pay/db", "shop/web:8080").verdict,
  };
};
const web = { selector: "app == 'web'" };

t.test("rules in order, then deny", (t) => {
  const allowApi = { action: "Allow", source: { selector: "app == 'api'" } };
  t.same(toWeb(calicoPolicy("shop/p", { ...web, ingress: [allowApi] })), { api: "allow", db: "deny" });
  t.same(toWeb(calicoPolicy("shop/p", { ...web, ingress: [{ action: "Deny" }, allowApi] })), {
    api: "deny",
    db: "deny",
  });
  t.same(
    toWeb(calicoPolicy("shop/p", { ...web, ingress: [{ action: "Log" }, allowApi] })),
    { api: "allow", db: "deny" },
    "Log decides nothing",
  );
  t.same(toWeb(calicoPolicy("shop/p", { ...web, types: ["Egress"] })), { api: "allow", db: "allow" });
  t.same(
    toWeb(calicoPolicy("shop/p", { ...web })),
    { api: "deny", db: "deny" },
    "no rules: a policy about ingress",
  );
  t.end();
});

t.test("a selector of a namespaced policy stays in its namespace, a global one's does not", (t) => {
  const ingress = [{ action: "Allow", source: { selector: "app in {'api', 'db'}" } }];
  t.same(toWeb(calicoPolicy("shop/p", { ...web, ingress })), { api: "allow", db: "deny" });
  t.same(toWeb(globalPolicy("p", { ...web, ingress })), { api: "allow", db: "allow" });
  const wide = [
    { action: "Allow", source: { selector: "app == 'db'", namespaceSelector: "team == 'finance'" } },
  ];
  t.same(toWeb(calicoPolicy("shop/p", { ...web, ingress: wide })), { api: "deny", db: "allow" });
  const notDb = [{ action: "Allow", source: { notSelector: "app == 'db'" } }];
  t.same(toWeb(globalPolicy("p", { ...web, ingress: notDb })), { api: "allow", db: "deny" });
  t.end();
});

t.test("order among policies; NetworkPolicies stand at 1000", (t) => {
  const policy = (order: number | undefined, action: string) =>
    globalPolicy(`p-${order}-${action.toLowerCase()}`, {
      ...web,
      ...(order !== undefined && { order }),
      ingress: [{ action }],
    });
  t.equal(toWeb(policy(10, "Deny"), policy(20, "Allow")).api, "deny");
  t.equal(toWeb(policy(30, "Deny"), policy(20, "Allow")).api, "allow");
  t.equal(toWeb(policy(undefined, "Deny"), policy(20, "Allow")).api, "allow", "without an order: last");
  const kubernetes = networkPolicy("shop/k", { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] });
  t.same(toWeb(kubernetes, policy(2000, "Deny")), { api: "allow", db: "deny" });
  t.same(toWeb(kubernetes, policy(500, "Deny")), { api: "deny", db: "deny" });
  t.same(
    toWeb(kubernetes, policy(2000, "Allow")),
    { api: "allow", db: "allow" },
    "no default deny before the tier's end",
  );
  t.end();
});

t.test("tiers: Pass goes to the next, its end denies", (t) => {
  const early = tier("security", { order: 100 });
  const policy = (name: string, of: string, action: string, source = {}) =>
    globalPolicy(name, { ...web, tier: of, ingress: [{ action, source }] });
  const api = { selector: "app == 'api'" };
  t.same(
    toWeb(early, policy("security.a", "security", "Allow", api)),
    { api: "allow", db: "deny" },
    "the tier's end denies",
  );
  t.same(
    toWeb(early, policy("security.a", "security", "Pass", api)),
    { api: "allow", db: "deny" },
    "past the last tier a pod is open",
  );
  t.same(toWeb(early, policy("security.a", "security", "Pass"), policy("a", "default", "Allow", api)), {
    api: "allow",
    db: "deny",
  });
  t.same(toWeb(early, policy("security.a", "security", "Deny", api), policy("a", "default", "Allow")), {
    api: "deny",
    db: "deny",
  });
  const passing = tier("security", { order: 100, defaultAction: "Pass" });
  t.same(toWeb(passing, policy("security.a", "security", "Deny", api)), { api: "deny", db: "allow" });
  t.end();
});

t.test("ports, protocols and their negations", (t) => {
  const rule = (more: object) => {
    const n = net(calicoPolicy("shop/p", { ...web, ingress: [{ action: "Allow", ...more }] }));
    return ["8080", "9090", "8080/UDP", "8/ICMP"].filter(
      (p) => n.connect("shop/api", `shop/web:${p}`).verdict === "allow",
    );
  };
  t.same(rule({ protocol: "TCP" }), ["8080", "9090"]);
  t.same(rule({ protocol: "TCP", destination: { ports: ["8000:8999"] } }), ["8080"]);
  t.same(rule({ protocol: "TCP", destination: { ports: ["http"] } }), ["8080"]);
  t.same(rule({ protocol: "TCP", destination: { notPorts: [8080] } }), ["9090"]);
  t.same(rule({ protocol: 17 }), ["8080/UDP"]);
  t.same(rule({ notProtocol: "TCP" }), ["8080/UDP", "8/ICMP"]);
  t.same(rule({ protocol: "ICMP", icmp: { type: 8 } }), ["8/ICMP"]);
  t.same(rule({ protocol: "ICMP", icmp: { type: 0 } }), []);
  t.same(rule({ ipVersion: 6 }), []);
  t.end();
});

t.test("networks, network sets and service accounts", (t) => {
  const from = (source: object, ...more: object[]) =>
    toWeb(globalPolicy("p", { ...web, ingress: [{ action: "Allow", source }] }), ...more);
  t.same(from({ nets: ["10.244.2.0/24"] }), { api: "deny", db: "allow" });
  t.same(from({ notNets: ["10.244.2.0/24"] }), { api: "allow", db: "deny" });
  const set = {
    apiVersion: "projectcalico.org/v3",
    kind: "GlobalNetworkSet",
    metadata: { name: "s", labels: { trust: "yes" } },
    spec: { nets: ["10.244.2.2/32"] },
  };
  t.same(from({ selector: "trust == 'yes'" }, set), { api: "deny", db: "allow" });
  t.same(from({ selector: "trust == 'yes'", namespaceSelector: "global()" }, set), {
    api: "deny",
    db: "allow",
  });
  t.same(from({ serviceAccounts: { names: ["api"] } }), { api: "allow", db: "deny" });
  t.same(from({ selector: "projectcalico.org/namespace == 'pay'" }), { api: "deny", db: "allow" });
  t.end();
});

t.test("the policy's own end can be narrowed by a rule", (t) => {
  const n = net(
    calicoPolicy("shop/p", {
      selector: "all()",
      ingress: [{ action: "Allow", destination: { selector: "app == 'api'" } }],
    }),
  );
  t.equal(n.connect("pay/db", "shop/api:8081").verdict, "allow");
  t.equal(n.connect("pay/db", "shop/web:8080").verdict, "deny");
  t.end();
});

t.test("what a pod's own node sends comes in", (t) => {
  t.equal(net(calicoPolicy("shop/p", { ...web })).connect("node-1", "shop/web:8080").verdict, "allow");
  t.end();
});

t.test("selector expressions", (t) => {
  const labels = { app: "web-shop", tier: "mid", "app.kubernetes.io/name": "x" };
  const cases: [string, boolean][] = [
    ["", true],
    ["all()", true],
    ["app == 'web-shop'", true],
    ['app == "web-shop"', true],
    ["app != 'web-shop'", false],
    ["absent != 'x'", true],
    ["has(tier)", true],
    ["!has(absent)", true],
    ["tier in {'low', 'mid'}", true],
    ["tier not in {'low', 'mid'}", false],
    ["absent not in {'a'}", true],
    ["absent in {'a'}", false],
    ["app contains 'b-s'", true],
    ["app starts with 'web'", true],
    ["app ends with 'web'", false],
    ["app.kubernetes.io/name == 'x'", true],
    ["has(tier) && tier == 'low' || app == 'web-shop'", true],
    ["has(tier) && (tier == 'low' || app == 'other')", false],
    ["!(tier == 'mid')", false],
  ];
  for (const [text, want] of cases) {
    const parsed = parseCalicoSelector(text);
    t.equal(typeof parsed === "string" ? parsed : parsed.matches(labels), want, text || "(empty)");
  }
  for (const text of [
    "app = 'x'",
    "app ==",
    "(app == 'x'",
    "app == 'x' &&",
    "no(such)",
    "app == web",
    "'a' == 'a'",
    `${"(".repeat(5000)}`,
  ]) {
    t.type(parseCalicoSelector(text), "string", `refused: ${text.slice(0, 20)}`);
  }
  t.end();
});

t.test("a faulty selector is reported where it is written, and its policy has no effect", (t) => {
  const n = net(calicoPolicy("shop/p", { selector: "app = 'web'", ingress: [] }));
  t.match(n.problems, [{ object: "NetworkPolicy shop/p", field: "spec.selector", severity: "error" }]);
  t.equal(n.connect("pay/db", "shop/web:8080").verdict, "allow");
  t.end();
});
