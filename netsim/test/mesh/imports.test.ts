/** Multi-Cluster Services API (KEP-1645): exports become imports, and clusterdns serves their names. */
import t from "tap";
import { derivedName } from "../../src/mesh/imports.ts";
import type { Mesh } from "../../src/mesh/mesh.ts";
import { meshResolve } from "../../src/mesh/resolve.ts";
import { importsJson } from "../../src/mesh/text.ts";
import { meshTrace } from "../../src/mesh/trace.ts";
import { clusterText, meshOf, pod, service } from "./support.ts";

const exported = (
  name: string,
  time: string,
  spec = "",
  version = "v1alpha1",
) => `apiVersion: multicluster.x-k8s.io/${version}
kind: ServiceExport
metadata: { name: ${name}, namespace: shop, creationTimestamp: "2026-01-0${time}T00:00:00Z" }
${spec === "" ? "" : `spec: ${spec}`}
---
`;

interface Made {
  readonly ports?: string;
  readonly spec?: string;
  readonly export?: string;
  readonly bare?: boolean;
}

/** As a StatefulSet's pod. */
const named = (manifest: string): string =>
  manifest.replace("nodeName: node-1,", "nodeName: node-1, hostname: api-0, subdomain: api,");

function text(
  name: string,
  net: number,
  { ports, spec, export: more = exported("api", String(net)), bare = false }: Made,
): string {
  const api = service("api", {}, spec).replace(/ports: \[.*?\]/, (own) =>
    ports === undefined ? own : `ports: ${ports}`,
  );
  return clusterText(name, {
    net,
    more: bare ? "" : named(pod("api-0", `10.${net}.0.10`, "api")) + api + more,
  });
}

const mesh = (east: Made = {}, west: Made = {}): Mesh =>
  meshOf({ east: text("east", 1, east), west: text("west", 2, west) });

type Imported = {
  readonly spec: Record<string, unknown>;
  readonly status: unknown;
};
type Exported = {
  readonly cluster: string;
  readonly conditions: { type: string; status: string; reason: string; message: string }[];
};

/** The imports as the first cluster has them, and the status of all exports. */
function objects(m: Mesh): { imports: readonly Imported[]; exports: readonly Exported[] } {
  const { imports, exports } = importsJson(m) as {
    imports: { cluster: string; objects: Imported[] }[];
    exports: Exported[];
  };
  return { imports: imports[0]!.objects, exports };
}
const conflict = (m: Mesh) =>
  objects(m).exports.map((e) => e.conditions.find((c) => c.type === "Conflict")!)[0]!;

t.test("an import of two exports", (t) => {
  const made = objects(mesh());
  t.match(made.imports, [
    {
      spec: {
        type: "ClusterSetIP",
        ports: [{ name: "http", port: 80, protocol: "TCP" }],
        sessionAffinity: "None",
      },
      status: { clusters: [{ cluster: "east" }, { cluster: "west" }] },
    },
  ]);
  t.same(
    made.exports.map((e) => e.conditions.map((c) => `${c.type}=${c.status}`)),
    [
      ["Valid=True", "Ready=True", "Conflict=False"],
      ["Valid=True", "Ready=True", "Conflict=False"],
    ],
  );
  t.match(made.imports[0]!.spec["ips"], [/^10\.96\./], "its own address in this cluster");
  t.equal(
    derivedName("test", "demo"),
    "derived-p53o1ge3vn",
    "base32hex of SHA-256, computed by Python's hashlib and base64",
  );
  t.match(objects(mesh({ spec: "clusterIP: None" }, { spec: "clusterIP: None" })).imports, [
    { spec: { type: "Headless" }, status: { endpointSliceObjects: "Present" } },
  ]);
  t.equal(objects(mesh({ export: exported("api", "1", "", "v1beta1") })).imports.length, 1, "either version");
  t.end();
});

t.test("exports that contradict each other: the oldest decides", (t) => {
  t.match(conflict(mesh({ spec: "clusterIP: None" })), {
    status: "True",
    reason: "TypeConflict",
    message:
      'Conflicting type. 1/2 clusters disagree. Using "Headless" from oldest service export in cluster "east".',
  });
  t.match(
    objects(mesh({ export: exported("api", "9"), spec: "clusterIP: None" })).imports[0]!.spec,
    { type: "ClusterSetIP" },
    "east's is the younger one now",
  );
  t.match(conflict(mesh({}, { spec: "sessionAffinity: ClientIP" })), { reason: "SessionAffinityConflict" });
  t.match(objects(mesh({ spec: "sessionAffinity: ClientIP" })).imports[0]!.spec, {
    sessionAffinity: "ClientIP",
  });
  t.match(conflict(mesh({}, { export: exported("api", "2", "{ exportedLabels: { a: b } }") })), {
    reason: "LabelsConflict",
  });
  t.match(conflict(mesh({}, { export: exported("api", "2", "{ exportedAnnotations: { a: b } }") })), {
    reason: "AnnotationsConflict",
  });
  t.match(conflict(mesh({}, { spec: "internalTrafficPolicy: Local" })), {
    reason: "InternalTrafficPolicyConflict",
  });
  const more = mesh(
    {},
    { ports: "[{ name: http, port: 80, targetPort: 8080 }, { name: metrics, port: 9090 }]" },
  );
  t.match(conflict(more), { reason: "PortConflict", message: /^Ports from cluster "east" does not match/ });
  t.match(
    objects(more).imports[0]!.spec["ports"],
    [
      { name: "http", port: 80 },
      { name: "metrics", port: 9090 },
    ],
    "the union",
  );
  const taken = mesh({}, { ports: "[{ name: http, port: 8000, targetPort: 8080 }]" });
  t.match(conflict(taken), { reason: "PortConflict", message: /^Duplicated port name "http"/ });
  t.match(objects(taken).imports[0]!.spec["ports"], [{ name: "http", port: 80 }]);
  t.same(
    taken.imports[0]!.backends.map((b) => b.ports.length),
    [1, 0],
    "whose port was overruled has no endpoints for it",
  );
  const named = mesh({}, { ports: "[{ name: web, port: 80, targetPort: 8080 }]" });
  t.match(conflict(named), { reason: "PortConflict", message: /^Conflicting port name on "web 80\/TCP"/ });
  t.match(named.findings[0], {
    code: "export-conflict",
    severity: "warning",
    places: [{ cluster: "east", file: "east.yaml" }, { cluster: "west" }],
  });
  t.end();
});

