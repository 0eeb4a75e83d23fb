/** Advice that is followed in the text: only what changes is written anew. */
import { load } from "js-yaml";
import t from "tap";
import { applyOperation } from "../../src/doctor/apply.ts";
import { editText } from "../../src/doctor/edit.ts";
import { doctor } from "../../src/doctor/doctor.ts";
import { follow } from "../../src/doctor/follow.ts";
import { hunkOf, rebase } from "../../src/doctor/hunk.ts";
import { distance, nearest } from "../../src/doctor/nearest.ts";
import type { Change, Operation } from "../../src/doctor/types.ts";
import { loadText } from "../../src/model/load.ts";
import { broken, read } from "./support.ts";

const target = { apiVersion: "v1", kind: "Service", namespace: "shop", name: "web" };
const change = (...operations: Operation[]): Change => ({
  kind: "patch",
  target,
  file: "f",
  line: 1,
  operations,
});

const SERVICE = `# who comes in
apiVersion: v1
kind: Service
metadata:
  name: web # the shop
  namespace: shop
spec:
  ports:
  # for the edge
  - name: http
    port: 80
    targetPort: 8000 # to be mended
  - {name: metrics, port: 9090}
  selector: {app: web, tier: front}
# the end
`;

t.test("each entry by itself, comments beside it stay", (t) => {
  const cases: [string, Operation, (text: string) => string][] = [
    [
      "a value",
      { op: "add", path: "/spec/ports/0/targetPort", value: 8080 },
      (s) => s.replace("    targetPort: 8000 # to be mended", "    targetPort: 8080"),
    ],
    [
      "a new key",
      { op: "add", path: "/spec/ports/0/protocol", value: "TCP" },
      (s) => s.replace("8000 # to be mended", "8000 # to be mended\n    protocol: TCP"),
    ],
    [
      "an item at the end",
      { op: "add", path: "/spec/ports/-", value: { name: "x", port: 1 } },
      (s) => s.replace("port: 9090}\n", "port: 9090}\n  - name: x\n    port: 1\n"),
    ],
    [
      "an item in flow style",
      { op: "replace", path: "/spec/ports/1/port", value: 9091 },
      (s) => s.replace("  - {name: metrics, port: 9090}", "  - name: metrics\n    port: 9091"),
    ],
    [
      "a mapping in flow style",
      { op: "add", path: "/spec/selector/app", value: "shop" },
      (s) => s.replace("  selector: {app: web, tier: front}", "  selector:\n    app: shop\n    tier: front"),
    ],
    [
      "an entry that goes",
      { op: "remove", path: "/spec/ports/0/targetPort" },
      (s) => s.replace("    targetPort: 8000 # to be mended\n", ""),
    ],
    [
      "an item that goes",
      { op: "remove", path: "/spec/ports/1" },
      (s) => s.replace("  - {name: metrics, port: 9090}\n", ""),
    ],
    [
      "the first key of an item",
      { op: "add", path: "/spec/ports/0/name", value: "web" },
      (s) => s.replace("- name: http", "- name: web"),
    ],
    [
      "a text that YAML 1.1 takes for something else",
      { op: "add", path: "/spec/type", value: "yes" },
      (s) => s.replace("tier: front}\n", 'tier: front}\n  type: "yes"\n'),
    ],
  ];
  for (const [name, operation, expected] of cases)
    t.equal(editText(SERVICE, [change(operation)]), expected(SERVICE), name);
  t.end();
});

t.test("wherever the object stands", (t) => {
  const other =
    "apiVersion: v1\nkind: Service\nmetadata: {name: other, namespace: shop}\nspec: {ports: [{port: 1}]}\n";
  const type: Operation = { op: "add", path: "/spec/type", value: "NodePort" };
  const several = editText(`${other}---\n${SERVICE}---\n${other}`, [change(type)]) ?? "";
  t.equal(several.split("---\n")[0], other);
  t.equal(several.split("---\n")[2], other);
  t.match(several, /tier: front\}\n {2}type: NodePort\n/);

  const list = `apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: {name: web, namespace: shop}\n  spec:\n    ports: [{port: 80}]\n- apiVersion: v1\n  kind: Service\n  metadata: {name: other, namespace: shop}\n  spec: {ports: [{port: 1}]}\n`;
  const inList = load(editText(list, [change(type)]) ?? "") as { items: { spec: { type?: string } }[] };
  t.same(
    inList.items.map((i) => i.spec.type),
    ["NodePort", undefined],
  );

  const json = JSON.stringify({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "shop" },
    spec: { ports: [] },
  });
  t.match(JSON.parse(editText(json, [change(type)]) ?? ""), { spec: { type: "NodePort" } });
  t.equal(editText(other, [change(type)]), undefined, "it is not in this file");
  t.equal(
    editText(SERVICE, [change({ op: "replace", path: "/spec/nothing/0", value: 1 })]),
    undefined,
    "nothing to replace",
  );
  t.end();
});

