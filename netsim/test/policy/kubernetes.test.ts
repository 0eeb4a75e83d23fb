/** NetworkPolicy beyond the recordings: nodes, the host's network, finished pods, protocols; and how kinds act together. */
import t from "tap";
import { loadObjects } from "../../src/model/load.ts";
import { createNet } from "../../src/policy/net.ts";
import { adminPolicy, ciliumPolicy, clusterPolicy, namespace, networkPolicy, node, pod } from "./make.ts";

const net = (...objects: object[]) => createNet(loadObjects(objects));

const base = [
  node("node-1", "172.18.0.2"),
  node("node-2", "172.18.0.3"),
  pod("shop/web", { app: "web" }, "10.244.1.2", { ports: [{ name: "http", containerPort: 8080 }] }),
  pod("shop/api", { app: "api" }, "10.244.1.3", {
    node: "node-2",
    ports: [{ name: "http", containerPort: 8081 }],
  }),
  pod("pay/db", { app: "db" }, "10.244.2.2", { ports: [{ containerPort: 5432 }] }),
  pod("pay/agent", { app: "agent" }, "172.18.0.2", {
    spec: { hostNetwork: true },
    ports: [{ containerPort: 9100 }],
  }),
  pod("pay/done", { app: "db" }, "10.244.2.3", { status: { phase: "Succeeded" } }),
];
const denyAll = networkPolicy("shop/deny", { podSelector: {}, policyTypes: ["Ingress", "Egress"] });

t.test("an isolated pod and nodes", (t) => {
  const n = net(...base, denyAll);
  t.equal(n.connect("pay/db", "shop/web:8080").verdict, "deny");
  t.equal(n.connect("node-1", "shop/web:8080").verdict, "allow", "its own node, whose kubelet probes it");
  t.equal(n.connect("node-2", "shop/web:8080").verdict, "deny", "another node");
  t.equal(
    n.connect("pay/agent", "shop/web:8080").verdict,
    "allow",
    "a pod in its own node's network is that node",
  );
  t.equal(n.connect("shop/web", "node-1:10250").verdict, "allow", "the way back, too");
  t.equal(n.connect("shop/web", "node-2:10250").verdict, "deny");
  t.end();
});

t.test("pods in the host's network", (t) => {
  const isolate = networkPolicy("pay/deny", { podSelector: {}, policyTypes: ["Ingress"] });
  t.equal(
    net(...base, isolate).connect("shop/web", "pay/agent:9100").verdict,
    "allow",
    "no policy selects them",
  );
  const from = (peer: object) =>
    networkPolicy("shop/allow", { podSelector: {}, ingress: [{ from: [peer] }] });
  const bySelector = net(
    ...base,
    from({ namespaceSelector: {}, podSelector: { matchLabels: { app: "agent" } } }),
  );
  t.equal(bySelector.connect("pay/agent", "shop/api:8081").verdict, "deny", "no selector finds them");
  const byAddress = net(...base, from({ ipBlock: { cidr: "172.18.0.2/32" } }));
  t.equal(byAddress.connect("pay/agent", "shop/api:8081").verdict, "allow", "their address does");
  t.end();
});

t.test("finished pods are gone", (t) => {
  t.equal(net(...base).connect("shop/web", "pay/done:5432").verdict, "nxdomain");
  t.equal(
    net(...base).engine.endpoints.byAddress("10.244.2.3")?.kind,
    "external",
    "and have given their address back",
  );
  t.end();
});

t.test("a named port is the destination's own", (t) => {
  const policy = networkPolicy("shop/http", { podSelector: {}, ingress: [{ ports: [{ port: "http" }] }] });
  const n = net(...base, policy);
  t.equal(n.connect("pay/db", "shop/web:8080").verdict, "allow");
  t.equal(n.connect("pay/db", "shop/web:8081").verdict, "deny");
  t.equal(n.connect("pay/db", "shop/api:8081").verdict, "allow");
  t.equal(n.connect("pay/db", "shop/web:8080/UDP").verdict, "deny", "TCP unless it says otherwise");
  t.end();
});

t.test("only a rule without ports takes ICMP", (t) => {
  const rules = (ports: object[]) =>
    net(...base, networkPolicy("shop/p", { podSelector: {}, ingress: [{ ports }] }));
  t.equal(rules([{ protocol: "TCP" }]).connect("pay/db", "shop/web:8/ICMP").verdict, "deny");
  t.equal(rules([]).connect("pay/db", "shop/web:8/ICMP").verdict, "allow");
  t.end();
});

