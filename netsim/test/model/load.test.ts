/** What is wrong is reported by file, line and field, and the rest is still read. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { loadFiles, loadText } from "../../src/model/load.ts";
import { lineOf } from "../../src/model/source.ts";

const at = (problems: readonly { line: number; field?: string; severity: string; message: string }[]) =>
  problems.map((p) => [p.severity, p.line, p.field ?? ""]);

t.test("objects that the API server would refuse are left out", (t) => {
  const cluster = loadText(`apiVersion: v1
kind: Pod
metadata:
  name: a
  labels: {app: web, version: 1.0,
    fine: yes}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p}
spec:
  podSelector: {}
  ingress:
    - from:
        - ipBlock:
            cidr: 10.0.0.0
        - podSelector: {}
          ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/8]}
      ports:
        - port: 8000
          endPort: 7000
        - port: "80"
---
apiVersion: v1
kind: Service
metadata: {name: s}
spec:
  selector: {app: web}
---
apiVersion: v1
kind: Pod
metadata: {name: good}
`);
  t.same(at(cluster.problems), [
    ["error", 5, "metadata.labels.version"],
    ["error", 6, "metadata.labels.fine"],
    ["error", 16, "spec.ingress[0].from[0].ipBlock.cidr"],
    ["error", 18, "spec.ingress[0].from[1].ipBlock.except[0]"],
    ["error", 17, "spec.ingress[0].from[1]"],
    ["error", 20, "spec.ingress[0].ports[0]"],
    ["error", 22, "spec.ingress[0].ports[1].port"],
    ["error", 27, "spec"],
  ]);
  t.match(cluster.problems[0], { object: "Pod a", message: /must be a string, not a number/ });
  t.match(cluster.problems[2]?.message, /did you mean "10.0.0.0\/32"/);
  t.match(cluster.problems[6]?.message, /take the quotes away/);
  t.same(
    cluster.pods.map((p) => p.metadata.name),
    ["good"],
  );
  t.equal(cluster.networkPolicies.length + cluster.services.length, 0);
  t.end();
});

t.test("misspelt fields of a policy are pointed out", (t) => {
  const cluster = loadText(`apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p}
spec:
  podselector: {}
  ingress:
    - form: []
`);
  t.same(at(cluster.problems), [
    ["warning", 7, "spec.ingress[0].form"],
    ["warning", 5, "spec.podselector"],
  ]);
  t.match(cluster.problems[1]?.message, /did you mean podSelector/);
  t.equal(cluster.networkPolicies.length, 1);
  t.end();
});

t.test("a workload whose selector does not select its own pods", (t) => {
  const { problems, pods } = loadText(`apiVersion: apps/v1
kind: DaemonSet
metadata: {name: cache, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: cache}}
  template:
    spec: {containers: [{name: c}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: fine}
spec:
  selector: {matchLabels: {app: fine}}
  template: {metadata: {labels: {app: fine, tier: a}}, spec: {containers: [{name: c}]}}
`);
  t.match(at(problems), [["warning", 6, "spec.template.metadata.labels"]]);
  t.match(problems[0]?.message, /wants k8s-app=cache, which the template's labels lack/);
  t.ok(pods.length >= 2, "its pods are looked at all the same");
  t.end();
});

t.test("broken text, unknown kinds, things that are no objects", (t) => {
  const cluster = loadText(`apiVersion: v1
kind: Pod
metadata: {name: a
---
replicas: 2
---
- a
---
apiVersion: example.com/v1
kind: Widget
metadata: {name: one}
---
apiVersion: example.com/v2
kind: Widget
metadata: {name: two}
---
apiVersion: v1
kind: Secret
metadata: {name: hidden}
data: {password: c2VjcmV0}
---
apiVersion: v1
kind: Pod
metadata: {name: b}
---
apiVersion: v1
kind: Pod
metadata: {name: b}
---
apiVersion: v1
kind: Pod
metadata: {namespace: x}
---
kind: {{ .Values.kind }}
name: x: y
`);
  const texts = cluster.problems.map((p) => `${p.line}: ${p.message}`);
  t.match(texts, [
    /^4: unexpected end/,
    /^5: is not a Kubernetes object: it has no kind/,
    /^7: is not a Kubernetes object but a list/,
    /^26: is defined again: this one counts/,
    /^32: is missing/,
    /^3[45]: .*Helm template/,
    /^9: unknown kind Widget .*\(2 objects\)/,
  ]);
  t.same(
    cluster.pods.map((p) => p.metadata.name),
    ["b"],
  );
  t.same(
    cluster.others.get("Widget")?.map((o) => o.metadata.name),
    ["one", "two"],
  );
  t.notOk(cluster.others.has("Secret"), "secrets are not kept");
  t.end();
});

t.test("files, directories, patterns", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "netsim-load-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(join(dir, "sub/.hidden"), { recursive: true });
  const put = (path: string, name: string) =>
    writeFileSync(join(dir, path), `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\n`);
  put("a.yaml", "a");
  put("sub/b.yml", "b");
  put("sub/.hidden/c.yaml", "c");
  put("d.txt", "d");
  writeFileSync(join(dir, "kustomization.yaml"), "resources: [a.yaml]\n");
  const names = (...inputs: string[]) =>
    loadFiles(inputs.map((i) => join(dir, i))).pods.map((p) => p.metadata.name);
  t.same(names("."), ["a", "b"], "a directory: its manifests, and those below");
  t.same(loadFiles([dir]).problems, [], "a kustomization is no manifest, and no fault");
  t.same(names("*.yaml"), ["a"]);
  t.same(names("**/*.y*ml"), ["a", "b"]);
  t.same(names("d.txt"), ["d"], "a file that is named is read, whatever it is called");
  t.match(loadFiles([join(dir, "nowhere")]).problems, [{ line: 0, message: /no such file/ }]);
  t.match(loadFiles([join(dir, "*.json")]).problems, [{ line: 0, message: /no YAML or JSON/ }]);
  const stdin = Buffer.from("apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: {x: 1}\n");
  t.match(loadFiles(["-"], { stdin }).problems, [{ line: 5, file: "(standard input)" }]);
  t.end();
});