t.test("exports of nothing", (t) => {
  const none = meshOf({
    east: clusterText("east", { net: 1, more: exported("ghost", "1") }),
    west: text("west", 2, {}),
  });
  t.match(none.findings, [
    { code: "export-invalid", message: /Service doesn't exist/, places: [{ file: "east.yaml" }] },
  ]);
  t.match(objects(none).exports.find((e) => e.cluster === "east")!.conditions[0], {
    type: "Valid",
    status: "False",
    reason: "NoService",
  });
  const alias = mesh({ spec: "type: ExternalName, externalName: a.example" });
  t.match(alias.statuses.find((s) => s.home.name === "east")!.conditions[0], {
    reason: "InvalidServiceType",
  });
  t.same(
    alias.imports[0]!.exports.map((e) => e.home.name),
    ["west"],
  );
  t.end();
});

t.test("names of clusterset.local, by clusterdns itself", async (t) => {
  const ask = async (m: Mesh, name: string, type = "A") => {
    const { rcode, answer } = await meshResolve(m, m.clusters[0]!, name, type);
    return [rcode, ...answer.map((a) => a.split(" ").slice(3).join(" ")).sort()];
  };
  const zone = "api.shop.svc.clusterset.local";
  const ip = await ask(mesh(), zone);
  t.match(ip, ["NOERROR", /^A 10\.96\./], "the import's own address");
  t.not((await ask(mesh(), "api.shop.svc.cluster.local"))[1], ip[1], "which is not the Service's");
  const given = `apiVersion: multicluster.x-k8s.io/v1alpha1
kind: ServiceImport
metadata: { name: api, namespace: shop }
spec: { type: ClusterSetIP, ips: [10.112.0.7], ports: [{ name: http, port: 80 }] }
---
`;
  t.same(
    await ask(mesh({ export: exported("api", "1") + given }), zone),
    ["NOERROR", "A 10.112.0.7"],
    "or the one that it has",
  );
  const headless = mesh({ spec: "clusterIP: None" }, { spec: "clusterIP: None" });
  t.same(
    await ask(headless, zone),
    ["NOERROR", "A 10.1.0.10", "A 10.2.0.10"],
    "headless: every cluster's pods",
  );
  t.same(await ask(headless, `api-0.west.${zone}`), ["NOERROR", "A 10.2.0.10"], "a pod by its cluster");
  t.same(await ask(headless, `api-0.east.${zone}`), ["NOERROR", "A 10.1.0.10"]);
  t.same(await ask(headless, `api-0.${zone}`), ["NXDOMAIN"], "not without");
  t.same(await ask(headless, `_http._tcp.${zone}`, "SRV"), [
    "NOERROR",
    `SRV 0 50 8080 api-0.east.${zone}.`,
    `SRV 0 50 8080 api-0.west.${zone}.`,
  ]);
  t.same(await ask(mesh(), "other.shop.svc.clusterset.local"), ["NXDOMAIN"]);
  const bare = mesh({}, { bare: true });
  t.match(await ask(bare, zone), ["NOERROR", /^A /], "one export is enough");
});

t.test("a connection to an import", async (t) => {
  const go = async (m: Mesh, to = "http://api.shop.svc.clusterset.local/") =>
    meshTrace(m, m.clusters[0]!, "shop/client", to);
  const both = await go(mesh());
  t.same(both.endpoints.map((e) => `${e.cluster} ${e.address}`).sort(), [
    "east 10.1.0.10:8080",
    "west 10.2.0.10:8080",
  ]);
  t.match(
    both.hops.find((h) => h.layer === "service"),
    { what: /Service shop\/derived-/ },
  );
  const near = {
    export: exported("api", "1", "{ exportedAnnotations: { service.cilium.io/affinity: local } }"),
  };
  t.same(
    (
      await go(
        mesh(near, {
          export: exported("api", "2", "{ exportedAnnotations: { service.cilium.io/affinity: local } }"),
        }),
      )
    ).endpoints.map((e) => e.cluster),
    ["east"],
    "affinity of the exported annotations",
  );
  const far = meshOf({ east: clusterText("east", { net: 1 }), west: text("west", 2, {}) });
  t.match(
    await go(far),
    { verdict: "allow", endpoints: [{ cluster: "west" }] },
    "a cluster that has no such Service imports it all the same",
  );
});

t.test("a Corefile without the zone", async (t) => {
  const corefile = `apiVersion: v1
kind: ConfigMap
metadata: { name: coredns, namespace: kube-system }
data: { Corefile: ".:53 {\\n kubernetes cluster.local\\n}\\n" }
---
`;
  const m = mesh({ export: exported("api", "1") + corefile });
  t.match(m.findings, [
    {
      code: "no-clusterset-zone",
      severity: "error",
      places: [{ cluster: "east", object: "ConfigMap kube-system/coredns" }],
    },
  ]);
  t.match((await meshResolve(m, m.clusters[0]!, "api.shop.svc.clusterset.local")).answer, []);
});
