/** Input is cut into objects before anything is parsed; each keeps its place. */
import t from "tap";
import { loadText } from "../../src/model/load.ts";
import { split } from "../../src/model/split.ts";

const pieces = (text: string) => {
  const bytes = Buffer.from(text);
  return [...split(bytes)].map((p) => ({
    line: p.line,
    text: bytes.toString("utf8", p.start, p.end).trim(),
    of: p.of?.kind,
  }));
};

t.test("documents", (t) => {
  t.same(pieces("a: 1\n---\nb: 2\n"), [
    { line: 1, text: "a: 1", of: undefined },
    { line: 3, text: "b: 2", of: undefined },
  ]);
  t.same(
    pieces("# only words\n---\n\n# more\nb: 2\n--- # comment\nc: 3").map((p) => p.line),
    [5, 7],
    "comments and empty documents",
  );
  t.same(pieces("---\na: 1\n---\n---\n").length, 1);
  t.same(
    pieces("a: |\n  x\n  ---\n  y\nb: ----\n---not: a separator\n").length,
    1,
    "dashes that separate nothing",
  );
  t.same(
    pieces("\ufeffa: 1\r\n---\r\nb: 2\r\n").map((p) => p.line),
    [1, 3],
    "a byte order mark, and lines that end in CR LF",
  );
  t.same(pieces(""), []);
  t.end();
});

const list = (indent: string) => `apiVersion: v1
items:
${indent}- apiVersion: v1
${indent}  kind: Pod
${indent}  metadata: {name: a}
${indent}  text: |
${indent}    - not an entry
${indent}- apiVersion: v1
${indent}  kind: Pod
${indent}  metadata: {name: b}
kind: List
metadata: {resourceVersion: ""}
`;

t.test("a YAML list's entries", (t) => {
  for (const indent of ["", "  "]) {
    t.same(
      pieces(list(indent)).map((p) => [p.line, p.of]),
      [
        [3, "List"],
        [8, "List"],
      ],
      `indented by ${indent.length}`,
    );
    const cluster = loadText(list(indent));
    t.same(cluster.problems, []);
    t.same(
      cluster.pods.map((p) => [p.metadata.name, p.source.line]),
      [
        ["a", 3],
        ["b", 8],
      ],
    );
  }
  const inner = "apiVersion: v1\nkind: Thing\nmetadata: {name: x}\nitems:\n- a\n- b\n";
  t.equal(pieces(inner).length, 1, "an object with items is no list");
  t.end();
});

t.test("JSON: lists, values in a row, a bare array", (t) => {
  const pod = (name: string) =>
    `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"${name}","labels":{"q":"}] \\\\\\" {"}}}`;
  const names = (text: string) => {
    const cluster = loadText(text);
    t.same(cluster.problems, [], text.slice(0, 40));
    return cluster.pods.map((p) => [p.metadata.name, p.source.line]);
  };
  t.same(names(`{"kind":"List","apiVersion":"v1","items":[\n${pod("a")},\n${pod("b")}\n]}`), [
    ["a", 2],
    ["b", 3],
  ]);
  t.same(
    names(`{"items":[${pod("a")}],"metadata":{"items":[{"x":1}]},"kind":"List","apiVersion":"v1"}`),
    [["a", 1]],
    "the kind may come last",
  );
  t.same(names(`${pod("a")}\n${pod("b")}`), [
    ["a", 1],
    ["b", 2],
  ]);
  t.same(names(`[${pod("a")},\n${pod("b")}]`), [
    ["a", 1],
    ["b", 2],
  ]);
  t.same(
    names(`{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"a"}}]}`),
    [["a", 1]],
    "a typed list's entries need no kind",
  );
  t.same(names(`{"kind":"List","apiVersion":"v1","items":[]}`), []);
  t.end();
});

t.test("a list in a list", (t) => {
  const cluster = loadText(`{"kind":"List","apiVersion":"v1","items":[
{"kind":"List","apiVersion":"v1","items":[
  {"apiVersion":"v1","kind":"Pod","metadata":{"name":"deep"}}]}]}`);
  t.same(
    cluster.pods.map((p) => [p.metadata.name, p.source.line]),
    [["deep", 3]],
  );
  t.end();
});