t.test("lines of fields", (t) => {
  const text = `apiVersion: v1
items:
- apiVersion: v1
  kind: Pod
  metadata:
    name: a
    labels:
      app.kubernetes.io/name: x
  spec: {containers: [
    {name: one},
    {name: two, ports: [{containerPort: 80}]}]}
kind: List
`;
  const [pod] = loadText(text, "lines.yaml").pods;
  const line = (...path: (string | number)[]) => lineOf(pod?.source ?? { file: "", line: 0 }, path);
  t.equal(line(), 3);
  t.equal(line("metadata"), 5);
  t.equal(line("metadata", "labels", "app.kubernetes.io/name"), 8);
  t.equal(line("spec", "containers", 1), 11);
  t.equal(line("spec", "containers", 1, "ports", 0, "containerPort"), 11);
  t.equal(line("metadata", "annotations"), 5, "what is not there: its parent");
  t.end();
});

t.test("what the API server fills in", (t) => {
  const cluster = loadText(`
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {type: NodePort, clusterIP: 10.96.0.1, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: h}
spec: {clusterIP: None, selector: {a: b}}
`);
  t.same(cluster.problems, []);
  t.match(cluster.services[0], {
    metadata: { namespace: "default" },
    spec: {
      ports: [{ port: 80, targetPort: 80, protocol: "TCP" }],
      clusterIPs: ["10.96.0.1"],
      sessionAffinity: "None",
      internalTrafficPolicy: "Cluster",
      externalTrafficPolicy: "Cluster",
    },
  });
  t.same(cluster.services[1]?.spec.externalTrafficPolicy, undefined);
  t.same(
    cluster.namespaces.map((n) => [n.metadata.name, n.metadata.labels]),
    [["default", { "kubernetes.io/metadata.name": "default" }]],
  );
  t.throws(() => (cluster.pods as unknown[]).push(1), "a cluster does not change");
  t.end();
});