t.test("defaults of policyTypes", (t) => {
  const types = (spec: object) => {
    const [policy] = loadObjects([networkPolicy("shop/p", { podSelector: {}, ...spec })]).networkPolicies;
    return policy?.spec.policyTypes;
  };
  t.same(types({}), ["Ingress"]);
  t.same(types({ egress: [] }), ["Ingress"], "an empty list is no egress rule");
  t.same(types({ egress: [{}] }), ["Ingress", "Egress"]);
  t.same(types({ policyTypes: ["Egress"] }), ["Egress"]);
  t.end();
});

t.test("tiers: ClusterNetworkPolicy (v1alpha2)", (t) => {
  const everyone = { namespaces: {} };
  const rule = (action: string, more: object = {}) => ({
    action,
    from: [{ namespaces: { matchLabels: { "kubernetes.io/metadata.name": "pay" } } }],
    ...more,
  });
  const admin = (ingress: object[], priority = 10) =>
    clusterPolicy(`admin-${priority}`, { tier: "Admin", priority, subject: everyone, ingress });
  const baseline = clusterPolicy("base", {
    tier: "Baseline",
    priority: 1,
    subject: everyone,
    ingress: [rule("Deny")],
  });
  const toWeb = (...more: object[]) => net(...base, ...more).connect("pay/db", "shop/web:8080").verdict;
  t.equal(toWeb(admin([rule("Accept")]), denyAll), "allow", "above every NetworkPolicy");
  t.equal(
    toWeb(admin([rule("Pass"), rule("Accept")]), denyAll),
    "deny",
    "Pass leaves the tier, whatever follows in it",
  );
  t.equal(toWeb(admin([rule("Deny")], 5), admin([rule("Accept")], 6)), "deny", "the lower number counts");
  t.equal(toWeb(baseline), "deny");
  t.equal(
    toWeb(baseline, networkPolicy("shop/open", { podSelector: {}, ingress: [{}] })),
    "allow",
    "an isolated pod never comes to the baseline",
  );
  t.equal(
    toWeb(
      admin([
        rule("Accept", { protocols: [{ tcp: { destinationPort: { range: { start: 8000, end: 8999 } } } }] }),
      ]),
      denyAll,
    ),
    "allow",
  );
  t.equal(toWeb(admin([rule("Accept", { protocols: [{ udp: {} }] })]), denyAll), "deny");
  t.equal(
    toWeb(admin([rule("Accept", { protocols: [{ destinationNamedPort: "http" }] })]), denyAll),
    "allow",
  );
  t.end();
});

t.test("networks and nodes as an administrator's peers", (t) => {
  const policy = adminPolicy("out", {
    priority: 1,
    subject: { namespaces: {} },
    egress: [
      { action: "Allow", to: [{ networks: ["203.0.113.0/24"] }] },
      { action: "Deny", to: [{ networks: ["0.0.0.0/0"] }] },
    ],
  });
  const n = net(...base, policy);
  t.equal(n.connect("shop/web", "203.0.113.9:443").verdict, "allow");
  t.equal(n.connect("shop/web", "198.51.100.9:443").verdict, "deny");
  const toNodes = net(
    ...base,
    adminPolicy("n", {
      priority: 1,
      subject: { namespaces: {} },
      egress: [{ action: "Deny", to: [{ nodes: {} }] }],
    }),
  );
  t.equal(toNodes.connect("shop/web", "node-2:10250").verdict, "deny");
  t.end();
});

t.test("in a Cilium cluster NetworkPolicies and Cilium's are one set of rules", (t) => {
  const allow = ciliumPolicy("shop/api", {
    endpointSelector: {},
    ingress: [{ fromEndpoints: [{ matchLabels: { "k8s:io.kubernetes.pod.namespace": "pay" } }] }],
  });
  t.equal(
    net(...base, denyAll, allow).connect("pay/db", "shop/web:8080").verdict,
    "allow",
    "a union of what they allow",
  );
  const byAddress = networkPolicy("shop/cidr", {
    podSelector: {},
    ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/8" } }] }],
  });
  t.equal(
    net(...base, byAddress).connect("pay/db", "shop/web:8080").verdict,
    "allow",
    "an ipBlock takes pods' addresses",
  );
  const elsewhere = ciliumPolicy("pay/x", {
    endpointSelector: { matchLabels: { app: "none" } },
    ingress: [{ fromEntities: ["all"] }],
  });
  t.equal(
    net(...base, byAddress, elsewhere).connect("pay/db", "shop/web:8080").verdict,
    "deny",
    "but Cilium's CIDRs never do",
  );
  t.end();
});

t.test("a namespace that nobody declares has its name as a label", (t) => {
  const from = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "pay" } } };
  const n = net(
    ...base,
    networkPolicy("shop/p", { podSelector: {}, ingress: [{ from: [from] }] }),
    namespace("other"),
  );
  t.equal(n.connect("pay/db", "shop/web:8080").verdict, "allow");
  t.equal(n.connect("shop/api", "shop/web:8080").verdict, "deny");
  t.end();
});