t.test("new objects and sysctls", (t) => {
  const created = editText("a: 1\n", [
    { kind: "create", file: null, object: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" } } },
  ]);
  t.equal(created, "a: 1\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n");
  const sysctl = (line: number): Change => ({
    kind: "sysctl",
    file: "s",
    line,
    key: "net.core.somaxconn",
    value: "65535",
  });
  t.equal(
    editText("# a\nnet/core/somaxconn = 128\nb = 2\n", [sysctl(2)]),
    "# a\nnet/core/somaxconn = 65535\nb = 2\n",
  );
  t.equal(editText("b = 2\n", [sysctl(1)]), undefined, "another key stands there");
  t.end();
});

t.test("JSON Patch (RFC 6902, appendix A)", (t) => {
  const cases: [unknown, Operation, unknown][] = [
    [{ foo: "bar" }, { op: "add", path: "/baz", value: "qux" }, { baz: "qux", foo: "bar" }],
    [{ foo: ["bar", "baz"] }, { op: "add", path: "/foo/1", value: "qux" }, { foo: ["bar", "qux", "baz"] }],
    [{ baz: "qux", foo: "bar" }, { op: "remove", path: "/baz" }, { foo: "bar" }],
    [{ foo: ["bar", "qux", "baz"] }, { op: "remove", path: "/foo/1" }, { foo: ["bar", "baz"] }],
    [
      { baz: "qux", foo: "bar" },
      { op: "replace", path: "/baz", value: "boo" },
      { baz: "boo", foo: "bar" },
    ],
    [
      { foo: "bar" },
      { op: "add", path: "/child", value: { grandchild: {} } },
      { foo: "bar", child: { grandchild: {} } },
    ],
    [{ foo: "bar" }, { op: "add", path: "/baz/bat", value: "qux" }, undefined],
    [
      { foo: ["bar"] },
      { op: "add", path: "/foo/-", value: ["abc", "def"] },
      { foo: ["bar", ["abc", "def"]] },
    ],
    [
      { "/": 9, "~1": 10 },
      { op: "replace", path: "/~01", value: 11 },
      { "/": 9, "~1": 11 },
    ],
  ];
  for (const [before, operation, after] of cases)
    t.same(applyOperation(before, operation), after, operation.path);
  t.end();
});

t.test("differences in lines", (t) => {
  t.equal(hunkOf("a\nb\n", "a\nb\n"), undefined);
  t.same(hunkOf("a\nb\nc\n", "a\nx\ny\nc\n"), { first: 2, last: 2, lines: ["x", "y"] });
  t.same(hunkOf("a\nc\n", "a\nb\nc\n"), { first: 2, last: 1, lines: ["b"] });
  t.same(hunkOf("a\nb\nc\n", "a\nc\n"), { first: 2, last: 2, lines: [] });
  t.end();
});

t.test("slips of the pen", (t) => {
  t.equal(distance("backend", "bakcend"), 1, "a swap is one");
  t.equal(distance("web", "database"), 3);
  t.equal(nearest("fronted", ["frontend", "backend"]), "frontend");
  t.equal(nearest("kube_dns", ["kube-dns"]), "kube-dns");
  t.equal(nearest("a", ["b"]), undefined, "one letter is no slip of another");
  t.equal(nearest("web", ["web"]), undefined);
  t.equal(nearest("api", ["web", "db"]), undefined);
  t.end();
});

t.test("a change of a text that another has changed before", (t) => {
  const base = "a\nb\nc\nd\n";
  t.equal(rebase(base, "a\nB\nc\nd\n", base), "a\nB\nc\nd\n");
  t.equal(rebase(base, "a\nb\nc\nD\n", "x\na\nB\nc\nd\n"), "x\na\nB\nc\nD\n", "further down");
  t.equal(rebase(base, "a\nb\nnew\nc\nd\n", "a\nB\nc\nd\n"), "a\nB\nnew\nc\nd\n", "a line more");
  t.equal(rebase(base, "a\nc\nd\n", "a\nb\nc\nD\n"), "a\nc\nD\n", "a line less");
  t.equal(rebase(base, "a\nB\nc\nd\n", "a\nx\nc\nd\n"), undefined, "the line is another one now");
  t.equal(rebase("k x=1 y=2", "k x=1 y=3", "k x=9 y=2"), "k x=9 y=3", "words of one line");
  t.end();
});

t.test("several findings in one text are all mended", async (t) => {
  const text = read(broken("corefile-ready").cluster)
    .replace("        loop\n", "")
    .replace("cluster.local in", "cluster.lokal in");
  const { findings } = await doctor(loadText(text, "f"));
  t.same(findings.map((f) => f.id).sort(), ["NS/corefile-no-loop", "NS/corefile-ready", "NS/corefile-zone"]);
  const { files, left } = follow(findings, () => text);
  t.same(left, []);
  t.same((await doctor(loadText(files[0]?.after ?? "", "f"))).findings, []);
});
